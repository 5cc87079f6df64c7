#compdef circusd-stats
# Made by docs/generate.py from circusd-stats --help: change that, not this.
_arguments \
    '(-h --help)-h[show this help message and exit]' \
    '(-h --help)--help[show this help message and exit]' \
    '(--endpoint)--endpoint[where circusd takes commands \[tcp\://127.0.0.1\:5555\]]:endpoint: ' \
    '(--pubsub)--pubsub[where it publishes events \[tcp\://127.0.0.1\:5556\]]:pubsub: ' \
    '(--statspoint)--statspoint[where to publish the figures \[tcp\://127.0.0.1\:5557\]]:statspoint: ' \
    '(--log-level)--log-level[\[info\]]:value:(debug info warning error critical)' \
    '(--log-output)--log-output[a file; - is standard output \[-\]]:log-output:_files' \
    '(--ssh)--ssh[reach both endpoints through this ssh server, user@host\:port]:ssh: ' \
    '(--version)--version[show the version and exit]' \
    '(--metrics)--metrics[answer GET /metrics there, in the Prometheus or OpenMetrics format \[off\]]:metrics: ' \
    '(--statsd)--statsd[send gauges to this statsd each 10 s, over UDP \[off\]]:statsd: ' \
    '(--statsd-prefix)--statsd-prefix[first part of their names \[circus\]]:statsd-prefix: '
