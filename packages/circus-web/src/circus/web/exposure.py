"""Whether a console may listen where it was told to. Pure."""

from dataclasses import dataclass

__all__ = ["Exposure", "refusal"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Who could reach the console, and what would stop them.

    Args:
        public: whether other machines can connect.
        tls: whether what is sent is encrypted.
        auth: whether people have to sign in.
        insist_no_tls: whether a public address without TLS was insisted on.
        host: the address, for the text.
    """

    public: bool
    tls: bool
    auth: bool
    insist_no_tls: bool
    host: str


def refusal(exposure: Exposure) -> str | None:
    """Why it must not start, with the way out; None if it may."""
    if not exposure.public:
        return None
    if not exposure.auth:
        if exposure.insist_no_tls or exposure.tls:
            return None  # both were said in so many words
        return (
            f"refusing to let every machine that reaches {exposure.host} command circusd: drop --insecure-no-auth,"
            " or listen on 127.0.0.1; to insist, add --insecure-no-tls"
        )
    if exposure.tls or exposure.insist_no_tls:
        return None
    return (
        f"refusing to listen on {exposure.host}, which other machines can reach, without TLS: add"
        " --tls-cert FILE --tls-key FILE, or listen on 127.0.0.1 and use a proxy or `ssh -L`;"
        " to insist, add --insecure-no-tls"
    )
