"""Screens, as they were looked at and found good. ``CIRCUS_RECORD=1`` writes them anew, to be looked at again."""

import os
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from circus.top.model import Daemon, Detail, World
from circus.top.plain import as_document, as_text
from circus.top.press import press
from circus.top.render import Look, body_height, render
from circus.top.rows import rows_of, selected
from circus.top.view import Ask, Mode, Perform, Quit, RowKind, Sort, View
from circus.top.words import duration, percent, size, spark

SCREENS = Path(__file__).parent / "screens"
SMALL = Look(80, 24, zone=UTC)


def type_keys(world: World, view: View, *keys: str, look: Look = SMALL) -> tuple[View, list]:
    effects: list = []
    _, view = render(world, view, look)
    for key in keys:
        view, more = press(view, key, rows_of(world, view), height=body_height(look.height))
        _, view = render(world, view, look)
        effects += more
    return view, effects


def check(name: str, world: World, view: View, look: Look = SMALL) -> None:
    frame, _ = render(world, view, look)
    lines = ["".join(text for text, _ in line) for line in frame]
    assert len(lines) == look.height
    assert all(cell_len(line) <= look.width for line in lines)
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    path = SCREENS / f"{name}.txt"
    if os.environ.get("CIRCUS_RECORD"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (300, 80), (48, 10)])
def test_the_list(world, width, height):
    check(f"list-{width}x{height}", world, View(), Look(width, height, zone=UTC))


def test_the_list_in_ascii(world):
    check("list-ascii", world, View(), replace(SMALL, ascii_only=True))
    assert (SCREENS / "list-ascii.txt").read_text().isascii()


def test_folded_sorted_and_filtered(world):
    view, _ = type_keys(world, View(), "n", "space")
    check("folded", world, view)
    view, _ = type_keys(world, View(), "/", *"mail", "enter")
    check("filtered", world, view)


def test_a_question_names_what_will_happen(world):
    view, effects = type_keys(world, View(filter="web"), "T")
    assert effects == [Ask("ipc:///run/circus/ctl", "web")]
    check("question", world, view)


def test_the_help(world):
    check("help", world, View(mode=Mode.HELP), Look(80, 45, zone=UTC))


def test_the_events(world):
    check("events", world, View(mode=Mode.EVENTS))


def test_a_watcher_in_detail(world):
    daemon = world.daemons[0]
    view, _ = type_keys(world, View(filter="web"), "down", "enter")
    check("detail-asking", world, view)
    daemon.details["web"] = Detail(
        options={
            "cmd": "python app.py",
            "use_sockets": True,
            "env": {"API_TOKEN": "hunter2", "MODE": "live"},
        },
        exits=[
            {
                "time": 1_699_999_000.0,
                "wid": 1,
                "pid": 190,
                "why": "crash",
                "exit": "exit code 3",
                "lifetime": 61.0,
            }
        ],
        lines=[{"wid": 1, "pid": 201, "stream": "stderr", "data": "no\x1b[2J database\n"}],
    )
    check("detail", world, view, Look(80, 45, zone=UTC))
    assert "hunter2" not in (SCREENS / "detail.txt").read_text()


@pytest.mark.parametrize(
    ("name", "daemon"),
    [
        ("down", Daemon("tcp://127.0.0.1:5555", trouble="circusd is not running", advice="start circusd")),
        ("no-watchers", Daemon("tcp://127.0.0.1:5555", trouble=None)),
    ],
)
def test_nothing_to_see_says_why(name, daemon):
    check(name, World([daemon], wall=1_700_000_000.0), View())


def test_several_daemons(world):
    world.daemons.append(
        Daemon("tcp://10.0.0.2:5555", trouble="circusd is not running", advice="start circusd")
    )
    check("several", world, View())


# -- keys on the screens


def test_each_action_asks_first_and_then_sends(world):
    for key, command, properties in (
        ("S", "start", {"name": "web", "match": "simple"}),
        ("T", "stop", {"name": "web", "match": "simple"}),
        ("R", "restart", {"name": "web", "match": "simple"}),
        ("L", "reload", {"name": "web"}),
        ("K", "kill", {"name": "web", "pid": 201}),
        ("+", "incr", {"name": "web", "nb": 1}),
        ("-", "decr", {"name": "web", "nb": 1}),
    ):
        _, effects = type_keys(world, View(filter="web"), "down", key, "n")
        assert not any(isinstance(effect, Perform) for effect in effects)
        _, effects = type_keys(world, View(filter="web"), "down", key, "y")
        (performed,) = (effect for effect in effects if isinstance(effect, Perform))
        assert (performed.command, performed.properties) == (command, properties)


