"""Writing: what carries a write to disk, here and elsewhere.

rounds.py        writes of clients, gathered, and sent off together
flights.py       what became of them, here and at the peers
outcome.py       that, counted
replication.py   copies of them to other replicas, and what follows where one fails
hinting.py       what others missed, kept until they have it
replica.py       the other side: writes that another node coordinated
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground
from kvcluster.cluster.writing.flights import Flights
from kvcluster.cluster.writing.hinting import Hinting
from kvcluster.cluster.writing.replica import Receiver
from kvcluster.cluster.writing.replication import Replication
from kvcluster.cluster.writing.rounds import Rounds


class Writing:
    """The five of one node. `compare_with`: has everything compared with some peers soon."""

    def __init__(
        self,
        ground: Ground,
        peering: Peering,
        hinting: Hinting,
        compare_with: Callable[[Iterable[str]], None],
    ) -> None:
        replication = Replication(ground, peering, hinting)
        self.hinting = hinting
        flights = Flights(ground, replication, peering.voting, compare_with)
        self.rounds = Rounds(ground, flights)
        self.replica = Receiver(ground, hinting, peering.voting)
