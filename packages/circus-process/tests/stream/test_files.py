"""Log files on a real file system."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circus.stream import files
from circus.stream.files import LogFile, LogWriteError
from circus.stream.rotation import BySize, ByTime, Never, Rotation, When


@pytest.fixture
def use(tmp_path):
    used: list[LogFile] = []

    def use(name: str = "l", rotation: Rotation = Never(), *, watch: bool = False) -> LogFile:  # noqa: B008
        used.append(LogFile.use(str(tmp_path / name), rotation=rotation, watch=watch))
        return used[-1]

    yield use
    for file in used:
        file.release()


def whole(folder: Path, name: str = "l") -> bytes:
    """All files of a log, the oldest first."""
    old = sorted(folder.glob(name + ".*"), key=lambda path: -int(path.suffix[1:]))
    return b"".join(path.read_bytes() for path in [*old, folder / name])


def test_writes_go_to_the_end_of_what_is_there(tmp_path, use):
    (tmp_path / "l").write_bytes(b"before\n")
    use().write(b"after\n", 1)
    assert (tmp_path / "l").read_bytes() == b"before\nafter\n"


def test_one_path_is_one_file_and_the_newest_rotation_counts(tmp_path, use):
    first = use()
    assert use(rotation=BySize(10, 1)) is first
    first.write(b"12345678\n", 1)
    first.write(b"abc\n", 1)
    assert whole(tmp_path) == b"12345678\nabc\n"
    assert (tmp_path / "l").read_bytes() == b"abc\n"


def test_another_writer_never_continues_a_line(tmp_path, use):
    file = use()
    file.write(b"half", "a")
    file.write(b"whole\n", "b")
    file.write(b"other half\n", "a")
    file.write(b"more\n", "b")
    assert (tmp_path / "l").read_bytes() == b"half\nwhole\nother half\nmore\n"


def test_a_line_left_unfinished_by_an_earlier_program_is_not_continued(tmp_path, use):
    (tmp_path / "l").write_bytes(b"cut sho")
    use().write(b"new\n", 1)
    assert (tmp_path / "l").read_bytes() == b"cut sho\nnew\n"


def test_an_unfinished_line_moves_to_the_new_file(tmp_path, use):
    file = use(rotation=BySize(10, 5))
    for piece in (b"123\n", b"ab", b"cd", b"efgh\n"):
        file.write(piece, 1)
    assert (tmp_path / "l.1").read_bytes() == b"123\n"
    assert (tmp_path / "l").read_bytes() == b"abcdefgh\n"


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    chunks=st.lists(st.one_of(st.binary(max_size=9), st.just(b"line\n"), st.just(b"\n")), max_size=25),
    limit=st.integers(1, 30),
)
def test_rotation_loses_nothing_and_splits_no_line_that_fits(tmp_path, chunks, limit):
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    file = LogFile.use(str(folder / "l"), rotation=BySize(limit, 120))
    try:
        for chunk in chunks:
            file.write(chunk, 1)
    finally:
        file.release()
    data = b"".join(chunks)
    assert whole(folder) == data
    parts = sorted(folder.glob("l.*"), key=lambda path: -int(path.suffix[1:]))
    assert all(path.stat().st_size <= limit for path in [*parts, folder / "l"])
    longest = max((len(line) for line in data.splitlines(keepends=True)), default=0)
    if longest <= limit and b"\r" not in data and b"\n" in data:
        assert all(path.read_bytes().endswith(b"\n") for path in parts)


def test_the_oldest_go(tmp_path, use):
    file = use(rotation=BySize(4, 2))
    for number in range(5):
        file.write(b"%d..\n" % number, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l", "l.1", "l.2"]
    assert whole(tmp_path) == b"2..\n3..\n4..\n"


def test_a_truncated_file_goes_on_at_its_start(tmp_path, use):
    file = use()
    file.write(b"copied away\n", 1)
    os.truncate(tmp_path / "l", 0)
    file.write(b"new\n", 1)
    assert (tmp_path / "l").read_bytes() == b"new\n"


def test_what_another_program_appended_stays(tmp_path, use):
    file = use()
    file.write(b"ours\n", 1)
    with (tmp_path / "l").open("ab") as other:
        other.write(b"theirs\n")
    file.write(b"ours\n", 1)
    assert (tmp_path / "l").read_bytes() == b"ours\ntheirs\nours\n"


def test_a_removed_file_is_made_anew(tmp_path, use):
    file = use()
    file.write(b"gone\n", 1)
    (tmp_path / "l").unlink()
    file.write(b"new\n", 1)
    assert (tmp_path / "l").read_bytes() == b"new\n"


def test_a_removed_directory_costs_what_is_written_until_it_is_back(tmp_path, use):
    (tmp_path / "d").mkdir()
    file = use("d/l")
    (tmp_path / "d" / "l").unlink()
    (tmp_path / "d").rmdir()
    with pytest.raises(LogWriteError, match="No such file"):
        file.write(b"lost\n", 1)
    (tmp_path / "d").mkdir()
    file.write(b"kept\n", 1)
    assert (tmp_path / "d" / "l").read_bytes() == b"kept\n"


def test_a_renamed_file_is_followed_until_reopened(tmp_path, use):
    file = use()
    file.write(b"1\n", 1)
    (tmp_path / "l").rename(tmp_path / "old")
    file.write(b"2\n", 1)
    file.reopen()
    file.write(b"3\n", 1)
    assert (tmp_path / "old").read_bytes() == b"1\n2\n"
    assert (tmp_path / "l").read_bytes() == b"3\n"


def test_a_watched_file_is_the_one_at_its_path(tmp_path, use):
    file = use(watch=True)
    file.write(b"1\n", 1)
    (tmp_path / "l").rename(tmp_path / "old")
    file.write(b"2\n", 1)
    assert (tmp_path / "old").read_bytes() == b"1\n"
    assert (tmp_path / "l").read_bytes() == b"2\n"


def test_a_file_that_cannot_be_rotated_grows_on_and_says_so(tmp_path, use):
    file = use(rotation=BySize(10, 1))
    file.write(b"12345678\n", 1)
    (tmp_path / "l.1" / "in the way").mkdir(parents=True)
    file.write(b"abcdefgh\n", 1)
    assert (tmp_path / "l").read_bytes() == b"12345678\nabcdefgh\n"
    assert "cannot rotate" in (file.rotation_error or "")
    (tmp_path / "l.1" / "in the way").rmdir()
    (tmp_path / "l.1").rmdir()
    file.write(b"next\n", 1)
    assert file.rotation_error is None
    assert (tmp_path / "l").read_bytes() == b"next\n"


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_rotation_by_time_with_a_relative_name_keeps_the_newest(tmp_path, use, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clock = Clock(1_700_000_000.0)
    monkeypatch.setattr(files, "wall", clock)
    file = LogFile.use("t", rotation=ByTime(When.SECOND, 10, backup_count=2, utc=True))
    try:
        for number in range(5):
            file.write(b"%d\n" % number, 1)
            clock.now += 10
    finally:
        file.release()
    assert [path.read_bytes() for path in sorted(tmp_path.glob("t*"))] == [b"4\n", b"2\n", b"3\n"]
    assert sorted(path.name for path in tmp_path.glob("t.*")) == ["t.20231114221340", "t.20231114221350"]


def test_rotation_by_time_splits_no_line(tmp_path, use, monkeypatch):
    clock = Clock(1_700_000_000.0)
    monkeypatch.setattr(files, "wall", clock)
    file = use(rotation=ByTime(When.SECOND, utc=True))
    file.write(b"one\nha", 1)
    clock.now += 5
    file.write(b"lf\n", 1)
    assert (tmp_path / "l").read_bytes() == b"half\n"
    assert (tmp_path / "l.20231114221320").read_bytes() == b"one\n"


def test_time_that_passes_in_silence_makes_no_empty_files(tmp_path, use, monkeypatch):
    clock = Clock(1_700_000_000.0)
    monkeypatch.setattr(files, "wall", clock)
    file = use(rotation=ByTime(When.SECOND))
    clock.now += 100
    file.write(b"x\n", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["l"]


def test_splicing_stops_before_a_rotation_and_reports_where_it_wrote(tmp_path, use):
    file = use(rotation=BySize(300_000, 3))
    read, write = os.pipe()
    try:
        os.write(write, b"x" * 60_000)
        assert file.splice(read, 1 << 20, 1) == (60_000, 0)
        with pytest.raises(BlockingIOError):
            file.splice(read, 1 << 20, 1)
        assert file.read_back(59_990, 10) == b"x" * 10
        file.write(b"x" * 150_000 + b"\n", 1)
        os.write(write, b"y" * 60_000)
        assert file.splice(read, 1 << 20, 1) is None
    finally:
        os.close(read)
        os.close(write)


def test_a_file_without_read_permission_is_written(tmp_path, use):
    if os.geteuid() == 0:
        pytest.skip("root may read everything; run as another user")
    (tmp_path / "l").touch(mode=0o200)
    use().write(b"x\n", 1)