def test_a_signal_is_asked_for_by_name(world):
    _, effects = type_keys(world, View(filter="web"), "down", "G", *"hup", "enter", "y")
    assert effects[-1].properties == {"name": "web", "pid": 201, "signum": 1}
    _, effects = type_keys(world, View(filter="web"), "down", "G", *"nope", "enter", "y")
    assert not any(isinstance(effect, Perform) for effect in effects)


def test_the_cursor_follows_its_row(world):
    view, _ = type_keys(world, View(filter="web"), "down", "down")
    row = selected(view, rows_of(world, view))
    view, _ = type_keys(world, view, "v")
    assert selected(view, rows_of(world, view))[:3] == row[:3]
    assert view.position == 2 or row.kind is RowKind.PROCESS


def test_until_it_is_moved_the_cursor_stays_on_top(world):
    _, view = render(world, View(), SMALL)
    world.daemons[0].watcher("zzz").status = "active"
    _, view = render(world, replace(view, sort=Sort.NAME, reverse=True), SMALL)
    assert view.position == 0


def test_circusd_itself_is_not_acted_on(world):
    view, effects = type_keys(world, View(), "end", "K")
    assert effects == []
    assert "circusd itself" in view.message


KEYS = [
    *"cmainrvtpefjk?/STRLKG+-yq",
    "up",
    "down",
    "pgup",
    "pgdn",
    "home",
    "end",
    "enter",
    "esc",
    "space",
    "left",
    "right",
]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(KEYS), max_size=25), st.integers(20, 200), st.integers(4, 60))
def test_whatever_is_pressed_the_screen_is_whole(keys: list[str], width: int, height: int):
    daemon = Daemon("e", trouble=None, can_act=True)
    for name in ("a", "b", "日本語", "c\x1b[2J"):
        daemon.watcher(name)
    other = World([daemon, Daemon("f")], wall=1.0)
    look = Look(width, height, zone=UTC)
    view = View()
    for key in keys:
        view, effects = press(view, key, rows_of(other, view), height=body_height(height))
        assert all(isinstance(effect, (Ask, Perform, Quit)) for effect in effects)
        frame, view = render(other, view, look)
        assert len(frame) <= height
        assert all(sum(cell_len(text) for text, _ in line) <= width for line in frame)
        assert all(text.isprintable() for line in frame for text, _ in line)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(Sort), st.booleans(), st.booleans())
def test_every_order_shows_everything_once(sort: Sort, reverse: bool, trees: bool):
    daemon = Daemon("e", trouble=None)
    for name in ("b", "a"):
        from circus.top.process import Process

        daemon.watcher(name).put([Process(n, cpu=None if n % 2 else 1.0 * n, wid=n) for n in range(1, 6)])
    rows = rows_of(World([daemon]), View(sort=sort, reverse=reverse, whole_trees=trees))
    assert len(rows) == len(list(rows)) == 12
    assert len({row[:3] for row in rows}) == 12
    assert all(rows.find(row[:3]) == index for index, row in enumerate(rows))


# -- words


@settings(deadline=None)
@given(st.floats(0, 1e14))
def test_figures_fit_their_columns(value: float):
    assert len(size(value)) <= 5
    assert len(duration(value / 1e6)) <= 6
    assert len(percent(value / 1e9)) <= 6


def test_sparks():
    assert spark(bytes([0, 1, 50, 100, 255]), 6) == "  ▁▅██"
    assert spark(bytes([0, 100]), 2, ascii_only=True) == " #"


def test_plain_text_holds_all_rows(world):
    text = as_text(world, View(), width=100)
    assert text.count("\n") == len(rows_of(world, View())) + 4
    assert "queue worker" in text


def test_json(world):
    document = as_document(world)
    names = {watcher["name"] for watcher in document["daemons"][0]["watchers"]}
    assert names == {"web", "queue worker", "cron", "mail"}
