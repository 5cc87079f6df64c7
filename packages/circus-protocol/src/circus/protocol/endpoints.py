"""The default addresses, as the reference has them. Pure, and light: imports nothing."""

__all__ = [
    "DEFAULT_ENDPOINT",
    "DEFAULT_MULTICAST_ENDPOINT",
    "DEFAULT_PUBSUB_ENDPOINT",
    "DEFAULT_STATS_ENDPOINT",
]

DEFAULT_ENDPOINT = "tcp://127.0.0.1:5555"
DEFAULT_PUBSUB_ENDPOINT = "tcp://127.0.0.1:5556"
DEFAULT_STATS_ENDPOINT = "tcp://127.0.0.1:5557"
DEFAULT_MULTICAST_ENDPOINT = "udp://237.219.251.97:12027"
"""Discovery; only where it is configured."""
