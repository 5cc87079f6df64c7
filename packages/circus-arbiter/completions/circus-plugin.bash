# Made by docs/generate.py from circus-plugin --help: change that, not this.
_circus_plugin() {
    local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"
    COMPREPLY=()
    case "$before" in
        --endpoint) :; return ;;
        --pubsub) :; return ;;
        --config) :; return ;;
        --check-delay) :; return ;;
        --log-level) :; return ;;
        --log-output) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --ssh) :; return ;;
    esac
    if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "--help --endpoint --pubsub --config --check-delay --log-level --log-output --ssh --version" -- "$current"))
    fi
}
complete -o filenames -F _circus_plugin circus-plugin
