"""Upkeep: what a node does in the background, so that replicas hold the same and nothing else.

    catching up    fetches what this node missed, before it answers reads
    healing        finds what differs and nobody knew of
    holding        takes tombstones and strays where they belong, and lets go of them

The three know nothing of each other but the gate and the progress that they share. Here they are
built, and started together.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from kvcluster.cluster.calls import Calls
from kvcluster.cluster.catching_up import CatchingUp
from kvcluster.cluster.gate import Gate
from kvcluster.cluster.healing import Healing
from kvcluster.cluster.holding import Holding
from kvcluster.cluster.peers import Peers
from kvcluster.cluster.progress import SyncProgress
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.config import Settings
from kvcluster.model.slots import Home
from kvcluster.storage.store import Spawn, Store

from demo_pb2 import MissedWrites


class Upkeep:
    """The three of one node. `note`: how to note what others missed (replication.py)."""

    def __init__(
        self,
        store: Store,
        peers: Peers,
        calls: Calls,
        gate: Gate,
        *,
        home: Home,
        time: Timekeeper,
        settings: Settings,
        note: Callable[[Sequence[MissedWrites]], list[MissedWrites]],
    ) -> None:
        self.progress = SyncProgress(settings.sync_announce_s)
        self._catching_up = CatchingUp(
            store,
            calls,
            gate,
            home=home,
            peers=tuple(peer.name for peer in peers),
            time=time,
            settings=settings,
            progress=self.progress,
            note=note,
        )
        self.healing = Healing(
            store,
            peers,
            calls,
            gate,
            home=home,
            time=time,
            settings=settings,
            progress=self.progress,
            rng=random.Random(time.incarnation),
        )
        self.holding = Holding(store, peers, calls, home=home, settings=settings)

    def start(self, spawn: Spawn) -> None:
        """Look after everything from now on."""
        spawn(self._catching_up.run(), "catching up")
        spawn(self.healing.run(), "healing")
        spawn(self.holding.run(), "holding")
