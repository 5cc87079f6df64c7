"""Output of workers: from their pipes to files, terminals and user code, complete, in order, off the event loop.

`OutputHub` moves the bytes; a sink takes them; `TailBuffer` remembers the last lines. The stream classes are what
configurations name; each works alone, too. Needs nothing but the standard library.
"""

from circus.stream.factory import as_sink, get_stream, open_sink
from circus.stream.model import DrainReport, Ended, OutputError, OutputTrouble, Source, TroubleKind
from circus.stream.pump import Attachment, OutputHub
from circus.stream.sinks import (
    FileSink,
    LaneSink,
    PassThroughSink,
    Sink,
    TimedRotatingFileSink,
    WatchedFileSink,
)
from circus.stream.streams import (
    FancyStdoutStream,
    FileStream,
    QueueStream,
    StdoutStream,
    TimedRotatingFileStream,
    WatchedFileStream,
)
from circus.stream.tail import Follower, TailBuffer, TailLine

__all__ = [
    "Attachment",
    "DrainReport",
    "Ended",
    "FancyStdoutStream",
    "FileSink",
    "FileStream",
    "Follower",
    "LaneSink",
    "OutputError",
    "OutputHub",
    "OutputTrouble",
    "PassThroughSink",
    "QueueStream",
    "Sink",
    "Source",
    "StdoutStream",
    "TailBuffer",
    "TailLine",
    "TimedRotatingFileSink",
    "TimedRotatingFileStream",
    "TroubleKind",
    "WatchedFileSink",
    "WatchedFileStream",
    "as_sink",
    "get_stream",
    "open_sink",
]
