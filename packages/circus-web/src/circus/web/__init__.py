"""The web console of Circus: ``circushttpd``, its HTTP API and its pages.

Theory: a `Link` a daemon keeps one `Picture` of it, fed by replies, events and stats frames; the picture is pure and
says, once a second, what changed. The `Hub` owns the links and hands that to every open page. Whatever a page or a
script asks to be done goes through one function, which checks, calls the daemon, and writes the audit line. What may
be asked by whom is decided before, in `guard` (requests) and `auth` (people).

Illegal states: a figure of a daemon that does not answer; a change without an audit line; an address that nobody
allowed; a request with a session from a foreign page.
"""

__all__ = ["main"]


def main() -> None:
    """``circushttpd``: parse the command line, bind, serve until SIGTERM or SIGINT."""
    from circus.web.cli import main as run  # noqa: PLC0415 - --version needs no web server

    raise SystemExit(run())
