"""What circusd-stats makes of the answers of a circusd."""

import pytest

from circus.stats.snapshot import ask_snapshot

WORKER = {"wid": 3, "pid": 70, "restarts": 1}


def daemon(**described):
    """A circusd of one watcher, of which `describe` answers this."""
    replies = {
        "version": {"status": "ok", "pid": 1, "version": "1.0.0"},
        "status": {"status": "ok", "statuses": {"web": "active"}},
        "describe": {"status": "ok", "state": "active", "workers": [WORKER], **described},
        "listsockets": {"status": "ok", "sockets": []},
    }

    async def ask(command, **_):
        return replies[command]

    return ask


@pytest.mark.parametrize(("described", "restarts"), [({"restarts": 5}, 5), ({}, 1)])
async def test_restarts_of_workers_that_a_reload_has_replaced_count_on(described, restarts):
    """Their slots are gone, and so are the counts of those; the daemon's own count is of the watcher's whole life."""
    watcher = (await ask_snapshot(daemon(**described))).watchers["web"]
    assert (watcher.restarts, watcher.worker_restarts) == (restarts, {3: 1})
