"""Requests: what answers clients, and peers that ask for one.

handlers.py        from a request to operations, and from what came of them to an answer
translation.py     both, from one node to another and onto the wire
router.py          who carries them out, this node or another: the one door
batch.py           what is asked, in groups, and what came of it so far
coordinator.py     operations on keys that live here
writes.py          entries, written everywhere in one go, and what came of each
plain_batches.py   puts of distinct keys, or gets, that all live here: the short way
forwarding.py      a call to a replica that shall do it instead
scans.py           keys in order, from all the nodes that together hold every slot
scan_pages.py      a page of them, from this node, and where the next begins
report.py          how this node is, and what it sees
"""

from __future__ import annotations

from kvcluster.cluster.deciding import Deciding
from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground
from kvcluster.cluster.repair import Repair
from kvcluster.cluster.requests.coordinator import Coordinator
from kvcluster.cluster.requests.forwarding import Forwarding
from kvcluster.cluster.requests.handlers import Handlers
from kvcluster.cluster.requests.plain_batches import PlainBatches
from kvcluster.cluster.requests.report import Report
from kvcluster.cluster.requests.scans import Scans
from kvcluster.cluster.requests.writes import Writes
from kvcluster.cluster.writing import Writing


class Requests:
    """The three of one node."""

    def __init__(
        self,
        ground: Ground,
        peering: Peering,
        writing: Writing,
        deciding: Deciding,
        repair: Repair,
    ) -> None:
        writes = Writes(ground, writing.rounds, deciding.sightings)
        forwarding, plain = Forwarding(ground, peering), PlainBatches(ground, writes)
        coordinator = Coordinator(ground, writes, deciding.decider)
        self.handlers = Handlers(ground, coordinator, forwarding, plain, peering.voting)
        self.scans = Scans(ground, peering)
        self.report = Report(ground, peering, writing, repair)
