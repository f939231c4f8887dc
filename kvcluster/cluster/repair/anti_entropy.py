"""Anti-entropy: finding what differs between replicas without anybody knowing, and mending it.

An unacknowledged write that reached one replica, a lost folder, an entry changed behind a node's
back: no hint tells of them. So nodes compare. This node sends a peer the digests of the slots that
both hold, a part at a time, and hears which differ. Where a slot differs twice, two seconds
apart (a busy one always differs once), it sends the hashes of its entries there, and the peer
answers with what is missing or other here. It is Dynamo's anti-entropy (DeCandia et al., 2007)
with a tree of one level.

Both sides do this, and each only takes; nothing is pushed, and nothing is deleted because the other
side lacks it.

When: with a peer that returns, with all of them when one dies, every half minute, and every two
seconds from a difference on until there is none. It is a slow trickle, and serving goes on. A node
that lost its data is made whole by other means first (catching_up.py); until then it compares
nothing.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Iterable, Iterator, Sequence

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.peers import Peer
from kvcluster.cluster.repair.merging import Brought, Merger, advance
from kvcluster.cluster.repair.progress import SyncProgress
from kvcluster.errors import KvError, PeerBroke, PeerSilent, PeerUnreachable
from kvcluster.model.digest import entry_hash

from demo_pb2 import CompareRequest, PullDifferencesRequest, SlotHashes

log = logging.getLogger("kvcluster")


class AntiEntropy(OnGround):
    """Compares with one peer after the other, and fetches what differs."""

    def __init__(self, ground: Ground, peering: Peering, progress: SyncProgress) -> None:
        super().__init__(ground)
        self._peers = peering.peers
        self._rng = random.Random(ground.time.incarnation)
        self._merger = Merger(ground, peering.calls)
        self._wake = asyncio.Event()
        self._whole = asyncio.Event()
        self._wanted: set[str] = set()  # peers to compare everything with
        self._differing: dict[str, tuple[float, list[int]]] = {}
        """Slots that differed at the last comparison, and when to look again."""
        self._complaints: dict[str, str] = {}
        self._progress = progress
        self._totals = progress.totals
        ground.gate.listen(self._gate_changed)
        self._peers.on_return.append(lambda peer: self.want([peer.name]))
        self._peers.on_death.append(self._peer_died)

    def want(self, names: Iterable[str]) -> None:
        """Compare everything with some peers soon."""
        self._wanted.update(name for name in names if self._membership.shared(name))
        self._wake.set()

    async def run(self) -> None:
        """Compare for ever."""
        loop = asyncio.get_running_loop()
        regular_s = loop.time() + self._interval_s()
        while True:
            rechecks_s = [self._differing[name][0] for name in self._alive(self._differing)]
            await self._rest_until(min([regular_s, *rechecks_s]))
            await self._until_whole()
            if loop.time() >= regular_s:
                regular_s = loop.time() + self._interval_s()
                self._store.digests.doubt_some(self._settings.doubt_entries)
                self.want(self._membership.peers)
            for name in self._alive(self._membership.peers):
                await self._visit(name)

    def _alive(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self._peers[name].alive]

    async def _rest_until(self, then_s: float) -> None:
        """Wait until a time, or until something is wanted."""
        self._wake.clear()
        if not self._alive(self._wanted):
            loop = asyncio.get_running_loop()
            timer = loop.call_at(then_s, self._wake.set)
            await self._wake.wait()
            timer.cancel()

    async def _until_whole(self) -> None:
        """Return once no live peer has to make this node whole."""
        while self._gate.to_repair():
            self._whole.clear()
            await self._whole.wait()

    async def _visit(self, name: str) -> None:
        """Compare what is due with one peer, and fetch what is due."""
        try:
            await self._recheck(name)
            if name in self._wanted:
                self._wanted.discard(name)
                await self._compare_all(name)
        except KvError as error:
            self._complain(name, error)
            self._totals.failed_visits += 1
            retry_s = self._settings.anti_entropy_recheck_s
            asyncio.get_running_loop().call_later(retry_s, self.want, [name])
            return
        self._complaints.pop(name, None)

    def _complain(self, name: str, error: KvError) -> None:
        """That a peer went away is told elsewhere; all else is told here, once."""
        gone = isinstance(error, PeerUnreachable | PeerBroke | PeerSilent)
        known = gone or self._complaints.get(name) == str(error)
        level = logging.DEBUG if known else logging.WARNING
        log.log(level, "ANTI-ENTROPY  stopped comparing with %s: %s", name, error)
        if not gone:
            self._complaints[name] = str(error)

    async def _compare_all(self, name: str) -> None:
        """Compare every shared slot; what differs is looked at again a little later."""
        rest = self._settings.anti_entropy_rest
        tally = Brought(total=self._totals.anti_entropy)
        different = await self._compare(name, self._membership.shared(name), tally, rest=rest)
        self._totals.comparisons += 1
        # Comparing all may take longer than the time between two looks, and must not put off the
        # second for ever.
        due_s, _ = self._differing.get(name, (math.inf, []))
        self._note_differing(name, different, not_later_than_s=due_s)

    async def _recheck(self, name: str) -> None:
        """Compare again what differed; fetch what still does."""
        due_s, before = self._differing.get(name, (0.0, []))
        if not before or asyncio.get_running_loop().time() < due_s:
            return
        self._note_differing(name, before)  # if this fails, again in a while
        self._store.digests.doubt(before)
        tally = Brought(total=self._totals.anti_entropy)
        different = await self._compare(name, before, tally, rest=0.0)
        self._totals.differing_slots += len(different)
        await self._fetch(name, different, tally, rest=self._settings.anti_entropy_rest)
        if tally.new:
            log.info(
                "ANTI-ENTROPY  %s slots differed from %s: %s", f"{len(different):,}", name, tally
            )
        self._note_differing(name, different)

    def _note_differing(
        self, name: str, slots: list[int], *, not_later_than_s: float = math.inf
    ) -> None:
        if slots:
            due_s = asyncio.get_running_loop().time() + self._settings.anti_entropy_recheck_s
            self._differing[name] = (min(due_s, not_later_than_s), slots)
        else:
            self._differing.pop(name, None)

    async def _compare(
        self, name: str, slots: Sequence[int], tally: Brought, *, rest: float
    ) -> list[int]:
        """The slots that differ at a peer."""
        different: list[int] = []
        for start in range(0, len(slots), self._settings.compare_slots):
            part = slots[start : start + self._settings.compare_slots]
            started_s = asyncio.get_running_loop().time()
            digests = await self._store.digests.of_all(part)
            request = CompareRequest(slots=part, digests=digests)
            response = await self._merger.fetch(name, request, tally)
            different += set(part).intersection(response.different)
            await self._rest_from(started_s, rest)
        return sorted(different)

    async def _fetch(self, name: str, slots: Sequence[int], tally: Brought, *, rest: float) -> None:
        """Fetch and merge what a peer holds in some slots and this node does not."""
        for part in self._portions(slots):
            request = PullDifferencesRequest(slots=[self._hashes(slot) for slot in part])
            more = True
            while more:
                started_s = asyncio.get_running_loop().time()
                page = await self._merger.fetch(name, request, tally)
                await self._merger.merge(page.clock, page.entries, tally)
                more = page.HasField("next")
                if more:
                    advance(request.cursor, page.next)
                self._progress.step(tally, page.next.slot if more else part[-1])
                await self._rest_from(started_s, rest)

    async def _rest_from(self, started_s: float, rest: float) -> None:
        """Rest so many times as long as a call has worked that began then."""
        worked_s = asyncio.get_running_loop().time() - started_s
        await asyncio.sleep(min(worked_s, self._settings.background_call_s) * rest)

    def _portions(self, slots: Sequence[int]) -> Iterator[list[int]]:
        """Slots in portions whose hashes fit into one request."""
        portion: list[int] = []
        room = self._settings.anti_entropy_request_entries
        for slot in slots:
            portion.append(slot)
            room -= 1 + len(self._store.table.slot(slot))
            if room <= 0:
                yield portion
                portion, room = [], self._settings.anti_entropy_request_entries
        if portion:
            yield portion

    def _hashes(self, slot: int) -> SlotHashes:
        table = self._store.table
        entries = table.slot(slot).items()
        hashes = [entry_hash(key, table.seen(key, entry)) for key, entry in entries]
        return SlotHashes(slot=slot, hashes=hashes)

    def _interval_s(self) -> float:
        most = self._settings.anti_entropy_jitter
        return self._settings.anti_entropy_interval_s * self._rng.uniform(1 - most, 1 + most)

    def _gate_changed(self) -> None:
        if not self._gate.to_repair():
            self._whole.set()

    def _peer_died(self, _: Peer) -> None:
        """It may have sent its last write to some of the others only."""
        self.want([peer.name for peer in self._peers if peer.alive])
