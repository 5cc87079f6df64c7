# Made by docs/generate.py from circusd --help: change that, not this.
_circusd() {
    local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"
    COMPREPLY=()
    case "$before" in
        --log-level) COMPREPLY=($(compgen -W "debug info warning error critical" -- "$current")); return ;;
        --log-output) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --logger-config) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --pidfile) COMPREPLY=($(compgen -f -- "$current")); return ;;
    esac
    if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "--help --log-level --log-output --logger-config --daemon --pidfile --check --version" -- "$current"))
    else COMPREPLY=($(compgen -f -- "$current"))
    fi
}
complete -o filenames -F _circusd circusd
