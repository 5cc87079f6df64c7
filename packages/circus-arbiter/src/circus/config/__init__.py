"""Configuration: files in, one frozen model out, with everything that is wrong said at once.

`read_config` gives a `Config` or a `ConfigError`; `check` gives a `Report`; `diff` decides what `reloadconfig`
has to do. `get_config` is the nested dict of old programs. docs/adr/0005-configuration.md says why.
"""

from circus.config.compat import get_config, watcher_defaults
from circus.config.diff import Action, Kind, OptionChange, Plan, Step, diff
from circus.config.document import Origin
from circus.config.model import Config, PluginConfig, SocketConfig, WatcherConfig
from circus.config.problems import ConfigError, Problem, Report, Severity
from circus.config.reader import check, read_config

__all__ = [
    "Action",
    "Config",
    "ConfigError",
    "Kind",
    "OptionChange",
    "Origin",
    "Plan",
    "PluginConfig",
    "Problem",
    "Report",
    "Severity",
    "SocketConfig",
    "Step",
    "WatcherConfig",
    "check",
    "diff",
    "get_config",
    "read_config",
    "watcher_defaults",
]
