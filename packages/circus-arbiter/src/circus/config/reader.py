"""From a path to a configuration: load, resolve, build; everything that is wrong is said at once."""

import os
from collections.abc import Mapping

from circus.config.expand import resolve
from circus.config.load import load
from circus.config.model import Config, build
from circus.config.problems import ConfigError, Report, Severity, by_place

__all__ = ["check", "read_config"]


def check(path: str | os.PathLike[str], *, environ: Mapping[str, str] | None = None) -> Report:
    """Read a configuration and say everything that is wrong with it. Nothing is bound, run or written.

    Args:
        path: an ini or TOML file.
        environ: the environment that values may refer to; default: that of this process.
    """
    surroundings = dict(os.environ if environ is None else environ)
    document, problems = load(os.fspath(path), surroundings)
    config, more = build(document, resolve(document, surroundings))
    whole = by_place(dict.fromkeys((*problems, *more)))
    if any(problem.severity is Severity.ERROR for problem in whole):
        config = None
    return Report(files=document.files, problems=whole, config=config)


def read_config(path: str | os.PathLike[str], *, environ: Mapping[str, str] | None = None) -> Config:
    """Read a configuration. Its warnings are in the `check` of the same path.

    Args:
        path: an ini or TOML file.
        environ: the environment that values may refer to; default: that of this process.

    Raises:
        ConfigError: it cannot be run; the error says everything that is wrong.
    """
    report = check(path, environ=environ)
    if report.config is None:
        raise ConfigError(report.problems)
    return report.config
