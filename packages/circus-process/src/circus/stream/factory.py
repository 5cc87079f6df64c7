"""From options to a stream, from a stream to a sink."""

import importlib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, cast

from circus.stream.model import OutputError, Source
from circus.stream.sinks import LaneSink, Sink
from circus.stream.streams import (
    FancyStdoutStream,
    FileStream,
    QueueStream,
    StdoutStream,
    TimedRotatingFileStream,
    WatchedFileStream,
)

__all__ = ["STREAM_CLASSES", "Stream", "as_sink", "get_stream", "open_sink"]

Stream = Callable[[dict[str, Any]], object]
"""Called with ``{"data": bytes, "pid": int, "name": "stdout" or "stderr"}``; it may have ``close()``."""

STREAM_CLASSES: Mapping[str, Callable[..., Stream]] = {
    cls.__name__: cast("Callable[..., Stream]", cls)
    for cls in (
        FileStream,
        WatchedFileStream,
        TimedRotatingFileStream,
        QueueStream,
        StdoutStream,
        FancyStdoutStream,
    )
}
"""What a short name in ``class`` may be."""


def get_stream(conf: Mapping[str, Any] | None, reload: bool = False) -> Any:  # noqa: FBT001, FBT002 - an old signature
    """The stream that some options describe; None for none.

    Args:
        conf: ``class`` (a short or a dotted name) and its keywords; or ``stream``, a ready object; or ``filename`` and the
            other keywords of `FileStream`. It is not changed.
        reload: import the module of a dotted name anew.

    Raises:
        OutputError: the class cannot be found or made; the text names the option and what is meant, perhaps.
    """
    if not conf:
        return None
    options = dict(conf)
    if "class" in options:
        name = options.pop("class")
        made = name if callable(name) else _find(str(name).strip(), reload=reload)
        return _make(made, str(name), options)
    if options.get("stream") is not None:
        return options["stream"]
    if "filename" in options:
        return FileStream(**options)
    raise OutputError(
        f"a stream needs one of class, stream and filename; it has {', '.join(sorted(options))}"
    )


def _find(name: str, *, reload: bool) -> Callable[..., Any]:
    if "." not in name:
        if name in STREAM_CLASSES:
            return STREAM_CLASSES[name]
        raise OutputError(f"class: there is no stream class {name!r}{_hint(name, STREAM_CLASSES)}")
    module_name, _, attribute = name.rpartition(".")
    try:
        module = importlib.import_module(module_name)
        if reload:
            module = importlib.reload(module)
    except ImportError as exc:
        raise OutputError(f"class: cannot import {module_name!r} of {name!r}: {exc}") from exc
    found = getattr(module, attribute, None)
    if not callable(found):
        raise OutputError(
            f"class: {module_name!r} has no class {attribute!r}{_hint(attribute, vars(module))}"
        )
    return cast("Callable[..., Any]", found)


def _hint(name: str, known: Mapping[str, object]) -> str:
    folded = {word.lower(): word for word in known}
    near = get_close_matches(name.lower(), folded, n=1)
    if near:
        return f"; did you mean {folded[near[0]]!r}?"
    return f"; there are {', '.join(STREAM_CLASSES)}, and dotted names" if known is STREAM_CLASSES else ""


def _make(cls: Callable[..., Any], name: str, options: dict[str, Any]) -> Any:
    try:
        return cls(**options)
    except OutputError:
        raise
    except Exception as exc:
        given = ", ".join(sorted(options)) or "no options"
        raise OutputError(f"class: {name} cannot be made with {given}: {type(exc).__name__}: {exc}") from exc


def as_sink(stream: Any) -> Sink:
    """The sink that gives its bytes to a stream.

    File streams as they are get the fast way; anything else that can be called, a subclass with a ``__call__`` of its own
    as well, is called with whole lines on a thread of its own. Closing the sink closes the stream.

    Args:
        stream: a `Sink`, which is returned as it is, or a stream.

    Raises:
        OutputError: it is neither.
    """
    if callable(getattr(stream, "writer", None)):
        return cast("Sink", stream)
    if isinstance(stream, FileStream | WatchedFileStream | TimedRotatingFileStream) and (
        type(stream).__call__ is FileStream.__call__
    ):
        return stream.sink
    if not callable(stream):
        raise OutputError(f"stream: {stream!r} cannot be called")

    def consume(source: Source, data: bytes) -> None:
        stream({"data": data, "pid": source.pid, "name": source.stream})

    close = getattr(stream, "close", None)
    return LaneSink(consume, name=type(stream).__name__, at_end=close if callable(close) else None)


def open_sink(conf: Mapping[str, Any]) -> Sink:
    """`as_sink` of `get_stream`: from options to where a hub can send output.

    Raises:
        OutputError: the options describe no stream, or it cannot be made.
    """
    stream = get_stream(conf)
    if stream is None:
        raise OutputError("a stream needs one of class, stream and filename; it has nothing")
    return as_sink(stream)
