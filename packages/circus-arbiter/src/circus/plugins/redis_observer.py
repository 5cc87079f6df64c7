"""A plugin that tells statsd how a Redis server does, and may restart a watcher when it does not answer.

It needs the `redis` package: ``pip install circus-arbiter[redis]``.
"""

from typing import Any, cast

from circus.plugins.statsd import BaseObserver
from circus.plugins.threads import in_thread

try:
    import redis
except ImportError as error:
    raise ImportError(
        "RedisObserver needs the redis package: pip install 'circus-arbiter[redis]'", name=error.name
    ) from error

__all__ = ["RedisObserver"]


class RedisObserver(BaseObserver):
    """Asks Redis for its figures each ``loop_rate`` seconds and tells statsd those in `OBSERVE` that it has.

    Options: ``redis_url`` (redis://localhost:6379/0), ``timeout`` in seconds (5), ``restart_on_timeout``: a watcher
    to restart when Redis does not answer; and those of `BaseObserver`.
    """

    name = "redis_observer"
    default_app_name = "redis_observer"

    OBSERVE: tuple[str, ...] | list[str] = (
        "blocked_clients",
        "client_biggest_input_buf",
        "client_longest_output_list",
        "connected_clients",
        "connected_slaves",
        "evicted_keys",
        "expired_keys",
        "keyspace_hits",
        "keyspace_misses",
        "lru_clock",
        "mem_fragmentation_ratio",
        "pubsub_channels",
        "pubsub_patterns",
        "total_commands_processed",
        "total_connections_received",
        "uptime_in_seconds",
        "used_cpu_sys",
        "used_cpu_sys_children",
        "used_cpu_user",
        "used_memory",
        "used_memory_peak",
        "used_memory_rss",
    )

    def __init__(self, *args: Any, **config: Any) -> None:
        super().__init__(*args, **config)
        timeout = float(config.get("timeout", 5))
        self.redis: Any = redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            config.get("redis_url", "redis://localhost:6379/0"),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
        )
        self.restart_on_timeout: str | None = config.get("restart_on_timeout")

    async def look_after(self) -> None:
        """Ask in a thread, and tell."""
        try:
            figures = cast("dict[str, Any]", await in_thread(self.redis.info, name="redis check"))
        except (redis.ConnectionError, redis.TimeoutError):
            self.statsd.increment("redis_stats.error")
            if self.restart_on_timeout:
                self.cast("restart", name=self.restart_on_timeout)
                self.statsd.increment("redis_stats.restart_on_error")
            return
        for key in self.OBSERVE:
            if key in figures:
                self.statsd.gauge(f"redis_stats.{key}", figures[key])

    def stop(self) -> None:
        """Stop, and close the connections to Redis."""
        super().stop()
        self.redis.close()
