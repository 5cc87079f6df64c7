"""What is wrong with a configuration, said once and completely: where, what, and the way out. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, final

from circus.config.document import Origin
from circus.exc import CircusError

if TYPE_CHECKING:
    from circus.config.model import Config

__all__ = ["ConfigError", "Problem", "Report", "Severity", "nearest"]


class Severity(Enum):
    """How bad it is."""

    ERROR = "error"
    """Nothing is run with this."""
    WARNING = "warning"
    """It is run, and may not be what was meant."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Args:
        text: what, with what is allowed and the way out.
        origin: the file and line.
        section: the section, without brackets.
        option: the option in it.
        severity: whether it stops us.
        suggestion: the nearest right spelling.
    """

    text: str
    origin: Origin | None = None
    section: str | None = None
    option: str | None = None
    severity: Severity = Severity.ERROR
    suggestion: str | None = None

    def __str__(self) -> str:
        where = f"{self.origin}: " if self.origin is not None else ""
        subject = f"[{self.section}] " if self.section is not None else ""
        if self.option is not None:
            subject += f"{self.option}"
        subject = f"{subject.rstrip()}: " if subject else ""
        hint = f"; did you mean {self.suggestion}?" if self.suggestion is not None else ""
        return f"{where}{self.severity.value}: {subject}{self.text}{hint}"


@final
class ConfigError(CircusError):
    """A configuration cannot be run. It says everything that is wrong, a line each.

    Args:
        problems: at least one error; warnings may stand beside it.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check of a configuration found.

    Args:
        files: the files that were read.
        problems: all of them, by file and line.
        config: the configuration; None if there is an error.
    """

    files: tuple[str, ...]
    problems: tuple[Problem, ...]
    config: "Config | None"

    @property
    def ok(self) -> bool:
        """Whether it can be run. There may be warnings."""
        return self.config is not None

    def render(self) -> str:
        """Everything, for a person: a line a problem and one that sums up."""
        errors = sum(problem.severity is Severity.ERROR for problem in self.problems)
        warnings = len(self.problems) - errors
        lines = [str(problem) for problem in self.problems]
        files = ", ".join(self.files) or "nothing"
        if self.config is None:
            lines.append(f"{files}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
        else:
            what = ", ".join(
                _count(len(items), word)
                for items, word in (
                    (self.config.watchers, "watcher"),
                    (self.config.sockets, "socket"),
                    (self.config.plugins, "plugin"),
                )
            )
            lines.append(f"{files}: ok ({what}), {_count(warnings, 'warning')}")
        return "\n".join(lines)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that somebody who wrote `word` most likely meant; None if nothing is near."""
    known = {choice.lower(): choice for choice in choices}
    from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

    found = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return known[found[0]] if found else None


def by_place(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sorted as they stand in the files; those without a place come first."""
    return tuple(sorted(problems, key=lambda problem: problem.origin or Origin("")))
