"""What circusd itself tells of watchers and their workers, for the detail screen and where nobody publishes figures."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from circus.top.model import Detail
from circus.top.shape import as_list, as_mapping

__all__ = ["ask_detail", "ask_workers"]

Ask = Callable[..., Awaitable[dict[str, Any]]]
"""`send_message` of a client."""
Reply = Mapping[str, Any]
_FEW: Final = 500
"""Workers up to which circusd is asked what they use: it has to look for that."""
_AT_ONCE: Final = 64
"""Requests under way at the same time."""
_LINES: Final = 50


async def ask_workers(ask: Ask, names: Sequence[str], *, is_ours: bool) -> dict[str, tuple[Reply, Reply]]:
    """By watcher, a reply that tells its workers, and by pid what they use.

    Args:
        ask: `send_message` of a client.
        names: the watchers.
        is_ours: whether it knows `describe`; else there is no more than pids.

    Raises:
        CallError: nobody answers.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> Reply:
        async with gate:
            if is_ours:
                return await ask("describe", name=name)
            pids = as_list((await ask("list", name=name)).get("pids"))
            return {"workers": [{"pid": pid} for pid in pids]}

    replies = await asyncio.gather(*(one(name) for name in names))
    used: Reply = {}
    if is_ours and sum(len(as_list(reply.get("workers"))) for reply in replies) <= _FEW:
        used = as_mapping((await ask("stats")).get("infos"))
    return {name: (reply, as_mapping(used.get(name))) for name, reply in zip(names, replies, strict=True)}


async def ask_detail(ask: Ask, name: str, *, is_ours: bool) -> Detail:
    """Options, ends and last lines of output of a watcher.

    Args:
        ask: `send_message` of a client.
        name: the watcher.
        is_ours: whether it knows `describe` and `logs`.

    Raises:
        CallError: nobody answers.
    """
    detail = Detail(options=as_mapping((await ask("options", name=name)).get("options")))
    if not is_ours:
        detail.why_no_lines = "this circusd does not keep any"
        return detail
    described = await ask("describe", name=name)
    detail.exits = [as_mapping(item) for item in as_list(described.get("exits"))]
    logs = await ask("logs", name=name, lines=_LINES)
    if "lines" in logs:
        detail.lines = [as_mapping(line) for line in as_list(logs["lines"])]
    detail.why_no_lines = str(logs.get("reason", "it is not captured"))
    return detail
