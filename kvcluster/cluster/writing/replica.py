"""The replica: storing what another node coordinated.

The mirror of replication.py: that sends, this receives. An entry is answered only when it is
durable here; one that was already superseded is reported back, so that its coordinator can take
a newer version before it tells its client "done".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.tasks import within
from kvcluster.cluster.peers.voting import Voting
from kvcluster.cluster.writing.hinting import Hinting
from kvcluster.cluster.writing.outcome import Became
from kvcluster.errors import BadRequest, PeerRefused
from kvcluster.model.entry import version_of

from demo_pb2 import (
    DropRequest,
    DropResponse,
    HoldRequest,
    HoldResponse,
    MissedWrites,
    ReplicateRequest,
    ReplicateResponse,
)
from demo_pb2 import Entry as EntryMessage


class Receiver(OnGround):
    """The receiving side of Replicate, Hold and Drop. Each may raise PeerRefused, BadRequest,
    DiskIsFull, OutcomeUnknown.
    """

    def __init__(self, ground: Ground, hinting: Hinting, voting: Voting) -> None:
        super().__init__(ground)
        self._hinting = hinting
        self._voting = voting

    async def replicate(self, request: ReplicateRequest, deadline_s: float) -> ReplicateResponse:
        """Store new entries durably, and hints of which other replicas miss them."""
        sender = self._envelope.check(request)
        entries = self._entries_in(request)
        self._time.accept_missed(request.missed, request.clock)
        if self._time.are_stale(entries):
            raise PeerRefused(f"{sender} sends a write as new that it took long ago")
        self._store.refuse_if_full()
        hints = self._hinting.take_over(request.missed)
        became = await self._stored(entries, hints, deadline_s)
        return ReplicateResponse(
            clock=self._time.now(),
            superseded=became.superseded,
            block=len(request.block.keys),
            refused=became.refused,
            decided=became.decided,
            votes=became.votes,
        )

    def _entries_in(self, request: ReplicateRequest) -> Sequence[EntryMessage]:
        if not request.HasField("block"):
            self._time.accept_entries(request.entries, request.clock)
            return list(request.entries)
        if request.entries:
            raise BadRequest("a block and other entries came at once")
        return self._time.accept_block(request.block, request.clock)

    async def hold(self, request: HoldRequest, deadline_s: float) -> HoldResponse:
        """Store entries of any age durably."""
        self._envelope.check(request)
        self._time.accept_entries(request.entries, request.clock)
        self._store.refuse_if_full()
        became = await self._stored(list(request.entries), [], deadline_s)
        return HoldResponse(
            clock=self._time.now(),
            superseded=became.superseded,
            incarnation=self._time.incarnation,
            refused=became.refused,
        )

    async def _stored(
        self, entries: Sequence[EntryMessage], hints: list[MissedWrites], deadline_s: float
    ) -> Became:
        """Store durably; what became of them."""
        written = self._store.write(entries, hints)
        verdicts = await within(written, deadline_s, "storing the entries")
        votes = not self._voting.refusal
        return Became.of(entries, verdicts, self._store.table, votes=votes)

    async def drop(self, request: DropRequest, deadline_s: float) -> DropResponse:
        """Forget tombstones that every replica has confirmed to hold, and nothing else."""
        self._envelope.check(request)
        self._time.accept_entries(request.tombstones, request.clock)
        self._store.refuse_if_full()
        buried = self._buried(request.tombstones)
        await within(self._store.write([], [], buried), deadline_s, "dropping tombstones")
        return DropResponse(clock=self._time.now())

    def _buried(self, tombstones: Iterable[EntryMessage]) -> list[EntryMessage]:
        """Those that are here as they are named. What is newer here stays, what is gone is gone.

        Raises PeerRefused if something older is held: the tombstone that was confirmed is lost
        here. Its primary must keep it until anti-entropy has brought it back, or that would return.
        """
        buried = []
        for tombstone in tombstones:
            held = self._store.get(tombstone.key)
            if held == (None, tombstone.version):
                buried.append(tombstone)
            elif held is not None and version_of(held) <= tombstone.version:
                raise PeerRefused(f"what is here of {tombstone.key[:40]!r} is not that tombstone")
        return buried
