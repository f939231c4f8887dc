"""Scans: live keys in order, from all the nodes that together hold every slot.

Each slot is read once: here if this node holds it and may answer reads, else at the first replica
that may. Every node that is read gives its keys in pages (scan_pages.py), and the pages flow
together in order (model/merge.py). With as many replicas as nodes, all of it comes from here.

A node that fails on the way is left out, and the scan goes on behind the last key that flowed, with
whoever else holds its slots. Where nobody does, the stream has a *hole*: it goes on without those
slots, and says so. A scan that was silently incomplete would be worse than none.

Invariant: no pair behind a hole leaves before the hole was told. Each message tells every hole up
to its last pair, and so does the end of the stream. So whoever breaks off, or is broken off, knows
what is missing from what came. (To tell it in the end only was tried. A client that ends each call
after a few pages never comes to the end.) A slot whose replica returns is read again from there on;
what was passed by in the meantime stays told.

Each page is read as a Get is: from a node that serves. There is no snapshot: a key that is written
or deleted while the scan goes on is seen as it was when its page was cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.membership import Membership
from kvcluster.cluster.requests.scan_pages import (
    ScanPage,
    ScanPosition,
    cut_scan_page,
    from_bits,
    to_bits,
)
from kvcluster.errors import NoReplica, PeerRefused, PeerUnavailable, TooLate
from kvcluster.model.merge import Merge
from kvcluster.model.merge import Pair as KeyAndValue
from kvcluster.model.slots import Cover
from kvcluster.wire.answered import scan_messages
from kvcluster.wire.limits import check_scan

from demo_pb2 import Pair, ScanPartRequest, ScanPartResponse, ScanRequest, ScanResponse


class Scans(OnGround):
    """Scans for clients, and their parts for peers. Deadlines are times of the loop's clock."""

    def __init__(self, ground: Ground, peering: Peering) -> None:
        super().__init__(ground)
        self._peers = peering.peers
        self._calls = peering.calls
        self._now_s = asyncio.get_running_loop().time
        self._covers: dict[frozenset[str], Cover] = {}

    async def scan(
        self, request: ScanRequest, deadline_s: float
    ) -> AsyncGenerator[ScanResponse, None]:
        """All pages for a client. Raises BadRequest, NotReady, TooLate."""
        check_scan(request, self._settings)
        if not self._gate.readable:
            await self._gate.until_writable(
                deadline_s, reads=True
            )  # until then nobody knows who is alive
        course = ScanPosition(request)
        began, patience_s = "", 0.0
        avoid: set[str] = set()
        holes = Holes(self._membership)
        while not course.ended:
            if not patience_s or course.position != began:  # it got on since it last had to wait
                began, patience_s = course.position, self._patience_s(deadline_s)
            cover = await self._until_covered(avoid, patience_s)
            if not cover.by_member:
                raise NoReplica(f"this node is {self._gate.status.value}, and no other can answer")
            holes.add(cover.uncovered)
            try:
                async with aclosing(self._flow(course, cover, avoid, deadline_s)) as flow:
                    async for pairs in flow:
                        for message in scan_messages(pairs, self._settings):
                            holes.tell(message)
                            yield message
            except _LostError as lost:
                avoid |= lost.names
        if holes.slots:
            yield holes.tell(ScanResponse())

    async def part(self, request: ScanPartRequest) -> ScanPartResponse:
        """One page for a peer, from here. Raises PeerRefused, BadRequest, NotReady."""
        self._envelope.check(request)
        self._gate.refuse_unless_readable()
        slots = from_bits(request.slot_bits)
        if not slots <= self._membership.held:
            raise PeerRefused(f"{self._membership.name} holds no replica of some of these slots")
        page = self._cut(request.scan, slots)
        return ScanPartResponse(
            clock=self._time.now(),
            pairs=[Pair(key=key, value=value, expires_ms=ms) for key, value, ms in page.pairs],
            up_to=page.reached or "",
        )

    async def _flow(
        self, course: ScanPosition, cover: Cover, avoid: set[str], deadline_s: float
    ) -> AsyncGenerator[list[KeyAndValue], None]:
        """The pairs of the covered slots, as they come, while no more can be covered.

        Raises _LostError when a node fails.
        """
        stream = Merge(cover.by_member, course.position)
        while not (stream.ended or course.ended):
            if cover.uncovered and not cover.uncovered <= self._cover(avoid).uncovered:
                return  # a hole can be closed
            if self._now_s() >= deadline_s:
                raise TooLate(f"the scan reached its deadline behind the key {course.position!r}")
            names = stream.wanted()
            asking = [self._page(n, cover.by_member[n], course, deadline_s) for n in names]
            pages = dict(zip(names, await asyncio.gather(*asking), strict=True))
            if lost := {name for name, page in pages.items() if page is None}:
                raise _LostError(lost)
            for name, page in pages.items():
                if page is not None:
                    stream.take(name, page.pairs, page.reached)
            pairs = course.pass_on(stream.flow(), stream.position)
            if pairs:
                yield pairs
        course.ended = True

    async def _page(
        self, name: str, slots: frozenset[int], course: ScanPosition, deadline_s: float
    ) -> ScanPage | None:
        """The next page of one node; None if it cannot be had."""
        scan = course.next_page(self._settings.scan_page_keys)
        if name == self._membership.name:
            return self._cut(scan, slots) if self._gate.readable else None
        request = ScanPartRequest(scan=scan, slot_bits=to_bits(slots))
        timeout_s = min(self._settings.read_forward_timeout_s, deadline_s - self._now_s())
        try:
            response: ScanPartResponse = await self._calls.ask(name, request, timeout_s)
        except PeerUnavailable:
            return None
        pairs = [(it.key, it.value, it.expires_ms) for it in response.pairs]
        page = ScanPage(pairs, response.up_to or None)
        return page if page.is_sound(scan) else None

    def _cut(self, scan: ScanRequest, slots: frozenset[int]) -> ScanPage:
        return cut_scan_page(self._store.table, scan, slots, self._settings)

    async def _until_covered(self, avoid: set[str], patience_s: float) -> Cover:
        """Who is read for what; waits for replicas that are there and not ready, for a while."""
        while True:
            cover = self._cover(avoid)
            if self._now_s() >= patience_s or not self._may_be_covered(cover):
                return cover
            avoid.clear()
            retry_s = self._now_s() + self._settings.forward_retry_s
            await self._gate.until_changed(min(retry_s, patience_s))
            self._gate.refuse_if_draining()

    def _cover(self, avoid: set[str]) -> Cover:
        readable = {peer.name for peer in self._peers if peer.serves_reads} - avoid
        if self._gate.readable:
            readable.add(self._membership.name)
        known = frozenset(readable)
        if known not in self._covers:
            self._covers = {known: self._membership.cover(known)}  # only the latest is of use
        return self._covers[known]

    def _may_be_covered(self, cover: Cover) -> bool:
        """Whether a replica of some slot that nobody is read for lives."""
        alive = {peer.name for peer in self._peers if peer.alive} | {self._membership.name}
        return any(
            not alive.isdisjoint(self._membership.replicas(slot)) for slot in cover.uncovered
        )

    def _patience_s(self, deadline_s: float) -> float:
        """Until when to wait for replicas that are not ready: there must be time left to scan."""
        now_s = self._now_s()
        return now_s + min((deadline_s - now_s) / 2, self._settings.request_timeout_s)


class _LostError(Exception):
    """Nodes that were read failed; others may hold what they hold."""

    def __init__(self, names: set[str]) -> None:
        super().__init__(names)
        self.names = names


class Holes:
    """Slots that were not read for some part of the stream so far.

    They are only ever added: what is missing there is missing for good, whoever answers later.
    """

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self.slots: frozenset[int] = frozenset()
        self._told = ScanResponse()

    def add(self, uncovered: frozenset[int]) -> None:
        """From here on these are not read."""
        if not uncovered <= self.slots:
            self.slots |= uncovered
            holders = {name for slot in self.slots for name in self._membership.replicas(slot)}
            self._told = ScanResponse(missing_slots=len(self.slots), missing_nodes=sorted(holders))

    def tell(self, message: ScanResponse) -> ScanResponse:
        """Say in a message what is missing up to its end."""
        message.MergeFrom(self._told)
        assert message.missing_slots == len(self.slots), "a hole is not told"
        return message
