# Made by docs/generate.py from circus-top --help: change that, not this.
_circus_top() {
    local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"
    COMPREPLY=()
    case "$before" in
        --endpoint) :; return ;;
        --ssh) :; return ;;
        --process-timeout) :; return ;;
        --interval) :; return ;;
        --sort) COMPREPLY=($(compgen -W "cpu mem age pid name restarts" -- "$current")); return ;;
        --filter) :; return ;;
        -n) :; return ;;
    esac
    if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "--endpoint --ssh --process-timeout --interval --sort --filter --once --batch --json --version --help" -- "$current"))
    fi
}
complete -o filenames -F _circus_top circus-top
