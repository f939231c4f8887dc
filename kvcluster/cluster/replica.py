"""The replica: storing what another node coordinated.

The mirror of replication.py: that sends, this receives. An entry is answered only when it is
durable here; one that was already superseded is reported back, so that its coordinator can take
a newer version before it tells its client "done".
"""

from __future__ import annotations

from kvcluster.cluster.peers import Peers
from kvcluster.cluster.replication import Replication
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.cluster.waiting import within
from kvcluster.errors import PeerRefused
from kvcluster.model.entry import Verdict, Version
from kvcluster.storage.store import Store

from demo_pb2 import ReplicateRequest, ReplicateResponse


class Replica:
    """The receiving side of Replicate."""

    def __init__(
        self, store: Store, peers: Peers, replication: Replication, time: Timekeeper
    ) -> None:
        self._store = store
        self._peers = peers
        self._replication = replication
        self._time = time

    async def replicate(self, request: ReplicateRequest, deadline_s: float) -> ReplicateResponse:
        """Store entries durably. Raises PeerRefused, BadRequest, DiskIsFull, OutcomeUnknown."""
        if request.sender not in self._peers:
            raise PeerRefused(f"{request.sender!r} is no peer of this node")
        self._time.accept(request.sender, request.clock)
        self._time.accept_entries(request.entries, request.clock)
        self._store.refuse_if_full()
        if not request.entries:
            return ReplicateResponse(clock=self._time.now())
        # A third node that is away misses these too. Its coordinator knows; but it may die
        # before it can tell, so we note it as well.
        oldest = Version(min(entry.version for entry in request.entries))
        notes = self._replication.note_absent(oldest, request.sender)
        written = self._store.write(list(request.entries), notes)
        verdicts = await within(written, deadline_s, "storing the entries")
        return ReplicateResponse(
            clock=self._time.now(),
            superseded=[i for i, verdict in enumerate(verdicts) if verdict is Verdict.OLDER],
        )
