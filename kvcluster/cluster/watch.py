"""The watch: ten times a second, a look at every peer's silence, and at this process itself.

If more time passed between two ticks than should have, the process was away: stopped, suspended,
or paused with its machine (model/pauses.py). The world has moved on meanwhile: what waited inside
is refused, the silence of others says nothing, and every peer is heard again before anything is
answered.
"""

from __future__ import annotations

import asyncio

from kvcluster.cluster.gate import Gate
from kvcluster.cluster.peering import Peering
from kvcluster.cluster.rounds import Rounds
from kvcluster.config import Settings


async def keep_watch(peering: Peering, gate: Gate, rounds: Rounds, settings: Settings) -> None:
    """Watch for ever."""
    gate.look()  # what passed before this was the start
    while True:
        await asyncio.sleep(settings.tick_interval_s)
        if gate.look():
            rounds.refuse_waiting("this node was stopped")
            peering.peers.listen_anew()
            peering.heartbeats.poke_all()
        else:
            peering.peers.look()
