"""Chaos: a circusd with some hundred watchers of mixed temper, and everything at once, for a while.

Crashes, kills, stops, scaling, sets, reloads, edits of the configuration, signals and fuzz come in an order that a seed decides.
Now and then everything is let come to rest, and what must always hold is checked:

- every request was answered, with ok or a reason;
- each watcher has as many workers as was asked for, no two of them with one worker id, and none that is stopped has any;
- no process lives that belongs to no worker;
- no numbered line that a worker wrote is missing from its log, and none is torn;
- descriptors and memory are what they were.

    python tests/chaos/chaos.py [--seconds S] [--seed N] [--watchers W]

The seed is printed first; ``CHAOS_SECONDS`` and ``CHAOS_SEED`` are the defaults. Exit code 0: all held.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from crowd import Crowd, descriptors_of, resident_kib, until
from daemons import Daemon
from requires import OURS

MARK = "CIRCUS_CHAOS_RUN"
REST = 40.0
"""Seconds within which everything has come to rest."""
OUTSTANDING = 60

SCRIPTS = {
    "calm": "exec sleep 1000",
    "deaf": 'trap "" TERM; exec sleep 1000',
    "brood": """sh -c 'trap "" TERM; exec sleep 1000' & setsid sh -c 'trap "" TERM; exec sleep 1000' &
trap 'exit 0' TERM; while :; do wait; done""",
    "crasher": "sleep 1.$(($$ % 10)); exit 3",
    "quick": "exit 0",
    # Its name and numbers on its output; how far it got, in a file of its own, after each few lines.
    "talker": """me=$$-$(cut -d' ' -f22 /proc/$$/stat); n=0; trap 'exit 0' TERM
