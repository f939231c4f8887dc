"""Deciding: operations that need a majority, and what majorities need.

decider.py     conditional writes, and reads that nothing older follows: the coordinator's side
turns.py       who waits for a key, and what each is told
majorities.py  what a majority holds, or promises
polling.py     asking the replicas of a key, many keys in one call
acceptor.py    the replica's side: what is held, and what is promised
settling.py    keys of which something was refused here, or promised and never used

The rules stand in model/ballots.py and model/decision.py. A decided write travels like any other,
in a round (cluster/writing/rounds.py), and so does what follows from a copy that fails.
"""

from __future__ import annotations

from kvcluster.cluster.deciding.acceptor import Acceptor
from kvcluster.cluster.deciding.decider import Decider
from kvcluster.cluster.deciding.majorities import Majorities
from kvcluster.cluster.deciding.polling import Polling
from kvcluster.cluster.deciding.settling import Settling
from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.writing import Writing
from kvcluster.model.sightings import Sightings


class Deciding(OnGround):
    """The three of one node."""

    def __init__(self, ground: Ground, peering: Peering, writing: Writing) -> None:
        super().__init__(ground)
        self.sightings = Sightings(ground.settings.batch_operations)
        self.acceptor = Acceptor(ground, peering.voting, self.sightings)
        majorities = Majorities(ground, peering, Polling(ground, peering, self.acceptor))
        self.decider = Decider(ground, majorities, peering.voting, writing.rounds)
        self._settling = Settling(ground, self.decider)

    def start(self) -> None:
        """Begin to settle."""
        self._spawn(self._settling.run(), "settling")
