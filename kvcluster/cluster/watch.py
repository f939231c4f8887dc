"""The watch: ten times a second, a look at every peer's silence, and at this process itself.

If the watch's own tick comes late by `pause_limit_s`, the process was stopped (SIGSTOP, Ctrl+Z, a
suspended laptop). The world has moved on meanwhile: what waited inside is refused, the silence of
others says nothing, and every peer is heard again before anything is answered.
"""

from __future__ import annotations

import asyncio

from kvcluster.cluster.gate import Gate
from kvcluster.cluster.heartbeat import Heartbeats
from kvcluster.cluster.peers import Peers
from kvcluster.cluster.rounds import Rounds
from kvcluster.config import Settings


async def keep_watch(
    peers: Peers, heartbeats: Heartbeats, gate: Gate, rounds: Rounds, settings: Settings
) -> None:
    """Watch for ever."""
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    while True:
        await asyncio.sleep(settings.tick_interval_s)
        late_s = loop.time() - before_s - settings.tick_interval_s
        before_s = loop.time()
        if late_s > settings.pause_limit_s:
            gate.was_stopped(late_s)
            rounds.refuse_waiting("this node was stopped")
            peers.listen_anew()
            heartbeats.poke_all()
        else:
            gate.look()
            peers.look()
