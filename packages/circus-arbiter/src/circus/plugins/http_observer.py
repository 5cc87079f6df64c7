"""A plugin that asks a web server whether it is well, and may restart a watcher when it is not."""

import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, final
from urllib.parse import urlsplit

from circus.plugins.statsd import BaseObserver
from circus.plugins.threads import in_thread

__all__ = ["Answer", "HttpObserver", "ask", "checked_url"]

NO_ANSWER = 599
"""Told in place of a status where there was none."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a request ended.

    Args:
        code: its HTTP status; `NO_ANSWER` if there was none.
        seconds: how long it took.
    """

    code: int
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether the server is well."""
        return 200 <= self.code < 300


def checked_url(url: str) -> str:
    """The URL.

    Raises:
        ValueError: it is not of the web.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ValueError(f"check_url must start with http:// or https://, not be {url!r}")
    return url


def ask(url: str, *, timeout: float) -> Answer:
    """Get a page, following redirects, without any proxy, and read it to its end. Blocks.

    Args:
        url: http or https.
        timeout: seconds for all of it; it is looked at whenever something arrives.
    """
    start = time.monotonic()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as response:
            code = int(response.status)
            while response.read1(65536):
                if time.monotonic() - start > timeout:
                    code = NO_ANSWER
                    break
    except urllib.error.HTTPError as error:
        with error:
            code = error.code
    except (OSError, http.client.HTTPException):
        code = NO_ANSWER
    return Answer(code=code, seconds=time.monotonic() - start)


class HttpObserver(BaseObserver):
    """Gets a page each ``loop_rate`` seconds and tells statsd how long it took, or that it failed.

    Options: ``check_url`` (http://localhost/), ``timeout`` in seconds (10), ``restart_on_error``: a watcher to
    restart when there is an error; and those of `BaseObserver`.
    """

    name = "http_observer"
    default_app_name = "http_observer"

    def __init__(self, *args: Any, **config: Any) -> None:
        super().__init__(*args, **config)
        self.check_url = checked_url(config.get("check_url", "http://localhost/"))
        self.timeout = float(config.get("timeout", 10))
        self.restart_on_error: str | None = config.get("restart_on_error")

    async def look_after(self) -> None:
        """Get the page in a thread, and tell."""
        answer = await in_thread(lambda: ask(self.check_url, timeout=self.timeout), name="http check")
        if answer.is_good:
            self.statsd.timed("http_stats.request_time", int(answer.seconds * 1000))
            return
        self.statsd.increment("http_stats.error")
        self.statsd.increment(f"http_stats.error.{answer.code}")
        if self.restart_on_error:
            self.cast("restart", name=self.restart_on_error)
            self.statsd.increment("http_stats.restart_on_error")
