"""Which topics a subscriber gets, and whether anybody wants the output of workers. Pure.

Theory: topics are prefixes. Those that reach into ``log.`` (worker output, which may hold secrets) are for those who may
command; others get what else begins with what they asked for. A cancellation does not say whose it is, so refused ones are
counted apart and are the first to go.

Properties: without full right no granted topic is a prefix of, or begins with, ``log.``; after as many cancellations as
subscriptions nothing is wanted any more.
"""

from collections import Counter
from typing import Final, final

__all__ = ["LOG_TOPICS", "OPEN_TOPICS", "Subscriptions"]

LOG_TOPICS: Final = b"log."
OPEN_TOPICS: Final = (b"watcher.",)
"""All others that are published."""


@final
class Subscriptions:
    """Those of all subscribers."""

    def __init__(self) -> None:
        self._granted: Counter[bytes] = Counter()
        self._refused: Counter[bytes] = Counter()

    @staticmethod
    def is_open(topic: bytes) -> bool:
        """Whether a topic does not reach into the output of workers.

        >>> [Subscriptions.is_open(topic) for topic in (b"watcher.web", b"", b"lo", b"log.web", b"logs")]
        [True, False, False, False, True]
        """
        return not (topic.startswith(LOG_TOPICS) or LOG_TOPICS.startswith(topic))

    @property
    def output_wanted(self) -> bool:
        """Whether somebody subscribed to the output of workers."""
        return bool(self._granted)

    def add(self, topic: bytes, *, in_full: bool) -> tuple[bytes, ...]:
        """Somebody subscribes: the topics that it gets.

        Args:
            topic: what it asked for.
            in_full: whether it may have all of that.
        """
        if topic.startswith(LOG_TOPICS):
            (self._granted if in_full else self._refused)[topic] += 1
        if in_full:
            return (topic,)
        return tuple(one for one in OPEN_TOPICS if one.startswith(topic))

    def remove(self, topic: bytes) -> None:
        """Somebody cancels."""
        if topic.startswith(LOG_TOPICS):
            counter = self._refused if self._refused[topic] > 0 else self._granted
            counter[topic] -= 1
            if counter[topic] <= 0:
                del counter[topic]
