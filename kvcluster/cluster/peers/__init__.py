"""Peering: all that a node knows of its peers, put together.

peers        what it thinks of each
heartbeats   how it learns that, twice a second
calls        how it asks them anything else
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
