"""Where the daemon's log goes: a stream, a file, syslog, or what a logging configuration says.

Only the logger that is given is set up: the root logger belongs to the program that we may be part of. What few
configurations need (``logging.config``, handlers for files and syslog) is imported by those.
"""

import logging
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import WeakSet

__all__ = ["LOG_LEVELS", "configure_logger"]

LOG_LEVELS = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}
_FORMAT = "%(asctime)s {name}[%(process)d] [%(levelname)s] %(message)s"
_DATE = "%Y-%m-%d %H:%M:%S"
_SYSLOG_DATE = "%b %d %H:%M:%S"
_ours: WeakSet[logging.Handler] = WeakSet()
"""Handlers that were made here: a later call replaces them, and leaves those of others alone."""


def configure_logger(
    logger: logging.Logger,
    level: str = "INFO",
    output: str = "-",
    loggerconfig: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    name: str | None = None,
) -> None:
    """Set up a logger.

    Args:
        logger: the one to set up. Its records do not go on to loggers above it.
        level: debug, info, warning, error or critical, in any case; anything else is info.
        output: ``-`` for standard error; a file, which is opened again when it was moved away; or
            ``syslog://HOST:PORT?FACILITY`` or ``syslog:///PATH?FACILITY``.
        loggerconfig: a mapping as of `logging.config.dictConfig`, or a file: ``.ini``, ``.json`` or ``.yaml``. Then
            it alone counts. ``default`` is the same as none.
        name: what is shown in place of the logger's name.

    Raises:
        OSError: the output or the file cannot be opened.
        ValueError: the configuration makes no sense.
    """
    if loggerconfig is None or (isinstance(loggerconfig, str) and loggerconfig.strip().lower() == "default"):
        _use(logger, LOG_LEVELS.get(level.lower(), logging.INFO), _handler(output, name))
    elif isinstance(loggerconfig, Mapping):
        _config().dictConfig(dict(loggerconfig))
    else:
        _from_file(Path(os.path.abspath(loggerconfig)))


def _use(logger: logging.Logger, level: int, handler: logging.Handler) -> None:
    for old in [item for item in logger.handlers if item in _ours]:
        logger.removeHandler(old)
        old.close()
    _ours.add(handler)
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False


def _handler(output: str, name: str | None) -> logging.Handler:
    handler: logging.Handler
    date = _DATE
    if output in {"-", "stdout"}:
        handler = logging.StreamHandler()
    elif output.startswith("syslog://"):
        handler, date = _syslog(output), _SYSLOG_DATE
    else:
        from logging.handlers import WatchedFileHandler  # noqa: PLC0415 - see the module

        handler = WatchedFileHandler(output)
    shown = "%(name)s" if name is None else name.replace("%", "%%")
    handler.setFormatter(logging.Formatter(_FORMAT.format(name=shown), date))
    return handler


def _syslog(output: str) -> logging.Handler:
    from logging.handlers import SysLogHandler  # noqa: PLC0415 - see the module
    from urllib.parse import urlsplit  # noqa: PLC0415

    place = urlsplit(output)
    names = SysLogHandler.facility_names
    if place.query and place.query not in names:
        raise ValueError(
            f"{place.query!r} is not a syslog facility; facilities are {', '.join(sorted(names))}"
        )
    address = (place.hostname or "localhost", place.port or 514) if place.netloc else place.path
    return SysLogHandler(address=address, facility=names[place.query or "user"])


def _config() -> Any:
    return import_module("logging.config")


def _from_file(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix == ".ini":
        with path.open(encoding="utf-8") as file:
            _config().fileConfig(file, disable_existing_loggers=False)
    elif suffix == ".json":
        json = import_module("json")
        _config().dictConfig(json.loads(path.read_text(encoding="utf-8")))
    elif suffix in {".yaml", ".yml"}:
        _config().dictConfig(_yaml(path))
    else:
        raise ValueError(f"cannot tell what {path} is: a logging configuration ends in .ini, .json or .yaml")


def _yaml(path: Path) -> Any:
    try:
        yaml = import_module("yaml")  # optional
    except ImportError:
        raise ValueError(f"cannot read {path} without PyYAML: pip install PyYAML") from None
    return yaml.safe_load(path.read_text(encoding="utf-8"))
