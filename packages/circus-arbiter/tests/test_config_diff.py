import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circus.config import Action, Config, Kind, Origin, PluginConfig, SocketConfig, WatcherConfig, diff
from circus.protocol.options import ArbiterOptions, PluginOptions, SocketOptions, WatcherOptions, nest

HERE = Origin("c.ini", 1)


def watcher(name, **options):
    values = nest({"cmd": "x", **options})
    return WatcherConfig(name=name, options=WatcherOptions.model_validate(values), origin=HERE)


def sock(name, **options):
    return SocketConfig(name=name, options=SocketOptions.model_validate({"port": 0, **options}), origin=HERE)


def plugin(name, **options):
    options = PluginOptions.model_validate({"use": "a.B", **options})
    return PluginConfig(name=name, options=options, origin=HERE)


def config(*items, **arbiter):
    return Config(
        arbiter=ArbiterOptions.model_validate(arbiter),
        watchers=tuple(item for item in items if isinstance(item, WatcherConfig)),
        sockets=tuple(item for item in items if isinstance(item, SocketConfig)),
        plugins=tuple(item for item in items if isinstance(item, PluginConfig)),
    )


def plan(old, new):
    return [(step.kind, step.action, step.name) for step in diff(config(*old), config(*new)).steps]


def test_nothing():
    same = config(watcher("a"), sock("s"), plugin("plugin:p"))
    made = diff(same, same)
    assert not made.changes
    assert made.render() == "nothing to do"


@pytest.mark.parametrize(
    ("old", "new", "action"),
    [
        ({"numprocesses": 1}, {"numprocesses": 3}, Action.SCALE),
        ({}, {"priority": 3}, Action.SET),
        ({"numprocesses": 1}, {"numprocesses": 3, "priority": 1}, Action.SET),
        ({}, {"cmd": "y"}, Action.RELOAD),
        ({}, {"max_age": 5}, Action.SET),
        ({"max_age": 5}, {}, Action.SET),
        ({}, {"env": {"A": "1"}}, Action.RELOAD),
        ({"env": {"A": "1"}}, {"env": {}}, Action.RELOAD),
        ({}, {"rlimit_nofile": 5}, Action.RELOAD),
        ({}, {"stdout_stream.filename": "x"}, Action.SET),
        ({"stdout_stream.filename": "x"}, {}, Action.SET),
        ({}, {"hooks.before_start": "a.b"}, Action.SET),
        ({}, {"mine": "x"}, Action.SET),
        ({"mine": "x"}, {}, Action.SET),
    ],
)
def test_what_a_change_of_a_watcher_takes(old, new, action):
    assert plan([watcher("a", **old)], [watcher("a", **new)]) == [(Kind.WATCHER, action, "a")]


def test_a_change_back_is_a_change():
    assert plan([watcher("a", numprocesses=3)], [watcher("a", numprocesses=1)]) != []


@pytest.mark.parametrize(
    "user",
    [
        {"cmd": "x $(circus.sockets.WEB)"},
        {"args": "((circus.sockets.web))"},
        {"args": ["--fd", "$(circus.sockets.web)"]},
        {"use_sockets": True},
        {"use_sockets": "web"},
        {"stdin_socket": "Web"},
    ],
)
def test_only_users_of_a_rebound_socket_are_replaced(user):
    others = [watcher("z"), watcher("y", use_sockets="other"), sock("other")]
    old = [sock("web", backlog=5), watcher("a", **user), *others]
    new = [sock("web", port=1), watcher("a", **user), *others]
    assert plan(old, new) == [(Kind.SOCKET, Action.REBIND, "web"), (Kind.WATCHER, Action.RELOAD, "a")]


def test_a_backlog_replaces_nobody():
    user = watcher("a", use_sockets=True)
    assert plan([sock("web", backlog=5), user], [sock("web", backlog=6), user]) == [
        (Kind.SOCKET, Action.SET, "web")
    ]


def test_a_new_socket_replaces_who_gets_all():
    old = [watcher("all", use_sockets=True), watcher("none")]
    assert plan(old, [*old, sock("s")]) == [
        (Kind.SOCKET, Action.ADD, "s"),
        (Kind.WATCHER, Action.RELOAD, "all"),
    ]