while :; do i=0
while test $i -lt 25; do i=$((i+1)); n=$((n+1)); echo "$me $n"; done
echo $n > {dir}/truth/$me; sleep 0.3; done""",
    "gone": "",
}
LOOKS = ("status", "describe", "options", "stats", "list", "logs")
STEADY = frozenset({"calm", "deaf", "brood", "talker"})
TEMPERS = ("calm", "calm", "calm", "deaf", "brood", "talker", "talker", "crasher", "quick", "gone")


class ChaosError(AssertionError):
    """Something did not hold."""


@dataclass
class Watcher:
    """What a watcher over the wire should be like."""

    name: str
    temper: str
    count: int
    started: bool = False
    ages: bool = False
    """Its workers are replaced after some seconds, so that now and then none of them is up."""


class Chaos:
    """One run in one folder."""

    def __init__(self, folder: Path, *, seed: int, watchers: int) -> None:
        self.folder = folder
        self.rng = random.Random(seed)
        self.tally: Counter[str] = Counter()
        self._size = watchers
        self._names = 0
        self.dynamic: dict[str, Watcher] = {}
        self.rollouts: list[str] = []
        self.configured = {f"conf{n}": self.rng.randint(1, 3) for n in range(watchers // 4)}
        (folder / "truth").mkdir()
        for name, text in SCRIPTS.items():
            if text:
                path = folder / name
                path.write_text("#!/bin/sh\n" + text.replace("{dir}", str(folder)) + "\n")
                path.chmod(0o755)
        self.mark = f"{os.getpid()}.{seed}"
        self.daemon = Daemon(folder, self.config(), program=OURS / "circusd", env={MARK: self.mark})

    # --- what there is ---------------------------------------------------------------------------------------------

    def config(self) -> str:
        text = ""
        for name, count in self.configured.items():
            text += f"[watcher:{name}]\ncmd = {self.folder}/calm $(circus.wid)\ncopy_env = True\nautostart = False\n"
            text += f"numprocesses = {count}\ngraceful_timeout = 0.5\n"
        return text

    def add(self, crowd: Crowd) -> None:
        self._names += 1
        temper = self.rng.choice(TEMPERS)
        name = f"{temper}{self._names}"
        watcher = self.dynamic[name] = Watcher(name, temper, self.rng.randint(1, 3))
        options: dict[str, Any] = {
            "copy_env": True,
            "graceful_timeout": self.rng.choice([0.2, 0.5, 1]),
            "numprocesses": watcher.count,
            "backoff_max": 1,
            "max_retry": self.rng.choice([2, -1]),
        }
        if temper == "crasher":
            options["max_restarts"] = self.rng.choice([None, 20])
        if temper == "talker":
            rotation = {"max_bytes": 50_000, "backup_count": 10_000} if self.rng.random() < 0.5 else {}
            options["stdout_stream"] = {
                "class": "FileStream",
                "filename": f"{self.folder}/log.{name}",
                **rotation,
            }
        watcher.started = self.rng.random() < 0.8
        crowd.ask(
            "add",
            name=name,
            cmd=f"{self.folder}/{temper} $(circus.wid)",
            options=options,
            start=watcher.started,
            waiting=self.coin(),
        )

    def coin(self) -> bool:
        return self.rng.random() < 0.5

    # --- what happens ----------------------------------------------------------------------------------------------

    def act(self, crowd: Crowd) -> None:
        """One thing, by chance."""
        move = self.rng.choice(MOVES)
        self.tally[move.__name__] += 1
        move(self, crowd)

    def some(self) -> Watcher:
        return self.dynamic[self.rng.choice(sorted(self.dynamic))]

    def scale(self, crowd: Crowd) -> None:
        watcher, step = self.some(), self.rng.randint(1, 2)
        if self.coin() and watcher.count + step <= 5:
            watcher.count += step
            crowd.ask("incr", name=watcher.name, nb=step, waiting=self.coin())
        else:
            watcher.count = max(0, watcher.count - step)
            crowd.ask("decr", name=watcher.name, nb=step, waiting=self.coin())

    def change(self, crowd: Crowd) -> None:
        watcher = self.some()
        options: dict[str, Any] = self.rng.choice(
            [
                {"graceful_timeout": 0.3},
                {"max_age": 3, "max_age_variance": 2},
                {"max_age": 0},
                {"env": {"A": "1"}},
                {"warmup_delay": 0.01},
            ]
        )
        if self.coin():
            options = {**options, "numprocesses": self.rng.randint(0, 4)}
            watcher.count = options["numprocesses"]
        watcher.ages = bool(options.get("max_age", watcher.ages))
        if "env" in options:
            options["env"] = {"A": str(self.rng.random()), MARK: self.mark, "PATH": os.environ["PATH"]}
        crowd.ask("set", name=watcher.name, options=options, waiting=self.coin())

    def start(self, crowd: Crowd) -> None:
        watcher = self.some()
        watcher.started = True
        crowd.ask(self.rng.choice(["start", "restart"]), name=watcher.name, waiting=self.coin())

    def stop(self, crowd: Crowd) -> None:
        watcher = self.some()
        watcher.started = False
        crowd.ask("stop", name=watcher.name, waiting=self.coin())

    def renew(self, crowd: Crowd) -> None:
        watcher = self.some()
        watcher.started = True  # a reload of what is stopped starts it, as in the reference
        crowd.ask(
            "reload", name=watcher.name, graceful=self.coin(), sequential=self.coin(), waiting=self.coin()
        )

    def kill(self, crowd: Crowd) -> None:
        crowd.ask(
            "kill",
            name=self.some().name,
            signum=self.rng.choice(["term", "kill", "int"]),
            graceful_timeout=self.rng.choice([0, 0.2]),
            waiting=self.coin(),
        )

    def crash(self, crowd: Crowd) -> None:
        """SIGKILL from outside, to some children of circusd."""
        pids = self.children()
        for pid in self.rng.sample(sorted(pids), min(len(pids), self.rng.randint(1, 6))):
            try:
                handle = os.pidfd_open(pid)
            except OSError:
                continue
            try:
                if pid in self.children():
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            except OSError:
                pass
            finally:
                os.close(handle)

    def look(self, crowd: Crowd) -> None:
        name = self.some().name
        crowd.ask("status")
        crowd.ask(self.rng.choice(LOOKS[1:]), name=name)

    def replace(self, crowd: Crowd) -> None:
        watcher = self.some()
        del self.dynamic[watcher.name]
        crowd.ask("rm", name=watcher.name, waiting=self.coin())
        self.add(crowd)

    def reconfigure(self, crowd: Crowd) -> None:
        names = sorted(self.configured)
        self.configured[self.rng.choice(names)] = self.rng.randint(0, 4)
        if self.coin():
            self.configured.pop(self.rng.choice(names), None)
            self.configured[f"conf{self.rng.randint(0, self._size)}"] = self.rng.randint(1, 3)
        self.daemon.write(
            self.config() if self.rng.random() < 0.8 else self.config() + "[watcher:x]\nnumprocesses = many\n"
        )
        crowd.ask("reloadconfig", waiting=self.coin())

    def renew_all(self, crowd: Crowd) -> None:
        """As SIGHUP does. It starts what is stopped, but for what is stopped after it was asked for."""
        crowd.collect(self.rollouts, deadline=REST)  # one at a time: ten would be a load, and prove nothing
        for watcher in self.dynamic.values():
            watcher.started = True
        self.rollouts = [crowd.ask("reload", waiting=True)]

    def fuzz(self, crowd: Crowd) -> None:
        with Crowd(self.daemon.endpoint) as stranger:
            for _ in range(20):
                stranger._socket.send_multipart(
                    [self.rng.randbytes(self.rng.randint(0, 40)) for _ in range(self.rng.randint(1, 4))]
                )
            stranger.ask("set", name=self.some().name, options={"numprocesses": "many"})
            stranger.ask("incr", name=self.some().name, nb=[])
        with closing(socket.socket(socket.AF_UNIX)) as client:
            client.connect(self.daemon.endpoint.removeprefix("ipc://"))
            client.sendall(self.rng.randbytes(self.rng.randint(0, 80)))

    # --- what must hold --------------------------------------------------------------------------------------------

    def children(self) -> set[int]:
        """The children of circusd: those of its first thread, and it forks from no other."""
        pid = self.daemon.pid
        return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def family(self) -> dict[int, int]:
        """Every living process of this run, and its parent."""
        found: dict[int, int] = {}
        mark = f"{MARK}={self.mark}".encode()
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                if mark not in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    continue
                state, parent = (
                    Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                )
            except OSError:
                continue
            if state not in "ZX":
                found[int(name)] = int(parent)
        return found

    def orphans(self) -> list[str]:
        """Processes of the run that belong to no worker."""
        family = self.family()
        owned = {self.daemon.pid}
        names = self.daemon.call("list")["watchers"]
        for name in names:
            owned.update(self.daemon.call("list", name=name).get("pids", ()))
        left = []
        for pid in family:
            at = pid
            while at in family and at not in owned:
                at = family[at]
            if at not in owned or (at == self.daemon.pid and pid != at):
                left.append(f"{pid}: {command_line(pid)}")
        return left

    def check(self, crowd: Crowd, *, final: bool = False) -> None:
        """Let everything come to rest, then look at everything."""
        try:
            replies = crowd.collect(crowd.asked, deadline=REST)
        except AssertionError as error:
            names = {
                properties.get("name")
                for ticket, (_, properties) in crowd.asked.items()
                if ticket not in crowd.replies
            }
            views = [self.daemon.call("describe", name=name) for name in names if name]
            raise ChaosError(f"{error}; {views}; {self.children()}") from None
        for reply in replies:
            if reply["status"] == "error" and "server error" in reply["reason"]:
                raise ChaosError(f"an internal error: {reply}")
        problems: list[str] = []

        def at_rest() -> bool:
            problems[:] = [
                text for watcher in list(self.dynamic.values()) for text in self.problems_of(watcher)
            ]
            return not problems

        try:
            until(at_rest, "every watcher has what it should have", deadline=REST, pace=0.2)
        except AssertionError:
            told = [f"{text}\n{self.history(crowd, text.partition(':')[0])}" for text in problems]
            raise ChaosError("\n".join([*told, "circusd's log:", self.daemon.output()])) from None
        left: list[str] = []

        def nobody_else() -> bool:
            left[:] = self.orphans()
            return not left

        try:
            until(nobody_else, "no orphans", deadline=REST, pace=0.2)
        except AssertionError:
            raise ChaosError(f"orphans: {left}") from None
        self.check_lines(final=final)
        if "Traceback" in self.daemon.output():
            raise ChaosError(f"a traceback in the log:\n{self.daemon.output()}")

    def history(self, crowd: Crowd, name: str) -> str:
        """What was asked of a watcher, in order, what came of it, and how it is now."""
        lines = [
            f"  {ticket} {command} {properties} -> {crowd.replies.get(ticket, 'no reply')}"
            for ticket, (command, properties) in crowd.asked.items()
            if properties.get("name", name) == name and command not in LOOKS
        ]
        return "\n".join([*lines, f"  now: {self.daemon.call('describe', name=name)}"])

    def problems_of(self, watcher: Watcher) -> list[str]:
        told = self.daemon.call("describe", name=watcher.name)
        if told["status"] != "ok":
            return [f"{watcher.name}: {told}"]
        state, wanted = told["state"], told["wanted"]
        if wanted != watcher.count:
            return [f"{watcher.name}: wants {wanted}, was told {watcher.count}"]
        if not watcher.started:
            return (
                []
                if state == "stopped" and not told["running"]
                else [f"{watcher.name}: not stopped: {state}"]
            )
        if watcher.temper not in STEADY or watcher.ages:
            return [] if told["running"] <= wanted else [f"{watcher.name}: {told['running']} > {wanted}"]
        pids = [worker["pid"] for worker in told["workers"] if worker["pid"]]
        if (
            state not in {"active", "backoff"}
            or told["reloading"]
            or told["running"] != wanted
            or len(pids) != wanted
        ):
            return [f"{watcher.name}: {state}, {told['running']} of {wanted}, {told['reloading']} old"]
        wids = [command_line(pid).split()[-1:] for pid in pids if watcher.temper in {"brood", "talker"}]
        if len({tuple(wid) for wid in wids}) != len(wids):
            return [f"{watcher.name}: one worker id twice: {wids}"]
        return []

    def texts(self) -> dict[Path, str]:
        """All logs, as they are between two rotations: else one is read under its old name and its new, another under none."""
        while True:
            try:
                before = {path: path.stat().st_ino for path in self.folder.glob("log.*")}
                texts = {path: path.read_text() for path in before}
                after = {path: path.stat().st_ino for path in self.folder.glob("log.*")}
            except FileNotFoundError:
                continue
            if before == after:
                return texts

    def check_lines(self, *, final: bool) -> None:
        """Each talker's numbers are complete up to what it knows it wrote, in order, in whole lines."""
        truth = {path.name: int(path.read_text() or 0) for path in (self.folder / "truth").iterdir()}
        texts = self.texts()
        logs: defaultdict[str, list[Path]] = defaultdict(list)
        for path in texts:
            logs[path.name.split(".")[1]].append(path)
        seen: dict[str, int] = {}
        for name, paths in logs.items():
            paths.sort(key=lambda path: -int(path.suffix[1:]) if path.suffix[1:].isdigit() else 1)
            for line in "".join(texts[path] for path in paths).splitlines():
                who, _, number = line.partition(" ")
                if int(number) != seen.get(who, 0) + 1:
                    raise ChaosError(f"log.{name}: {who} wrote {number} after {seen.get(who, 0)}")
                seen[who] = int(number)
        if final:
            missing = {
                who: (number, seen.get(who, 0)) for who, number in truth.items() if seen.get(who, 0) < number
            }
            if missing:
                raise ChaosError(f"lines lost (written, found): {missing}")
        self.tally["lines checked"] = sum(seen.values())


