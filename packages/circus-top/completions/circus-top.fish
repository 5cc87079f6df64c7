# Made by docs/generate.py from circus-top --help: change that, not this.
complete -c circus-top -f
complete -c circus-top -l endpoint -x -d 'Of circusd, or of its circusd-stats; more than one are shown together'
complete -c circus-top -l ssh -x -d 'Go through this ssh server, user@host:port'
complete -c circus-top -l process-timeout -x -d 'Seconds of silence after which a process is dropped'
complete -c circus-top -l interval -x -d 'Seconds between two looks'
complete -c circus-top -l sort -x -a 'cpu mem age pid name restarts' -d 'What to order by'
complete -c circus-top -l filter -x -d 'Show what contains this: watcher, pid, command, user, state'
complete -c circus-top -l once -d 'Write one frame of text and leave'
complete -c circus-top -l batch -d 'Write frames of text until stopped, or -n of them'
complete -c circus-top -s n -x -d 'Frames of --batch'
complete -c circus-top -l json -d 'Write frames as JSON, one a line'
complete -c circus-top -l version -d 'Show the version and leave'
complete -c circus-top -l help -s h -d 'Show this message and exit'
