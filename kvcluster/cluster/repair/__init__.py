"""Repair: what a node does so that replicas hold the same, and nothing else.

    catching_up.py    fetches what this node missed, before it answers reads
    anti_entropy.py   finds what differs and nobody knew of
    readmission.py    counts for majorities again, after it has lost its data
    holding.py        takes tombstones and strays where they belong, and lets go of them
    pulls.py          the other side: gives pages to a peer that catches up or compares
    pages.py          which entries go into them
    merging.py        takes in those of a peer
    progress.py       how far this node is, for its log and its status

The first four run in the background, and know nothing of each other.
"""

from __future__ import annotations

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.repair.anti_entropy import AntiEntropy
from kvcluster.cluster.repair.catching_up import CatchingUp
from kvcluster.cluster.repair.holding import Holding
from kvcluster.cluster.repair.progress import SyncProgress
from kvcluster.cluster.repair.pulls import Pulls
from kvcluster.cluster.repair.readmission import Readmission
from kvcluster.cluster.writing.hinting import Hinting


class Repair(OnGround):
    """All of it, of one node."""

    def __init__(self, ground: Ground, peering: Peering, hinting: Hinting) -> None:
        super().__init__(ground)
        self.progress = SyncProgress(ground.settings.sync_announce_s)
        self._catching_up = CatchingUp(ground, peering.calls, hinting, self.progress)
        self.anti_entropy = AntiEntropy(ground, peering, self.progress)
        self.holding = Holding(ground, peering)
        self._readmission = Readmission(ground, peering, self._catching_up)
        self.pulls = Pulls(ground, peering.peers, hinting)

    def start(self) -> None:
        """Look after everything from now on."""
        self._spawn(self._catching_up.run(), "catching up")
        self._spawn(self.anti_entropy.run(), "anti-entropy")
        self._spawn(self.holding.run(), "holding")
        self._spawn(self._readmission.run(), "readmission")
