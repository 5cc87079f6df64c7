"""Connections out of the kernel's tables."""

import pytest

from circus.stats.hits import Meter, Table, parse_tcp, parse_unix, read_tables
from circus.stats.roster import Socket

HEAD = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def line(
    local: bytes,
    remote: bytes,
    state: bytes,
    *,
    queue: bytes = b"00000000:00000000",
    timer: bytes = b"00:00000000",
):
    return (
        b"   0: "
        + local
        + b" "
        + remote
        + b" "
        + state
        + b" "
        + queue
        + b" "
        + timer
        + b" 00000000     0        0 82 1\n"
    )


def table(*lines: bytes) -> Table:
    result = Table.empty(["web"])
    parse_tcp(HEAD + b"".join(lines), {0x1F90: "web"}, result)
    return result


LISTENER = line(b"0100007F:1F90", b"00000000:0000", b"0A", queue=b"00000000:00000003")


def test_a_connection_counts_once():
    meter = Meter()
    one = line(b"0100007F:1F90", b"0100007F:A001", b"01")
    two = line(b"0100007F:1F90", b"0100007F:A002", b"01")
    assert meter.count(table(LISTENER, one), now=0.0)["web"].reads == 0, "nothing is known at the first tick"
    assert meter.count(table(LISTENER, one, two), now=1.0)["web"].reads == 1
    hits = meter.count(table(LISTENER, one, two), now=2.0)["web"]
    assert (hits.reads, hits.queue, hits.connections) == (0, 3, 2)


def test_what_was_closed_since_the_last_tick_counts_too():
    meter = Meter()
    meter.count(table(LISTENER), now=0.0)
    by_server = line(b"0100007F:1F90", b"0100007F:A001", b"06", timer=b"03:0000176F")
    by_client = line(b"0100007F:A002", b"0100007F:1F90", b"06", timer=b"03:0000176F")
    long_ago = line(b"0100007F:1F90", b"0100007F:A003", b"06", timer=b"03:00000010")
    assert meter.count(table(LISTENER, by_server, by_client, long_ago), now=1.0)["web"].reads == 2


def test_what_was_open_and_closed_is_not_new():
    meter = Meter()
    meter.count(table(line(b"0100007F:1F90", b"0100007F:A001", b"01")), now=0.0)
    closed = line(b"0100007F:1F90", b"0100007F:A001", b"06", timer=b"03:0000176F")
    assert meter.count(table(closed), now=1.0)["web"].reads == 0


def test_our_own_connections_to_the_same_port_elsewhere_are_not_hits():
    meter = Meter()
    meter.count(table(LISTENER), now=0.0)
    away = line(b"0100000A:A002", b"0200000A:1F90", b"06", timer=b"03:0000176F")
    assert meter.count(table(away), now=1.0)["web"].reads == 0


def test_a_port_in_another_place_of_the_line_does_not_match():
    assert table(line(b"0100007F:0050", b"0100007F:1F91", b"01")).alive["web"] == set()


def test_unix_sockets():
    raw = (
        b"Num       RefCount Protocol Flags    Type St Inode Path\n"
        b"0000000046457889: 00000002 00000000 00010000 0001 01 100 /run/my app.sock\n"
        b"0000000046457880: 00000003 00000000 00000000 0001 03 101 /run/my app.sock\n"
        b"0000000046457881: 00000003 00000000 00000000 0001 03 102\n"
    )
    result = Table.empty(["ux"])
    parse_unix(raw, {"/run/my app.sock": "ux"}, result)
    assert result.alive["ux"] == {b"101"}


@pytest.mark.real
def test_real_connections_are_counted():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        listener = Socket("web", 3, f"127.0.0.1:{port}", is_unix=False, port=port)
        meter = Meter()
        meter.count(read_tables([listener]), now=0.0)
        for closes_first in ("server", "client", "nobody"):
            client = socket.create_connection(("127.0.0.1", port))
            peer, _ = server.accept()
            first, second = (peer, client) if closes_first == "server" else (client, peer)
            if closes_first != "nobody":
                first.close()
                assert second.recv(1) == b""
                second.close()
        hits = meter.count(read_tables([listener]), now=1.0)["web"]
        client.close()
        peer.close()
    assert (hits.reads, hits.connections) == (3, 1)
