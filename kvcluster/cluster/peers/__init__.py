"""Peers: who is there, and how to ask them.

ground.py         what every part of a node stands on
surroundings.py   what a node takes from its machine
membership.py     who belongs, and who holds what
peers.py          what this node thinks of each of the others
heartbeat.py      how it learns that, twice a second
calls.py          how it asks them anything else
transport.py      the seam between the cluster and the network
channels.py       gRPC behind that seam
knocking.py       is anybody at an address at all?
timekeeper.py     the hybrid clock, and the gate for others' clocks
gate.py           may this node take a write, may it answer a read?
waiting.py        for shared work, and for answers that may have become hopeless
tasks.py          what runs beside the calls
"""

from __future__ import annotations

from kvcluster.cluster.peers.calls import Calls
from kvcluster.cluster.peers.ground import Ground
from kvcluster.cluster.peers.heartbeat import Heartbeats
from kvcluster.cluster.peers.peers import Peers
from kvcluster.cluster.peers.transport import Transport
from kvcluster.model.hints import Hints


class Peering:
    """The three of one node. `hints`: what its heartbeats tell peers that they missed."""

    def __init__(self, ground: Ground, transport: Transport, hints: Hints) -> None:
        self._spawn = ground.spawn
        self.peers = Peers(ground.membership.peers, ground.settings)
        self.heartbeats = Heartbeats(ground, transport, self.peers, hints)
        self.calls = Calls(ground, transport, self.peers)

    def start(self) -> None:
        """Begin to talk to peers."""
        self.heartbeats.start(self._spawn)
