# Made by docs/generate.py from circusd-stats --help: change that, not this.
_circusd_stats() {
    local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"
    COMPREPLY=()
    case "$before" in
        --endpoint) :; return ;;
        --pubsub) :; return ;;
        --statspoint) :; return ;;
        --log-level) COMPREPLY=($(compgen -W "debug info warning error critical" -- "$current")); return ;;
        --log-output) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --ssh) :; return ;;
        --metrics) :; return ;;
        --statsd) :; return ;;
        --statsd-prefix) :; return ;;
    esac
    if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "--help --endpoint --pubsub --statspoint --log-level --log-output --ssh --version --metrics --statsd --statsd-prefix" -- "$current"))
    fi
}
complete -o filenames -F _circusd_stats circusd-stats
