"""The stream classes of configurations, called by themselves and found by name."""

import io
import sys
from pathlib import Path

import pytest

import circus.stream
from circus.stream import (
    FancyStdoutStream,
    FileStream,
    LaneSink,
    OutputError,
    QueueStream,
    StdoutStream,
    TimedRotatingFileStream,
    WatchedFileStream,
    as_sink,
    get_stream,
    open_sink,
)
from circus.stream.sinks import FileSink

CHUNK = {"data": b"one\ntwo\n", "pid": 4711, "name": "stdout"}


class Recorder:
    """A custom class with keywords of its own."""

    def __init__(self, **options: object) -> None:
        self.options = options
        self.closed = False

    def __call__(self, data: dict) -> None:
        self.options[data["data"]] = data

    def close(self) -> None:
        self.closed = True


class Moody(Recorder):
    def __init__(self) -> None:
        raise OSError("not today")


@pytest.mark.parametrize(
    ("cls", "more"),
    [(FileStream, {}), (WatchedFileStream, {}), (TimedRotatingFileStream, {"rotate_when": "H"})],
)
def test_a_file_stream_writes_what_it_is_called_with(tmp_path, cls, more):
    stream = cls(filename=tmp_path / "l", whatever="ignored", **more)
    stream(CHUNK)
    stream({"data": "text é\n", "pid": 1, "name": "stderr"})
    assert stream.filename == str(tmp_path / "l")
    stream.close()
    stream.close()
    assert (tmp_path / "l").read_text("utf-8") == "one\ntwo\ntext é\n"


def test_each_line_has_time_and_pid_and_ends(tmp_path):
    stream = FileStream(filename=str(tmp_path / "l"), time_format="%Y")
    stream({**CHUNK, "data": b"one\n\ntwo", "timestamp": 1_700_000_000})
    stream({**CHUNK, "data": b"", "timestamp": 1_700_000_000})
    stream.close()
    assert (tmp_path / "l").read_bytes() == b"2023 [4711] | one\n2023 [4711] | \n2023 [4711] | two\n"


def test_options_may_be_text(tmp_path):
    stream = FileStream(filename=str(tmp_path / "l"), max_bytes="16", backup_count=" 1 ")
    for _ in range(3):
        stream(CHUNK)
    stream.close()
    assert (tmp_path / "l.1").read_bytes() == b"one\ntwo\none\ntwo\n"
    assert (tmp_path / "l").read_bytes() == b"one\ntwo\n"


def test_without_a_file_name_there_is_a_temporary_file():
    stream = FileStream()
    stream(CHUNK)
    stream.close()
    path = Path(stream.filename)
    assert path.read_bytes() == CHUNK["data"]
    path.unlink()


def test_reopen_goes_on_at_the_path(tmp_path):
    stream = WatchedFileStream(filename=str(tmp_path / "l"))
    stream(CHUNK)
    (tmp_path / "l").rename(tmp_path / "old")
    stream.reopen()
    stream(CHUNK)
    stream.close()
    assert (tmp_path / "l").read_bytes() == (tmp_path / "old").read_bytes() == CHUNK["data"]


@pytest.mark.parametrize(
    ("conf", "text"),
    [
        ({"class": "FileStreem"}, "class: there is no stream class 'FileStreem'; did you mean 'FileStream'?"),
        ({"class": "filestream"}, "did you mean 'FileStream'?"),
        ({"class": "Zzz"}, "class: there is no stream class 'Zzz'; there are FileStream, WatchedFileStream"),
        (
            {"class": "no.such.Thing"},
            "class: cannot import 'no.such' of 'no.such.Thing': No module named 'no'",
        ),
        ({"class": "circus.stream.QueStream"}, "has no class 'QueStream'; did you mean 'QueueStream'?"),
        ({"filename": "/no/such/dir/l"}, "filename: cannot open '/no/such/dir/l': No such file or directory"),
        ({"filename": "x", "max_bytes": "10MB"}, "max_bytes: '10MB' is not a whole number"),
        ({"filename": "x", "backup_count": -1}, "backup_count: -1 is not a whole number"),
        ({"class": "TimedRotatingFileStream"}, "rotate_when: None is not one of S, M, H"),
        ({"class": "TimedRotatingFileStream", "rotate_when": "H", "utc": "maybe"}, "utc: 'maybe' is neither"),
        ({"stdout": "x"}, "a stream needs one of class, stream and filename; it has stdout"),
        ({"class": f"{__name__}.Moody"}, "Moody cannot be made with no options: OSError: not today"),
    ],
)
def test_what_is_wrong_is_named(conf, text, monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this_module())
    with pytest.raises(OutputError) as caught:
        get_stream(conf)
    assert text in str(caught.value)


