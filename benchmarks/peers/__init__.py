"""Every supervisor that is measured, the floor first and ours last."""

from benchmarks.peers.base import Missing, Peer
from benchmarks.peers.circus import Circus, Reference
from benchmarks.peers.daemontools import S6, Daemontools, Runit
from benchmarks.peers.floor import Floor
from benchmarks.peers.pm2 import Pm2
from benchmarks.peers.supervisor import Supervisor

__all__ = ["PEERS", "Missing", "Peer"]

PEERS: tuple[type[Peer], ...] = (Floor, Reference, Supervisor, Runit, S6, Daemontools, Pm2, Circus)