def test_the_order():
    old = [
        watcher("a", priority=2),
        watcher("b", priority=1),
        plugin("plugin:old"),
        sock("gone"),
        watcher("k"),
    ]
    new = [
        watcher("c", priority=1),
        watcher("d", priority=9),
        plugin("plugin:new"),
        sock("new"),
        watcher("k", priority=5),
    ]
    assert plan(old, new) == [
        (Kind.PLUGIN, Action.REMOVE, "plugin:old"),
        (Kind.WATCHER, Action.REMOVE, "b"),
        (Kind.WATCHER, Action.REMOVE, "a"),
        (Kind.SOCKET, Action.REMOVE, "gone"),
        (Kind.SOCKET, Action.ADD, "new"),
        (Kind.WATCHER, Action.ADD, "d"),
        (Kind.WATCHER, Action.SET, "k"),
        (Kind.WATCHER, Action.ADD, "c"),
        (Kind.PLUGIN, Action.ADD, "plugin:new"),
    ]


def test_plugins_are_replaced_when_they_change():
    old, new = plugin("plugin:p", a="1"), plugin("plugin:p", a="2")
    assert plan([old], [new]) == [(Kind.PLUGIN, Action.RELOAD, "plugin:p")]


def test_the_daemon_s_own_options():
    made = diff(config(), config(warmup_delay=2, endpoint="tcp://127.0.0.1:1"))
    assert [(step.kind, step.action, step.changes[0].name) for step in made.steps] == [
        (Kind.ARBITER, Action.SET, "warmup_delay")
    ]
    assert made.render().splitlines() == [
        "set arbiter (warmup_delay: 0.0 -> 2.0)",
        "not applied until circusd is restarted: endpoint: 'tcp://127.0.0.1:5555' -> 'tcp://127.0.0.1:1'",
    ]


def test_a_plan_for_a_person_and_for_the_wire():
    old = [sock("web"), watcher("a", use_sockets=True, env={"PW": "1"})]
    new = [sock("web", host="127.0.0.1"), watcher("a", use_sockets=True, env={"PW": "secret"})]
    made = diff(config(*old), config(*new))
    assert made.render().splitlines() == [
        "rebind socket web (host: unset -> '127.0.0.1')",
        "reload watcher a (env.PW: (set) -> (set); it uses web)",
    ]
    wire = json.loads(json.dumps(made.as_dict()))
    assert wire["steps"][1] == {
        "kind": "watcher",
        "action": "reload",
        "name": "a",
        "changed": ["env.PW"],
        "reason": "it uses web",
        "text": "reload watcher a (env.PW: (set) -> (set); it uses web)",
    }
    assert made.of(Kind.SOCKET) == made.of(Kind.SOCKET, Action.REBIND) == (made.steps[0],)


ITEMS = st.lists(
    st.builds(
        watcher,
        st.sampled_from(["a", "b", "c"]),
        cmd=st.sampled_from(["x", "x $(circus.sockets.s)"]),
        numprocesses=st.integers(0, 2),
        priority=st.integers(0, 2),
    ),
    unique_by=lambda item: item.name,
)
SOCKETS = st.lists(
    st.builds(sock, st.sampled_from(["s", "t"]), port=st.integers(0, 1)), unique_by=lambda item: item.name
)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(ITEMS, SOCKETS, ITEMS, SOCKETS)
def test_a_plan_names_each_once_and_leaves_what_is_the_same(old, old_sockets, new, new_sockets):
    before, after = config(*old, *old_sockets), config(*new, *new_sockets)
    steps = diff(before, after).steps
    assert len({(step.kind, step.name) for step in steps}) == len(steps)
    named = {step.name for step in steps if step.kind is Kind.WATCHER}
    moved = {step.name for step in steps if step.kind is Kind.SOCKET}
    for item in new:
        if item in old and not any(item.uses(name) for name in moved):
            assert item.name not in named
    assert diff(after, after).steps == ()
