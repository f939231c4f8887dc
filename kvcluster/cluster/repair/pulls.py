"""Pulls: answering a peer that catches up or compares, a page at a time.

Catching up begins with three steps whose order is the whole proof that nothing is missed:

1. the puller is waited for again: every write from now on is sent to it;
2. a mark is put into its hint: what it misses after this moment stays hinted;
3. a barrier: every write accepted before step 1 is in the table before the first page is read.

So a write is either in the pages, or sent, or hinted again. Anti-entropy needs none of this: it is
repeated until nothing differs.

A node that is being made whole itself cannot say that this was all: it keeps a hint that the caller
still misses the same, and so the caller asks again, until there is something to give.

Whoever has pulled holds what others may still lack, and so takes over the hints of these with the
last page. Else two replicas that lose their disks, one after the other and each made whole by the
rest, would forget that a third was away.
"""

from __future__ import annotations

from collections.abc import Collection

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.peers import Peers
from kvcluster.cluster.repair.pages import cut_page, since, unlisted
from kvcluster.cluster.writing.hinting import Hinting
from kvcluster.errors import BadRequest
from kvcluster.model.entry import Version
from kvcluster.model.slots import SLOTS

from demo_pb2 import (
    CompareRequest,
    CompareResponse,
    ConfirmPullRequest,
    ConfirmPullResponse,
    PullDifferencesRequest,
    PullDifferencesResponse,
    PullRequest,
    PullResponse,
)


class Pulls(OnGround):
    """The side that is pulled from. Every method may raise PeerRefused, BadRequest."""

    def __init__(self, ground: Ground, peers: Peers, hinting: Hinting) -> None:
        super().__init__(ground)
        self._peers = peers
        self._hinting = hinting

    async def pull(self, request: PullRequest) -> PullResponse:
        """Answer one page of catching up."""
        sender = self._envelope.check(request)
        response = PullResponse()
        if not request.HasField("cursor"):
            self._peers.pulls(sender)
            lacking = bool(self._gate.to_repair())
            asked = Version(request.since)
            response.mark = self._hinting.begin_pull(sender, asked, lacking=lacking)
            await self._store.barrier()
        cursor = request.cursor if request.HasField("cursor") else None
        _check_slots([cursor.slot] if cursor else [])
        oldest, table = Version(request.since), self._store.table
        equal = await self._equal(request)
        slots = [
            slot
            for slot in self._membership.shared(sender)
            if table.newest(slot) >= oldest and (slot not in equal or table.buried(slot))
        ]
        page = cut_page(table, slots, since(oldest, equal), cursor, self._settings)
        response.entries.extend(page.entries)
        if page.next:
            response.next.CopyFrom(page.next)
        else:
            response.missed.extend(self._hinting.for_others(sender, oldest))
        response.clock = self._time.now()  # last: no entry above is newer
        return response

    async def _equal(self, request: PullRequest) -> set[int]:
        """The slots of which the caller holds every live entry already."""
        slots = [known.slot for known in request.known]
        _check_slots(slots)
        digests = await self._store.digests.of_all(slots)
        pairs = zip(request.known, digests, strict=True)
        return {known.slot for known, digest in pairs if known.digest == digest}

    async def confirm(self, request: ConfirmPullRequest) -> ConfirmPullResponse:
        """The puller holds durably what it was given: forget what it had missed."""
        sender = self._envelope.check(request)
        missed_since = await self._hinting.confirm(sender, request.mark)
        return ConfirmPullResponse(
            clock=self._time.now(), missed_since=missed_since, lacking=not self._gate.whole
        )

    async def compare(self, request: CompareRequest) -> CompareResponse:
        """Say which slots differ here."""
        self._envelope.check(request)
        _check_slots(request.slots)
        if len(request.slots) != len(request.digests):
            raise BadRequest(
                f"{len(request.digests)} digests for {len(request.slots)} slots; want one for each"
            )
        digests = await self._store.digests.of_all(request.slots)
        triples = zip(request.slots, request.digests, digests, strict=True)
        response = CompareResponse(different=[slot for slot, one, two in triples if one != two])
        response.clock = self._time.now()
        return response

    async def differences(self, request: PullDifferencesRequest) -> PullDifferencesResponse:
        """Answer one page of what the caller lacks in some slots."""
        self._envelope.check(request)
        _check_slots([each.slot for each in request.slots])
        hashes = {each.slot: frozenset(each.hashes) for each in request.slots}
        cursor = request.cursor if request.HasField("cursor") else None
        table, wanted = self._store.table, unlisted(hashes)
        page = cut_page(table, sorted(hashes), wanted, cursor, self._settings)
        response = PullDifferencesResponse(entries=page.entries)
        if page.next:
            response.next.CopyFrom(page.next)
        response.clock = self._time.now()
        return response


def _check_slots(slots: Collection[int]) -> None:
    if len(slots) > SLOTS:
        raise BadRequest(f"{len(slots):,} slots are over the limit of {SLOTS:,}")
    worst = max(slots, default=0)
    if worst >= SLOTS:
        raise BadRequest(f"slot {worst} is over the limit of {SLOTS - 1}")
