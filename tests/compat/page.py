"""Write the table of differences into the page for people who come from the reference.

.venv/bin/python tests/compat/page.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from differences import as_page  # noqa: E402

__all__ = ["PAGE", "with_table"]

PAGE = ROOT / "docs" / "coming-from-circus-0.19.md"
BEGIN, END = "<!-- differences: made by tests/compat/page.py -->\n", "<!-- end of differences -->\n"


def with_table(text: str) -> str:
    """The page with the table as it is now."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}{as_page()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
