#compdef circusd
# Made by docs/generate.py from circusd --help: change that, not this.
_arguments \
    '(-h --help)-h[show this help message and exit]' \
    '(-h --help)--help[show this help message and exit]' \
    '(--log-level)--log-level[log level; default\: info]:value:(debug info warning error critical)' \
    '(--log-output)--log-output[where to log\: a file, - for standard error, or syslog\://HOST\:PORT]:log-output:_files' \
    '(--logger-config)--logger-config[logging configuration\: ini, JSON or YAML]:logger-config:_files' \
    '(--daemon)--daemon[go into the background, and return when circusd is ready]' \
    '(--pidfile)--pidfile[file that holds the pid of circusd while it runs]:pidfile:_files' \
    '(--check)--check[only read the configuration, and say what is wrong with it]' \
    '(--version)--version[say the version and exit]' \
    '*:file:_files'
