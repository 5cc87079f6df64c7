"""Whose figures are published where they are expected. Pure.

Theory. Two circusds that are told of one stats endpoint (it has a default) are told apart by the pid of circusd, which both it and
its circusd-stats tell. A pid that differs may also be that of a circusd that was started meanwhile: it is asked again first.
"""

from typing import final

__all__ = ["Owner"]


@final
class Owner:
    """Remembers both sides' word.

    Attributes:
        pid: of the circusd that is asked, by its own word; None as long as it has not told.
    """

    def __init__(self) -> None:
        self.pid: int | None = None
        self._other: int | None = None
        self._is_sure = False

    @property
    def foreign(self) -> int | None:
        """The pid of the other circusd that the figures are of; None if they are of ours, as far as is known."""
        return self._other if self._is_sure else None

    @property
    def is_doubtful(self) -> bool:
        """Whether figures should not be taken: they are another's, or may be."""
        return self._is_sure or (self._other is not None and self.pid is None)

    def hear(self, pid: int) -> bool:
        """Take the pid of circusd out of the figures; true if circusd should be asked for its own anew."""
        if self.pid is None:
            return False
        if self.pid == pid:
            self._other, self._is_sure = None, False
        elif self._other == pid:
            self._is_sure = True
        else:
            self._other, self._is_sure, self.pid = pid, False, None
            return True
        return False

    def forget(self) -> None:
        """Figures come from elsewhere now."""
        self._other, self._is_sure = None, False
