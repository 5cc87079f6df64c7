"""Commands by name, as tools that speak to circusd found them here. Thin: `circus.protocol.messages` owns the matter."""

from collections.abc import Callable, Sequence
from typing import Any, final

from circus.protocol.messages import REQUESTS, Request

__all__ = ["Command", "get_commands"]


@final
class Command:
    """One command.

    Args:
        request: its model.
    """

    msg_type = "dealer"

    def __init__(self, request: type[Request]) -> None:
        self.name = request.command
        self.desc = (request.__doc__ or "").strip()
        self.short = self.desc.partition("\n")[0]
        self.fields = sorted(request.model_fields, key="waiting".__eq__)
        """Every property, in the order of words on a command line."""
        self.properties = [name for name, field in request.model_fields.items() if field.is_required()]
        """Those that have to be there."""

    def make_message(self, **props: Any) -> dict[str, Any]:
        """A request of this command."""
        return {"command": props.pop("command", self.name), "properties": props}

    def message(self, *args: Any, **opts: Any) -> dict[str, Any]:
        """The request that a command line of these words means.

        Args:
            args: words after the command.
            opts: options by name; those that are None are left out.

        Raises:
            ValueError: there are too few or too many words.
        """
        words = _WORDS.get(self.name, self._in_order)(args)
        missing = [name for name in self.properties if name not in words and name not in opts]
        if missing:
            raise ValueError(f"{self.name}: missing: {', '.join(missing)}")
        chosen = {name: value for name, value in opts.items() if value is not None}
        return self.make_message(**words, **chosen)

    def _in_order(self, args: Sequence[Any]) -> dict[str, Any]:
        if len(args) > len(self.fields):
            raise ValueError(f"{self.name}: too many words: {' '.join(map(str, args))}")
        return dict(zip(self.fields, args, strict=False))


def _add(args: Sequence[Any]) -> dict[str, Any]:
    return {"name": args[0], "cmd": " ".join(map(str, args[1:]))} if len(args) > 1 else {}


def _get(args: Sequence[Any]) -> dict[str, Any]:
    return {"name": args[0], "keys": list(args[1:])} if len(args) > 1 else {}


def _set(args: Sequence[Any]) -> dict[str, Any]:
    if len(args) < 3 or len(args) % 2 == 0:
        raise ValueError("set: say NAME KEY VALUE [KEY VALUE ...]")
    return {"name": args[0], "options": dict(zip(args[1::2], args[2::2], strict=True))}


def _signal(args: Sequence[Any]) -> dict[str, Any]:
    if len(args) not in {2, 3}:
        raise ValueError("signal: say NAME [PID] SIGNAL")
    return {"name": args[0], "signum": args[-1], **({"pid": int(args[1])} if len(args) == 3 else {})}


def _kill(args: Sequence[Any]) -> dict[str, Any]:
    if len(args) not in {1, 2}:
        raise ValueError("kill: say NAME [PID]")
    return {"name": args[0], **({"pid": int(args[1])} if len(args) == 2 else {})}


def _named(args: Sequence[Any]) -> dict[str, Any]:
    if len(args) > 1:
        raise ValueError(f"one name is enough: {' '.join(map(str, args))}")
    return {"name": args[0]} if args else {}


_WORDS: dict[str, Callable[[Sequence[Any]], dict[str, Any]]] = {
    "add": _add,
    "get": _get,
    "kill": _kill,
    "set": _set,
    "signal": _signal,
    **dict.fromkeys(("start", "stop", "restart", "reload", "status", "rm"), _named),
}


def get_commands() -> dict[str, Command]:
    """Every command by its name."""
    return {name: Command(request) for name, request in REQUESTS.items()}
