"""Completion files of the commands for bash, zsh and fish, which the packages install below share/. Pure, given the help texts.

Theory: circusctl completes itself, names of watchers and all, so its files are the scripts that it has for that. The other commands
have options and few words: theirs are written from what their ``--help`` says.
"""

import re
import shlex

from circus.ctl.scripts import SCRIPTS
from parts.helps import help_text
from parts.helptext import Help, Option, options, read

__all__ = ["PLACES", "SHELLS", "completion"]

SHELLS = ("bash", "zsh", "fish")
PLACES = {
    "bash": "share/bash-completion/completions/{}",
    "zsh": "share/zsh/site-functions/_{}",
    "fish": "share/fish/vendor_completions.d/{}.fish",
}
"""Where a shell looks for the file of a command, below the prefix that it is installed in."""


def completion(name: str, shell: str) -> str:
    """The file of a command for a shell.

    Args:
        name: one of `parts.helps.PROGRAMS`.
        shell: one of `SHELLS`.
    """
    if name == "circusctl":
        return SCRIPTS[shell]
    found = read(help_text((name,)))
    made = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](name, found)
    note = f"# Made by docs/generate.py from {name} --help: change that, not this.\n"
    if shell == "zsh":  # whose first line is its own
        first, _, rest = made.partition("\n")
        return f"{first}\n{note}{rest}"
    return note + made


def _takes_files(found: Help) -> bool:
    return any(term == "config" for section in found.sections for term, _ in section.entries)


def _is_file(option: Option) -> bool:
    return option.value == "FILE" or option.names[-1].endswith(("-output", "file"))


def _brief(text: str) -> str:
    """Without the defaults and ranges at its end."""
    return re.sub(r"\s+[\[(](?:default|x|\d|\$).*$", "", text).rstrip(".")


def _function(name: str) -> str:
    return "_" + re.sub(r"\W", "_", name)


def _bash(name: str, found: Help) -> str:
    known = list(options(found))
    function = _function(name)
    lines = [
        f"{function}() {{",
        '    local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"',
        "    COMPREPLY=()",
        '    case "$before" in',
    ]
    for option in known:
        if option.value and not option.choices:
            reply = 'COMPREPLY=($(compgen -f -- "$current"))' if _is_file(option) else ":"
            lines.append(f"        {'|'.join(option.names)}) {reply}; return ;;")
        elif option.choices:
            words = " ".join(option.choices)
            reply = f'COMPREPLY=($(compgen -W "{words}" -- "$current"))'
            lines.append(f"        {'|'.join(option.names)}) {reply}; return ;;")
    words = " ".join(name for option in known for name in option.names if name.startswith("--"))
    lines += [
        "    esac",
        f'    if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "{words}" -- "$current"))',
    ]
    if _takes_files(found):
        lines.append('    else COMPREPLY=($(compgen -f -- "$current"))')
    return "\n".join([*lines, "    fi", "}", f"complete -o filenames -F {function} {name}", ""])


def _zsh(name: str, found: Help) -> str:
    lines = [f"#compdef {name}", "_arguments \\"]
    for option in options(found):
        text = re.sub(r"([\[\]:\\])", r"\\\1", _brief(option.text))
        if option.choices:
            action = f":value:({' '.join(option.choices)})"
        elif option.value:
            action = f":{option.names[-1].strip('-')}:{'_files' if _is_file(option) else ' '}"
        else:
            action = ""
        others = "*" if re.search("repeated|more than one", text) else f"({' '.join(option.names)})"
        lines += [f"    {shlex.quote(f'{others}{spelling}[{text}]{action}')} \\" for spelling in option.names]
    lines += ["    '*:file:_files'"] if _takes_files(found) else []
    return "\n".join([*lines, ""]).rstrip("\n\\ ") + "\n"


def _fish(name: str, found: Help) -> str:
    lines = [] if _takes_files(found) else [f"complete -c {name} -f"]
    for option in options(found):
        words = [f"complete -c {name}"]
        words += [f"-l {spelling[2:]}" for spelling in option.names if spelling.startswith("--")]
        words += [f"-s {spelling[1:]}" for spelling in option.names if not spelling.startswith("--")]
        if option.choices:
            words.append(f"-x -a {shlex.quote(' '.join(option.choices))}")
        elif option.value:
            words.append("-r -F" if _is_file(option) else "-x")
        if option.text:
            words.append(f"-d {shlex.quote(_brief(option.text))}")
        lines.append(" ".join(words))
    return "\n".join([*lines, ""])
