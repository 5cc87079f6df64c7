from hypothesis import given
from hypothesis import strategies as st

from circus.client.errors import AccessDenied, NotRunning, WentAway
from circus.client.link import Link, LinkEvent, after, failure

E = LinkEvent


def fold(*events: LinkEvent) -> Link:
    link = Link.CONNECTING
    for event in events:
        link = after(link, event)
    return link


def test_nobody_listens():
    assert fold(E.CONNECT_RETRIED) is Link.NOBODY
    assert isinstance(failure(Link.NOBODY, "x", sent=False), NotRunning)


def test_a_daemon_that_leaves_fails_what_was_sent_only():
    link = fold(E.HANDSHAKE_SUCCEEDED, E.DISCONNECTED)
    assert isinstance(failure(link, "x", sent=True), WentAway)
    assert failure(link, "x", sent=False) is None


def test_the_first_retry_after_a_break_only_announces_the_attempt():
    broken = (E.HANDSHAKE_SUCCEEDED, E.DISCONNECTED, E.CONNECT_RETRIED)
    assert fold(*broken) is Link.CONNECTING
    assert fold(*broken, E.CONNECT_RETRIED) is Link.NOBODY


def test_a_handshake_cut_once_is_a_daemon_that_stops_and_twice_is_a_refusal():
    cut, retry = E.HANDSHAKE_FAILED_NO_DETAIL, E.CONNECT_RETRIED
    assert failure(fold(cut), "x", sent=False) is None
    assert fold(cut, retry, retry) is Link.NOBODY
    assert isinstance(failure(fold(cut, retry, cut), "x", sent=False), AccessDenied)


def test_a_refusal_stays_one_while_libzmq_retries():
    assert fold(E.HANDSHAKE_FAILED_AUTH, E.DISCONNECTED, E.CONNECT_RETRIED) is Link.DENIED
    assert "access denied" in str(failure(Link.DENIED, "tcp://x:1", sent=False))
    assert "CURVE" in str(failure(fold(E.HANDSHAKE_FAILED_PROTOCOL), "tcp://x:1", sent=False))


@given(st.lists(st.sampled_from(LinkEvent)))
def test_a_handshake_makes_any_link_ready(events: list[LinkEvent]):
    assert fold(*events, E.HANDSHAKE_SUCCEEDED) is Link.READY


@given(st.lists(st.sampled_from(LinkEvent)), st.booleans())
def test_what_failed_before_sending_failed_after_it_too(events: list[LinkEvent], sent: bool):
    link = fold(*events)
    if failure(link, "x", sent=sent) is not None:
        assert failure(link, "x", sent=True) is not None
        assert link.failed
