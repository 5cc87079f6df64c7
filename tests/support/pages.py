"""The blocks of code in a page of Markdown, and what a test does with each.

A block is tested by its language: ``python`` is run, ``ini`` and ``toml`` go through `circus.config.check`, ``json`` is parsed,
``sh`` is parsed by a shell, and the commands of a ``console`` are run and their output is compared. A comment before the block
says more: ``<!-- test: WORDS -->``, with the words

- ``file=NAME``: it is a file of the page's folder, which later blocks use;
- ``background``: the command of this console goes on running (circusd, until the page ends); ``background as COMMAND``
  runs another one in its place;
- ``output``: this text is what the Python block before printed;
- ``skip: WHY``: it is not run.

In what is printed, ``…`` stands for some text, and a line ``...`` for some lines; numbers of two digits or more, fractions and
durations are alike.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LANGUAGES", "Block", "Step", "alike", "blocks", "steps"]

LANGUAGES = frozenset(
    {"python", "ini", "toml", "json", "sh", "console", "text", "dockerfile", "systemd", "conf"}
)
"""What a block may be; one of another kind fails the tests, so that none escapes them."""

_FENCE = re.compile(
    r"(?:^<!-- test: (?P<words>[^\n]*?) -->\n+)?^(?P<ticks>```+)(?P<language>[\w{}-]*)[^\n]*\n(?P<text>.*?)^(?P=ticks)$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code."""

    page: Path
    line: int
    language: str
    text: str
    words: str = ""

    @property
    def file(self) -> str | None:
        found = re.match(r"file=(\S+)", self.words)
        return found[1] if found else None

    @property
    def skipped(self) -> str | None:
        """Why it is not run."""
        found = re.match(r"skip: (.+)", self.words)
        return found[1] if found else None

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line} ({self.language})"


def blocks(page: Path) -> Iterator[Block]:
    """Those of a page that hold code, in order."""
    text = page.read_text()
    for found in _FENCE.finditer(text):
        if not found["language"].startswith("{"):
            line = text.count("\n", 0, found.start("ticks")) + 1
            yield Block(page, line, found["language"], found["text"], found["words"] or "")


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a console, and what it prints."""

    command: str
    output: str


def steps(text: str) -> Iterator[Step]:
    """The commands of a console."""
    command, output = "", []
    for line in text.splitlines():
        if line.startswith("$ "):
            if command:
                yield Step(command, "\n".join(output))
            command, output = line[2:], []
        elif line.startswith("> ") and not output:
            command += "\n" + line[2:]
        else:
            output.append(line)
    if command:
        yield Step(command, "\n".join(output))


_VARIES = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\d\d:\d\d:\d\d"), "00:00:00"),
    (re.compile(r"\d+\.\d+"), "0.0"),
    (re.compile(r"\b(pid:? ?=?)\d+"), r"\g<1>00"),
    (re.compile(r"\d{2,}"), "00"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|m|h)\b"), "0 s"),
    (re.compile(r"\s+"), " "),
)


def _normal(text: str) -> str:
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    return text.strip()


def alike(expected: str, printed: str) -> bool:
    """Whether a command printed what the page says.

    >>> alike("pid 1234 runs for 2 s\\n...\\nbye …", "pid 77123 runs for 31 s\\na\\nb\\nbye now")
    True
    >>> alike("one", "two")
    False
    """
    pattern = ""
    for line in expected.strip().splitlines():
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part.strip()) for part in _normal(line).split("…")) + "\n"
    lines = "".join(f"{_normal(line)}\n" for line in printed.strip().splitlines())
    return re.fullmatch(pattern, lines) is not None
