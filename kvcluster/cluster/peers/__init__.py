"""Peers: who is there, and how to ask them.

ground.py         what every part of a node stands on
surroundings.py   what it takes from outside, and a simulation replaces
membership.py     who belongs, who holds what, and who calls all the same
peers.py          what this node thinks of each of the others
heartbeat.py      how it learns that, twice a second
calls.py          how it asks them anything else
channels.py       gRPC, which carries that
introduction.py   by what a peer sees who asks, and who answers
knocking.py       is anybody at an address at all?
timekeeper.py     the hybrid clock, and the gate for others' clocks
voting.py         does its word count for a majority?
gate.py           may this node take a write, may it answer a read?
tasks.py          what runs beside the calls, and how to wait for it
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kvcluster.cluster.peers.calls import Calls
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.heartbeat import Heartbeats
from kvcluster.cluster.peers.peers import Peers
from kvcluster.cluster.peers.surroundings import Transport
from kvcluster.cluster.peers.voting import Voting
from kvcluster.model.hints import Hints


class Peering(OnGround):
    """The four of one node. `hints`: what its heartbeats tell peers that they missed."""

    def __init__(self, ground: Ground, transport: Transport, hints: Hints) -> None:
        super().__init__(ground)
        self.peers = Peers(ground.membership.peers, ground.settings)
        self.voting = Voting(ground, self.peers)
        self.heartbeats = Heartbeats(ground, transport, self.peers, hints, self.voting)
        self.calls = Calls(ground, transport, self.peers)

    def start(self, refuse_waiting: Callable[[str], None]) -> None:
        """Begin to talk to peers, and to look after this process; see `_watch`."""
        self._spawn(self._watch(refuse_waiting), "watch")
        self.heartbeats.start()

    async def _watch(self, refuse_waiting: Callable[[str], None]) -> None:
        """Look at every peer's silence, and at this process itself, ten times a second, for ever.

        If more time passed between two looks than should have, it was stopped or suspended, or its
        machine paused (model/pauses.py), and the world has moved on meanwhile: what waited inside
        is refused, the silence of others says nothing, and every peer is heard again before
        anything is answered.
        """
        self._gate.look()  # what passed before this was the start
        while True:
            await asyncio.sleep(self._settings.tick_interval_s)
            if self._gate.look():
                refuse_waiting("this node was stopped")
                self.peers.listen_anew()
                self.heartbeats.poke_all()
            else:
                self.peers.look()