def _this_module() -> object:
    return type("module", (), {"Moody": Moody, "Recorder": Recorder})


def test_streams_by_name_and_by_object(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "recorders", _this_module())
    conf = {"class": "FileStream", "filename": str(tmp_path / "l"), "max_bytes": "10"}
    stream = get_stream(conf)
    assert isinstance(stream, FileStream)
    assert conf["class"] == "FileStream"  # not changed
    stream.close()
    custom = get_stream({"class": "recorders.Recorder", "watcher_name": "web", "n": "1"})
    assert custom.options == {"watcher_name": "web", "n": "1"}
    assert get_stream({"stream": custom}) is custom
    assert isinstance(get_stream({"class": "circus.stream.QueueStream"}), QueueStream)
    assert get_stream({"class": Recorder}).options == {}
    assert get_stream({}) is None
    assert get_stream(None) is None
    plain = get_stream({"filename": str(tmp_path / "l")})
    assert isinstance(plain, FileStream)
    plain.close()


def test_file_streams_get_the_fast_way_and_others_a_thread(tmp_path):
    stream = FileStream(filename=str(tmp_path / "l"))
    sink = as_sink(stream)
    assert isinstance(sink, FileSink)
    assert as_sink(sink) is sink
    sink.close()

    class Own(FileStream):
        def __call__(self, data: dict) -> None:
            super().__call__({**data, "data": data["data"].upper()})

    own = as_sink(Own(filename=str(tmp_path / "l")))
    assert isinstance(own, LaneSink)
    assert own.close()
    with pytest.raises(OutputError, match="cannot be called"):
        as_sink(object())
    with pytest.raises(OutputError, match="it has nothing"):
        open_sink({})


async def test_a_custom_class_gets_whole_lines_and_is_closed_with_its_sink(bench):
    recorder = Recorder()
    sink = as_sink(recorder)
    wire = bench.wire(sink)
    wire.write(b"one\nt")
    wire.write(b"wo\nend")
    wire.close()
    assert (await wire.attachment.drained()).bytes == 11
    assert b"".join(recorder.options) == b"one\ntwo\nend"
    assert all(data.endswith(b"\n") for data in recorder.options if data != b"end")
    assert recorder.options[b"end"] == {"data": b"end", "pid": 4711, "name": "stdout"}
    sink.close()
    assert recorder.closed


async def test_a_queue_takes_everything(bench):
    queue = QueueStream(anything=1)
    wire = bench.wire(bench.sink(as_sink(queue)))
    wire.write(b"one\n")
    wire.close()
    await wire.attachment.drained()
    assert queue.get_nowait() == {"data": b"one\n", "pid": 4711, "name": "stdout"}
    assert queue.empty()


def test_standard_output_bytes_as_they_are(capfd):
    stream = StdoutStream(anything=1)
    stream({**CHUNK, "data": "é".encode()[:1]})
    stream({**CHUNK, "data": "é\n".encode()[1:]})
    stream.close()
    assert capfd.readouterr().out == "é\n"


def test_standard_output_that_is_no_file(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    StdoutStream()(CHUNK)
    assert out.getvalue() == "one\ntwo\n"


def test_a_program_without_standard_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="no standard output"):
        StdoutStream()(CHUNK)


def test_fancy_lines_have_colour_time_and_pid():
    stream = FancyStdoutStream(color="green", time_format="%Y")
    stream.out = io.StringIO()
    stream({**CHUNK, "data": b"one\n\ntwo\n", "timestamp": 1_700_000_000})
    start = "\033[0;32;40m2023 [4711] | "
    assert stream.out.getvalue() == f"{start}one\033[0m\n{start}two\033[0m\n"
    stream({**CHUNK, "data": b"\n"})
    assert stream.out.getvalue().count("\n") == 2


def test_without_a_colour_each_stream_gets_the_next():
    colours = {FancyStdoutStream().color_code for _ in range(7)}
    assert colours == set(range(1, 8))
    assert FancyStdoutStream(color="pink").color_code in range(1, 8)


def test_everything_public_is_there():
    assert all(hasattr(circus.stream, name) for name in circus.stream.__all__)
