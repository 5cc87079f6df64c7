#compdef circus-plugin
# Made by docs/generate.py from circus-plugin --help: change that, not this.
_arguments \
    '(-h --help)-h[show this help message and exit]' \
    '(-h --help)--help[show this help message and exit]' \
    '(--endpoint)--endpoint[where circusd receives commands]:endpoint: ' \
    '(--pubsub)--pubsub[where circusd publishes events]:pubsub: ' \
    '(--config)--config[the plugin'"'"'s options\: a JSON object, or key\:value\:\:\:key\:value]:config: ' \
    '(--check-delay)--check-delay[circusd'"'"'s check_delay in seconds]:check-delay: ' \
    '(--log-level)--log-level[default\: info]:log-level: ' \
    '(--log-output)--log-output[a file, - for standard error, or syslog\://]:log-output:_files' \
    '(--ssh)--ssh[user@host\:port to go through to circusd]:ssh: ' \
    '(--version)--version[show the version and exit]'
