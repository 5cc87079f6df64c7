"""Record what the reference answers, as golden messages for circus-protocol's own tests.

    .venv/bin/python tests/compat/record.py

The corpus is asked; times, pids and readings in the answers are replaced by fixed ones of the same type.
"""

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from corpus import GROUPS  # noqa: E402

from daemons import Daemon  # noqa: E402
from differential import run_group  # noqa: E402
from requires import REFERENCE  # noqa: E402

GOLDEN = ROOT / "packages" / "circus-protocol" / "tests" / "golden"


def record() -> dict[str, list[dict[str, object]]]:
    """Request and reply of every well-formed case, by command."""
    recorded: dict[str, list[dict[str, object]]] = {}
    for group in GROUPS:
        folder = Path(tempfile.mkdtemp(prefix="cc"))
        with Daemon(folder, group.config, program=REFERENCE / "circusd") as daemon:
            answers = run_group(daemon, group)
        for case in group.cases:
            (request,) = case.frames if case.answered else ({},)
            reply = answers[case.id]
            if (
                not isinstance(request, dict)
                or not request
                or str(reply.get("reason", "")).startswith("command b")
            ):
                continue  # the reference stumbled inside: nobody depends on that text
            text = json.dumps(request).replace(str(folder), "<dir>").replace("{dir}", "<dir>")
            for number in range(2):
                for name in ("web", "Capital"):
                    text = text.replace(f'"{{pid:{name}:{number}}}"', str(1001 + number))
            entry = {"case": case.id, "request": json.loads(text), "reply": reply}
            recorded.setdefault(str(request["command"]).lower(), []).append(entry)
    return recorded


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for command, entries in record().items():
        if command.isalpha():
            (GOLDEN / f"{command}.json").write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
