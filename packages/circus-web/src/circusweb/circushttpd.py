"""``circushttpd.main()``, as old versions of circusd call it."""

from circus.web import main

__all__ = ["main"]
