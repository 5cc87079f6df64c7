"""Files of ``examples/`` that pages show. Pure but for reading them."""

from collections import defaultdict
from functools import partial
from pathlib import Path

from parts.markdown import fence

__all__ = ["PARTS", "container_words"]

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_SHOWN = {
    "example-systemd": ("systemd", "systemd/circus.service"),
    "example-container": ("dockerfile", "container/Containerfile"),
}


def container_words(text: str) -> dict[str, list[str]]:
    """The instructions of a container file, and what each is told."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word.isupper():
            found[word].append(rest)
    return dict(found)


def _show(language: str, name: str) -> str:
    return fence(language, (_EXAMPLES / name).read_text())


PARTS = {part: partial(_show, *what) for part, what in _SHOWN.items()}
