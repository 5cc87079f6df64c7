#compdef circus-top
# Made by docs/generate.py from circus-top --help: change that, not this.
_arguments \
    '*--endpoint[Of circusd, or of its circusd-stats; more than one are shown together]:endpoint: ' \
    '(--ssh)--ssh[Go through this ssh server, user@host\:port]:ssh: ' \
    '(--process-timeout)--process-timeout[Seconds of silence after which a process is dropped]:process-timeout: ' \
    '(--interval)--interval[Seconds between two looks]:interval: ' \
    '(--sort)--sort[What to order by]:value:(cpu mem age pid name restarts)' \
    '(--filter)--filter[Show what contains this\: watcher, pid, command, user, state]:filter: ' \
    '(--once)--once[Write one frame of text and leave]' \
    '(--batch)--batch[Write frames of text until stopped, or -n of them]' \
    '(-n)-n[Frames of --batch]:n: ' \
    '(--json)--json[Write frames as JSON, one a line]' \
    '(--version)--version[Show the version and leave]' \
    '(-h --help)-h[Show this message and exit]' \
    '(-h --help)--help[Show this message and exit]'
