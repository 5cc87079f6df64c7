"""The completion scripts of shells, and where they go. They ask `circusctl completion query` and know nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from circus.ctl.failures import Failure

__all__ = ["SCRIPTS", "install", "shell_in_use"]

_BASH: Final = """\
_circusctl() {
    local IFS=$'\\n'
    COMPREPLY=($(circusctl completion query "$COMP_CWORD" "${COMP_WORDS[@]}" 2>/dev/null))
}
complete -o default -F _circusctl circusctl
"""

_ZSH: Final = """\
#compdef circusctl
_circusctl() {
    local -a found
    found=("${(@f)$(circusctl completion query $((CURRENT - 1)) "${words[@]}" 2>/dev/null)}")
    if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
if [[ "$funcstack[1]" = _circusctl ]]; then _circusctl "$@"; else compdef _circusctl circusctl; fi
"""

_FISH: Final = """\
function __circusctl_complete
    set -l words (commandline -opc)
    circusctl completion query (count $words) $words (commandline -ct) 2>/dev/null
end
complete -c circusctl -f -a '(__circusctl_complete)'
"""

SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def shell_in_use(environ: Mapping[str, str]) -> str:
    """The user's shell, by its name."""
    return Path(environ.get("SHELL", "")).name


def _destination(shell: str, environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HOME") or Path.home())
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return {
        "bash": data / "bash-completion" / "completions" / "circusctl",
        "zsh": data / "zsh" / "site-functions" / "_circusctl",
        "fish": config / "fish" / "completions" / "circusctl.fish",
    }[shell]


def install(shell: str, environ: Mapping[str, str]) -> str:
    """Write the script of a shell where it looks for them, as the user.

    Returns:
        What the user still has to know.

    Raises:
        Failure: it cannot be written.
    """
    path = _destination(shell, environ)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SCRIPTS[shell])
    except OSError as error:
        raise Failure(f"error: cannot write {path}: {error.strerror}") from error
    note = {
        "bash": "It works in new shells where bash-completion is installed.",
        "zsh": f"Put this into .zshrc before compinit: fpath+=({path.parent})",
        "fish": "It works in new shells.",
    }[shell]
    return f"wrote {path}\n{note}"
