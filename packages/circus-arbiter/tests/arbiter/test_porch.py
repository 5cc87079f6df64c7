"""Who ends first when descriptors run short; the file of an endpoint whose clients come in by groups."""

from circus.arbiter.peers import Peer
from circus.arbiter.seats import Seat, dispensable

US, STRANGER = Peer(uid=0), Peer(uid=7)


def seat(number, peer, *, spoke):
    return Seat(number, number, peer, spoke=spoke, at=float(number))


def test_the_silent_end_first_then_strangers_and_never_one_of_us_that_spoke():
    seats = [
        seat(1, US, spoke=True),
        seat(2, STRANGER, spoke=True),
        seat(3, US, spoke=False),
        seat(4, STRANGER, spoke=False),
    ]
    order = [one.fd for one in dispensable(seats, 10, trusted=lambda peer: peer is US)]
    assert order == [3, 4, 2]
    assert [one.fd for one in dispensable(seats, 1, trusted=lambda peer: peer is US)] == [3]
