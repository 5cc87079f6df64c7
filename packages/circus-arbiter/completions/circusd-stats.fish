# Made by docs/generate.py from circusd-stats --help: change that, not this.
complete -c circusd-stats -f
complete -c circusd-stats -l help -s h -d 'show this help message and exit'
complete -c circusd-stats -l endpoint -x -d 'where circusd takes commands [tcp://127.0.0.1:5555]'
complete -c circusd-stats -l pubsub -x -d 'where it publishes events [tcp://127.0.0.1:5556]'
complete -c circusd-stats -l statspoint -x -d 'where to publish the figures [tcp://127.0.0.1:5557]'
complete -c circusd-stats -l log-level -x -a 'debug info warning error critical' -d '[info]'
complete -c circusd-stats -l log-output -r -F -d 'a file; - is standard output [-]'
complete -c circusd-stats -l ssh -x -d 'reach both endpoints through this ssh server, user@host:port'
complete -c circusd-stats -l version -d 'show the version and exit'
complete -c circusd-stats -l metrics -x -d 'answer GET /metrics there, in the Prometheus or OpenMetrics format [off]'
complete -c circusd-stats -l statsd -x -d 'send gauges to this statsd each 10 s, over UDP [off]'
complete -c circusd-stats -l statsd-prefix -x -d 'first part of their names [circus]'
