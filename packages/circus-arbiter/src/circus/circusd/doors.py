"""What a check of a configuration says of endpoints that other machines can reach: the decisions are those of the start.

Theory: what circusd refuses to bind is an error of the check, so that a check that passes is followed by a start that does; what is
open because the configuration says so is a warning, as it is at the start. Whether the web console has TLS is not in the
configuration, so that is a warning, too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from circus.arbiter.reach import Resolve, addresses_of, reaches_out, refusals, warnings_of
from circus.config import Origin, Problem, Report, Severity
from circus.config.expand import resolve
from circus.config.load import load
from circus.config.problems import by_place
from circus.protocol.options import ArbiterOptions

__all__ = ["with_doors"]


def with_doors(
    report: Report, path: str, environ: Mapping[str, str], *, addresses: Resolve = addresses_of
) -> Report:
    """A report of a check, with what is to be said of the endpoints.

    Args:
        report: of the same file.
        path: of the file; read again, for the lines of options.
        environ: that the report was made with.
        addresses: the addresses of a name.
    """
    if report.config is None:
        return report
    section = resolve(load(path, environ)[0], environ).circus

    def origin(option: str) -> Origin | None:
        entry = None if section is None else section.get(option)
        return None if entry is None else entry.origin

    found = tuple(_problems(report.config.arbiter, origin, addresses))
    refused = any(problem.severity is Severity.ERROR for problem in found)
    config = None if refused else report.config
    return replace(report, problems=by_place((*report.problems, *found)), config=config)


def _problems(
    options: ArbiterOptions, origin: Callable[[str], Origin | None], addresses: Resolve
) -> Iterator[Problem]:
    def problem(option: str, text: str, severity: Severity = Severity.WARNING) -> Problem:
        return Problem(text=text, origin=origin(option), section="circus", option=option, severity=severity)

    for refusal in refusals(options, addresses):
        yield problem(refusal.option, refusal.cause, Severity.ERROR)
    for option, text in warnings_of(options):
        yield problem(option, text)
    host = f"[{options.httpd_host}]" if ":" in options.httpd_host else options.httpd_host
    if options.httpd and reaches_out(f"tcp://{host}:{options.httpd_port}", addresses):
        yield problem(
            "httpd_host",
            "other machines could connect, so the console starts there only with TLS: give circusd the environment"
            ' CIRCUSHTTPD_OPTIONS="--tls-cert FILE --tls-key FILE", or set it to 127.0.0.1',
        )
