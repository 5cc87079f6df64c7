# Made by docs/generate.py from circusd --help: change that, not this.
complete -c circusd -l help -s h -d 'show this help message and exit'
complete -c circusd -l log-level -x -a 'debug info warning error critical' -d 'log level; default: info'
complete -c circusd -l log-output -r -F -d 'where to log: a file, - for standard error, or syslog://HOST:PORT'
complete -c circusd -l logger-config -r -F -d 'logging configuration: ini, JSON or YAML'
complete -c circusd -l daemon -d 'go into the background, and return when circusd is ready'
complete -c circusd -l pidfile -r -F -d 'file that holds the pid of circusd while it runs'
complete -c circusd -l check -d 'only read the configuration, and say what is wrong with it'
complete -c circusd -l version -d 'say the version and exit'
