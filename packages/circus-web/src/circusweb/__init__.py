"""The name under which old versions of circusd start the console: ``from circusweb import circushttpd``."""
