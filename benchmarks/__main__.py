"""Measure Circus beside others: ``python -m benchmarks [--quick | --growth | --tiny]``."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from benchmarks.peers import PEERS
from benchmarks.plan import FULL, QUICK, TINY
from benchmarks.suite import Results, Suite, install

_METRICS = ("fleet", "large", "stats", "logs", "reload")
_SIZES = (1, 100, 1000, 5000, 10000)
_NAMES = tuple(kind.name for kind in PEERS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--quick", action="store_true", help="fewer workers, one repeat: under five minutes")
    kind.add_argument("--tiny", action="store_true", help="only to see that the suite works")
    kind.add_argument(
        "--growth", action="store_true", help="1 to 5,000 workers, one watcher of N and N watchers of one"
    )
    add("--peers", default=",".join(_NAMES), help="default: %(default)s")
    add("--metrics", default=",".join(_METRICS), help="default: %(default)s")
    add("--repeats", type=int, help="of each run")
    add(
        "--sizes",
        default=",".join(map(str, _SIZES[:4])),
        help="of --growth; default: %(default)s; 10000 where limits allow",
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
    plan = QUICK if given.quick else TINY if given.tiny else FULL
    if given.growth:
        plan = replace(plan, repeats=3, deaths=5, rest=5.0)
    if given.repeats:
        plan = replace(plan, repeats=given.repeats)
    results = Results()
    suite = Suite(install(given.peers.split(","), results), plan, results)
    kind = "quick" if given.quick else "tiny" if given.tiny else "growth" if given.growth else "full"
    try:
        if given.growth:
            suite.grow([int(size) for size in given.sizes.split(",")])
        else:
            suite.run(given.metrics.split(","))
    finally:
        if results.samples:
            path = report.write(results, kind, given.out)
            sys.stderr.write(f"\n{path.with_suffix('.md').read_text()}\nwritten: {path}, .md, .svg\n")
    return 1 if results.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
