function __circusctl_complete
    set -l words (commandline -opc)
    circusctl completion query (count $words) $words (commandline -ct) 2>/dev/null
end
complete -c circusctl -f -a '(__circusctl_complete)'
