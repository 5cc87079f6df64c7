"""All sockets of a daemon: bound together or not at all, changed by content, handed over as a whole.

Theory: a set owns every descriptor in it, once. What changes between two lists of specs is decided purely
(`rebinding`), then done all or nothing (`SocketSet.apply`): new addresses are bound first; an address that a
changed socket keeps is freed, bound again, and given back to the old spec if anything fails. A change of
backlog or blocking alone keeps the descriptor, so no connection is lost and no worker has to know.

A spec with `reuse_port` has no shared listener: the set holds its port by a bound socket that does not
listen (streams only; a bound datagram socket would swallow datagrams), and `per_worker` makes the workers'.
"""

import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import final

from circus.sockets.bind import BoundSocket, bind
from circus.sockets.inherit import HandDown, Received, adopt, hand_down
from circus.sockets.spec import SocketSpec

__all__ = ["Handed", "Rebinding", "SocketSet", "rebinding"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rebinding:
    """What has to be done to get from some sockets to others; names are lower case, sorted.

    Args:
        added: to be bound.
        removed: to be closed.
        rebound: to be closed and bound anew: users need new descriptors.
        adjusted: to be changed in place: users keep their descriptors.
        kept: the same.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    rebound: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything has to be done."""
        return bool(self.added or self.removed or self.rebound or self.adjusted)


def _by_key(specs: Iterable[SocketSpec]) -> dict[str, SocketSpec]:
    found: dict[str, SocketSpec] = {}
    for spec in specs:
        if spec.key in found:
            raise ValueError(f"there are two sockets of the name {spec.key!r}")
        found[spec.key] = spec
    return found


def _in_place(old: SocketSpec, new: SocketSpec) -> bool:
    return replace(old, name=new.name, backlog=new.backlog, blocking=new.blocking, replace=new.replace) == new


def rebinding(old: Iterable[SocketSpec], new: Iterable[SocketSpec]) -> Rebinding:
    """Compare sockets by content. Pure.

    Raises:
        ValueError: two sockets of one name.
    """
    before, after = _by_key(old), _by_key(new)
    both = sorted(before.keys() & after.keys())
    changed = [key for key in both if before[key] != after[key]]
    adjusted = [key for key in changed if _in_place(before[key], after[key])]
    return Rebinding(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        rebound=tuple(key for key in changed if key not in adjusted),
        adjusted=tuple(adjusted),
        kept=tuple(key for key in both if key not in changed),
    )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """One socket on its way to another owner.

    Args:
        spec: what it was made from.
        fd: its descriptor; None where the set holds none (datagrams a worker).
    """

    spec: SocketSpec
    fd: int | None


def _bind(spec: SocketSpec) -> BoundSocket | None:
    """Bind a spec as a set holds it; None where nothing is to be held."""
    if not spec.reuse_port:
        return bind(spec)
    return bind(spec, listening=False) if spec.listens else None


@final
class SocketSet(Mapping[str, BoundSocket | None]):
    """Named sockets with one owner. Keys are names in lower case; a value is None for datagrams a worker.

    Use it as a context manager, or `close` it.
    """

    def __init__(self) -> None:
        self._specs: dict[str, SocketSpec] = {}
        self._bound: dict[str, BoundSocket | None] = {}

    def __getitem__(self, name: str) -> BoundSocket | None:
        return self._bound[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bound)

    def __len__(self) -> int:
        return len(self._bound)

    def __enter__(self) -> "SocketSet":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def specs(self) -> tuple[SocketSpec, ...]:
        """What is bound, by name."""
        return tuple(self._specs[key] for key in sorted(self._specs))

    def add(self, bound: BoundSocket) -> None:
        """Take over a socket that is bound already.

        Raises:
            ValueError: there is one of that name.
        """
        if bound.spec.key in self._specs:
            raise ValueError(f"there is a socket {bound.spec.key!r} already")
        self._specs[bound.spec.key], self._bound[bound.spec.key] = bound.spec, bound

    def bind(self, specs: Iterable[SocketSpec], *, received: Iterable[Received] = ()) -> tuple[Received, ...]:
        """Bind all of them, or none; a received descriptor that fits is adopted instead.

        Args:
            specs: the sockets wanted beside those that are here.
            received: see `take_listen_fds`.

        Returns:
            What of `received` was not used. It is still the caller's.

        Raises:
            BindError: one cannot be had; none of the others is left bound (adopted ones are closed).
            ValueError: two of one name.
        """
        left = list(received)
        done: list[str] = []
        try:
            for key, spec in _by_key([*self._specs.values(), *specs]).items():
                if key in self._specs:
                    continue
                adopted = adopt(spec, left) if left and not spec.reuse_port else None
                if adopted is not None:
                    left.remove(adopted[1])
                self._bound[key] = adopted[0] if adopted is not None else _bind(spec)
                self._specs[key] = spec
                done.append(key)
        except BaseException:
            for key in done:
                self._drop(key)
            raise
        return tuple(left)

    def apply(self, specs: Iterable[SocketSpec]) -> Rebinding:
        """Become the set of these specs, all or nothing.

        Returns:
            What was done; users of `rebound` sockets hold descriptors of the old ones until they restart.

        Raises:
            BindError: a socket cannot be had; all are as before (an address that was freed meanwhile has
                been bound again).
            ValueError: two of one name.
        """
        wanted = _by_key(specs)
        plan = rebinding(self._specs.values(), wanted.values())
        fresh: dict[str, BoundSocket | None] = {}
        freed: dict[str, SocketSpec] = {}
        # Freed first is what gives its address to a new one, whatever their names.
        gone = [*plan.removed, *plan.rebound]
        reused = {_place(wanted[key]) for key in (*plan.added, *plan.rebound)}
        try:
            for key in gone:
                actual = self._actual(key)
                if _place(actual) in reused:
                    freed[key] = actual
                    self._close(key)
            for key in (*plan.added, *plan.rebound):
                fresh[key] = _bind(wanted[key])
            for key in plan.adjusted:
                held = self._bound[key]
                if held is not None:
                    held.adjust(wanted[key])
        except BaseException:
            self._restore(fresh, freed, plan.adjusted)
            raise
        for key in gone:
            self._drop(key)
        self._bound.update(fresh)
        self._specs = wanted
        return plan

    def _restore(
        self,
        fresh: Mapping[str, BoundSocket | None],
        freed: Mapping[str, SocketSpec],
        adjusted: Iterable[str],
    ) -> None:
        for bound in fresh.values():
            if bound is not None:
                bound.close()
        for key, actual in freed.items():
            again = self._bound[key] = _bind(actual)
            if again is not None:
                again.spec = self._specs[key]
        for key in adjusted:
            held = self._bound[key]
            if held is not None:
                held.adjust(self._specs[key])

    def _actual(self, key: str) -> SocketSpec:
        """The spec with the port that it got, so that it can be bound to the same place again."""
        held = self._bound[key]
        port = held.port if held is not None else None
        return self._specs[key] if port is None else replace(self._specs[key], port=port)

    def _close(self, key: str) -> None:
        held = self._bound[key]
        if held is not None:
            held.close()

    def _drop(self, key: str) -> None:
        self._close(key)
        del self._bound[key], self._specs[key]

    def per_worker(self, name: str) -> BoundSocket:
        """A listening socket of a worker's own, on the address that is held. It is the caller's.

        Raises:
            KeyError: no such socket.
            BindError: it cannot be bound.
        """
        return bind(self._actual(name.lower()))

    def hand_down(self, names: Iterable[str] | None = None, *, own: Iterable[BoundSocket] = ()) -> HandDown:
        """What a worker gets: see `circus.sockets.hand_down`.

        Args:
            names: the sockets that it may use; None for all that are shared.
            own: its own sockets (`per_worker`), which take the place of the shared ones.

        Raises:
            ValueError: there is no socket of such a name, or it is one a worker and none is in `own`.
        """
        shared = {
            key: held.fileno()
            for key, held in self._bound.items()
            if held is not None and not held.spec.reuse_port
        }
        return hand_down({**shared, **{item.spec.key: item.fileno() for item in own}}, names)

    def hand_over(self) -> tuple[Handed, ...]:
        """Give every descriptor away, to a successor. The set is empty afterwards, files stay in place."""
        handed = tuple(
            Handed(spec=self._specs[key], fd=held.detach() if held is not None else None)
            for key, held in self._bound.items()
        )
        self._bound.clear()
        self._specs.clear()
        return handed

    @classmethod
    def of(cls, handed: Iterable[Handed]) -> "SocketSet":
        """The set that `hand_over` gave away. It owns the descriptors now."""
        made = cls()
        for item in handed:
            held = None if item.fd is None else BoundSocket(item.spec, socket.socket(fileno=item.fd))
            made._specs[item.spec.key], made._bound[item.spec.key] = item.spec, held
        return made

    def close(self) -> None:
        """Close all sockets and remove their files. Idempotent."""
        for key in list(self._bound):
            self._drop(key)


def _place(spec: SocketSpec) -> tuple[object, ...]:
    """What two sockets cannot both have, as far as it can be told without asking the resolver."""
    if spec.path is not None:
        return (spec.path,)
    return (spec.type, spec.port) if spec.port else (id(spec),)