MOVES: list[Callable[[Chaos, Crowd], None]] = [
    *[Chaos.scale] * 6,
    *[Chaos.change] * 4,
    *[Chaos.start] * 5,
    *[Chaos.stop] * 3,
    *[Chaos.renew] * 3,
    *[Chaos.kill] * 3,
    *[Chaos.crash] * 4,
    *[Chaos.look] * 4,
    *[Chaos.replace] * 2,
    *[Chaos.reconfigure] * 2,
    Chaos.renew_all,
    Chaos.fuzz,
]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def run(
    *,
    seconds: float,
    seed: int,
    watchers: int,
    say: Callable[[str], object] = lambda text: print(text, flush=True),
) -> None:
    """One run.

    Raises:
        ChaosError: something did not hold.
    """
    say(f"chaos: seed {seed}, {seconds:g} s, {watchers} watchers")
    folder = Path(tempfile.mkdtemp(prefix="ch"))
    chaos = Chaos(folder, seed=seed, watchers=watchers)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(kill_all, chaos)
        stack.callback(chaos.daemon.stop)
        daemon = chaos.daemon.start()
        crowd = stack.enter_context(Crowd(daemon.endpoint))
        crowd.collect([crowd.ask("numwatchers")])
        descriptors = descriptors_of(daemon.pid)
        for _ in range(watchers - len(chaos.configured)):
            chaos.add(crowd)
        chaos.check(crowd)
        memory = resident_kib(daemon.pid)
        end, steps, checks = time.monotonic() + seconds, 0, 1
        while time.monotonic() < end:
            for _ in range(chaos.rng.randint(100, 300)):
                if time.monotonic() >= end:
                    break
                chaos.act(crowd)
                steps += 1
                if crowd._next - len(crowd.replies) > OUTSTANDING:
                    oldest = [
                        f"ticket-{n + 1}"
                        for n in range(crowd._next)
                        if f"ticket-{n + 1}" not in crowd.replies
                    ]
                    crowd.collect(oldest[: OUTSTANDING // 2], deadline=REST)
            chaos.check(crowd)
            checks += 1
        for watcher in chaos.dynamic.values():
            watcher.started = False
        crowd.collect([crowd.ask("stop", waiting=True)], deadline=REST)
        chaos.check(crowd, final=True)
        for name in list(chaos.dynamic):
            crowd.ask("rm", name=name, waiting=True)
        chaos.dynamic.clear()
        chaos.check(crowd, final=True)
        try:
            until(
                lambda: descriptors_of(daemon.pid) <= descriptors + 4, "descriptors as before", deadline=REST
            )
        except AssertionError:
            raise ChaosError(f"{descriptors} descriptors have become {descriptors_of(daemon.pid)}") from None
        grown = resident_kib(daemon.pid) - memory
        if grown > 40_000:
            raise ChaosError(f"memory grew by {grown} KiB from {memory}")
        code = daemon.stop()
        if code != 0:
            raise ChaosError(f"circusd ended with {code}")
        if left := chaos.family():
            raise ChaosError(f"left behind: {left}")
        say(
            f"chaos: all held: {steps} steps, {crowd._next} requests, {checks} checks, memory +{grown} KiB, {dict(chaos.tally)}"
        )


def kill_all(chaos: Chaos) -> None:
    """Whatever a failed run leaves."""
    for _ in range(20):
        family = chaos.family()
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not family:
            return


def main() -> int:
    parser = argparse.ArgumentParser(description="Break circusd, if you can.")
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("CHAOS_SECONDS", "100")))
    parser.add_argument(
        "--seed",
        type=int,
        default=int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6),
    )
    parser.add_argument("--watchers", type=int, default=100)
    arguments = parser.parse_args()
    try:
        run(seconds=arguments.seconds, seed=arguments.seed, watchers=arguments.watchers)
    except AssertionError as error:
        print(f"chaos: FAILED with seed {arguments.seed}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
