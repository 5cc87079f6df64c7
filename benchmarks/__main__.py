"""Measure Circus beside others: ``python -m benchmarks [--quick | --growth | --tiny]``."""

import argparse
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks import report
from benchmarks.peers import PEERS
from benchmarks.plan import FULL, GROWTH, QUICK, TINY
from benchmarks.suite import Results, Suite, install

_METRICS = ("fleet", "large", "stats", "logs", "reload")
_SIZES = (1, 100, 1000, 5000, 10000)
_SPARE = 500
_NAMES = tuple(kind.name for kind in PEERS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--quick", action="store_true", help="fewer workers, one repeat: under five minutes")
    kind.add_argument("--tiny", action="store_true", help="only to see that the suite works")
    kind.add_argument(
        "--growth", action="store_true", help="1 to 10,000 workers, one watcher of N and N watchers of one"
    )
    add("--peers", default=",".join(_NAMES), help="default: %(default)s")
    add("--metrics", default=",".join(_METRICS), help="default: %(default)s")
    add("--repeats", type=int, help="of each run")
    add(
        "--sizes",
        default=",".join(map(str, _SIZES)),
        help="of --growth, those that the machine's limits allow; default: %(default)s",
    )
    add("--out", type=Path, default=report.RESULTS, help="folder of the results; default: %(default)s")
    return parser.parse_args()


def main() -> int:
    """Install, measure, write; 1 where something could not be measured."""
    given = _arguments()
    unknown = {*given.peers.split(",")} - {*_NAMES} | {*given.metrics.split(",")} - {*_METRICS}
    if unknown:
        sys.stderr.write(f"unknown: {', '.join(sorted(unknown))}\n")
        return 2
    plan = QUICK if given.quick else TINY if given.tiny else GROWTH if given.growth else FULL
    if given.repeats:
        plan = replace(plan, repeats=given.repeats)
    results = Results()
    kind = "quick" if given.quick else "tiny" if given.tiny else "growth" if given.growth else "full"
    keep = partial(report.write, results, kind, given.out, datetime.now(UTC))
    suite = Suite(install(given.peers.split(","), results), plan, results, keep)
    for signum in (signal.SIGINT, signal.SIGTERM):  # a shell lets its background jobs ignore the first
        signal.signal(signum, signal.default_int_handler)
    interrupted = False
    try:
        if given.growth:
            suite.grow(_possible([int(size) for size in given.sizes.split(",")], results))
        else:
            suite.run(given.metrics.split(","))
    except KeyboardInterrupt:
        interrupted = True
        results.failures.append("what was to come after the last figure: the run was ended early")
    if results.samples:
        path = keep()
        sys.stderr.write(f"\n{path.with_suffix('.md').read_text()}\nwritten: {path}, .md, .svg\n")
    return 1 if results.failures or interrupted else 0


def _possible(sizes: Sequence[int], results: Results) -> list[int]:
    """Those that the limits of descriptors, processes and process numbers allow; the results say why others are missing."""
    bounds = {
        "RLIMIT_NOFILE": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "RLIMIT_NPROC": resource.getrlimit(resource.RLIMIT_NPROC)[1],
        "kernel.pid_max": int(Path("/proc/sys/kernel/pid_max").read_text()),
        "kernel.threads-max": int(Path("/proc/sys/kernel/threads-max").read_text()),
    }
    name, most = min(
        ((name, bound) for name, bound in bounds.items() if bound != resource.RLIM_INFINITY),
        key=lambda bound: bound[1],
    )
    possible = [size for size in sizes if size + _SPARE <= most]
    for size in set(sizes) - set(possible):
        results.missing[f"{size:,} workers"] = f"{name} is {most:,}"
    return possible


if __name__ == "__main__":
    raise SystemExit(main())
