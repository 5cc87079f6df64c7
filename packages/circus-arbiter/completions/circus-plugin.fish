# Made by docs/generate.py from circus-plugin --help: change that, not this.
complete -c circus-plugin -f
complete -c circus-plugin -l help -s h -d 'show this help message and exit'
complete -c circus-plugin -l endpoint -x -d 'where circusd receives commands'
complete -c circus-plugin -l pubsub -x -d 'where circusd publishes events'
complete -c circus-plugin -l config -x -d 'the plugin'"'"'s options: a JSON object, or key:value:::key:value'
complete -c circus-plugin -l check-delay -x -d 'circusd'"'"'s check_delay in seconds'
complete -c circus-plugin -l log-level -x -d 'default: info'
complete -c circus-plugin -l log-output -r -F -d 'a file, - for standard error, or syslog://'
complete -c circus-plugin -l ssh -x -d 'user@host:port to go through to circusd'
complete -c circus-plugin -l version -d 'show the version and exit'
