"""The old place of `StatsdEmitter`."""

from circus.plugins.statsd import StatsdEmitter

__all__ = ["StatsdEmitter"]
