_circusctl() {
    local IFS=$'\n'
    COMPREPLY=($(circusctl completion query "$COMP_CWORD" "${COMP_WORDS[@]}" 2>/dev/null))
}
complete -o default -F _circusctl circusctl
