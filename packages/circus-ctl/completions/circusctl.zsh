#compdef circusctl
_circusctl() {
    local -a found
    found=("${(@f)$(circusctl completion query $((CURRENT - 1)) "${words[@]}" 2>/dev/null)}")
    if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
if [[ "$funcstack[1]" = _circusctl ]]; then _circusctl "$@"; else compdef _circusctl circusctl; fi
