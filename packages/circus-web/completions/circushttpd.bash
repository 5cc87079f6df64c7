# Made by docs/generate.py from circushttpd --help: change that, not this.
_circushttpd() {
    local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"
    COMPREPLY=()
    case "$before" in
        --endpoint) :; return ;;
        --allow-endpoint) :; return ;;
        --host) :; return ;;
        --port) :; return ;;
        --fd) :; return ;;
        --ssh) :; return ;;
        --log-level) COMPREPLY=($(compgen -W "debug info warning error critical" -- "$current")); return ;;
        --log-output) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --allowed-host) :; return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --users) COMPREPLY=($(compgen -f -- "$current")); return ;;
    esac
    if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "--help --endpoint --allow-endpoint --host --port --fd --ssh --log-level --log-output --allowed-host --tls-cert --tls-key --users --hash-password --insecure-no-auth --insecure-no-tls --version" -- "$current"))
    fi
}
complete -o filenames -F _circushttpd circushttpd
