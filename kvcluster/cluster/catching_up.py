"""Catching up: fetching what this node missed, from the peers that say so.

A debt (model/readiness.py) names a peer and a version: *fetch everything that we share, from this
version on*. It is paid page by page, confirmed, and cleared; its cost follows what was missed. The
node answers no read of its own meanwhile.

Several peers often noted the same writes. So one debt is paid after the other, and from the second
on this node sends the digests of the slots in which the first ones brought something: where the
peer's digest is the same, it sends no live entry again.
"""

from __future__ import annotations

import asyncio
import logging

from kvcluster.cluster.envelope import Envelope
from kvcluster.cluster.gate import Gate
from kvcluster.cluster.merging import Merger, Tally, advance
from kvcluster.cluster.progress import SyncProgress
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.cluster.transport import Transport
from kvcluster.config import Settings
from kvcluster.errors import KvError
from kvcluster.model.entry import Version
from kvcluster.model.slots import Home, slot_of
from kvcluster.storage.store import Store

from demo_pb2 import ConfirmPullRequest, ConfirmPullResponse, PullRequest, PullResponse, SlotDigest

log = logging.getLogger("kvcluster")


class CatchingUp:
    """Pays debts, one after the other."""

    def __init__(
        self,
        store: Store,
        transport: Transport,
        gate: Gate,
        *,
        home: Home,
        peers: tuple[str, ...],
        envelope: Envelope,
        time: Timekeeper,
        settings: Settings,
        progress: SyncProgress,
    ) -> None:
        self._store = store
        self._transport = transport
        self._gate = gate
        self._envelope = envelope
        self._settings = settings
        self._merger = Merger(store, time)
        self._shared = {peer: home.shared(peer) for peer in peers}
        self._wake = asyncio.Event()
        self._brought: set[int] = set()  # slots in which debts brought something, since SERVING
        self._complaints: dict[str, str] = {}
        self._progress = progress
        gate.listen(self._gate_changed)

    async def run(self) -> None:
        """Pay for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while debts := self._debts():
                paid = [await self._pay(name, since) for name, since in debts]
                if not any(paid):
                    await asyncio.sleep(self._settings.heartbeat_interval_s)
            if self._gate.readable:
                self._brought.clear()

    def _debts(self) -> list[tuple[str, Version]]:
        owed = [(name, self._gate.owed(name)) for name in self._shared]
        return [(name, since) for name, since in owed if since is not None]

    async def _pay(self, name: str, since: Version) -> bool:
        """Fetch what is owed to a peer; whether nothing is owed to it any more.

        On failure say why, once, and leave it for later.
        """
        now_s = asyncio.get_running_loop().time
        started_s = now_s()
        if name not in self._complaints:
            log.info("SYNC  fetching from %s what was missed", name)
        self._progress.begin(name)
        tally = Tally(total=self._progress.totals.missed)
        try:
            confirmed = await self._pull(name, since, tally)
        except KvError as error:
            if self._complaints.get(name) != str(error):
                log.warning("SYNC  cannot catch up with %s now: %s", name, error)
            self._complaints[name] = str(error)
            self._progress.totals.failed_catch_ups += 1
            return False
        finally:
            self._progress.end()
        self._complaints.pop(name, None)
        self._progress.totals.catch_ups += 1
        missed_since = Version(confirmed.missed_since) if confirmed.missed_since else None
        more = "; it has noted more meanwhile" if missed_since else ""
        log.info("SYNC  caught up with %s: %s, %.1f s%s", name, tally, now_s() - started_s, more)
        self._gate.pulled(name, missed_since, at=confirmed.clock)
        return self._gate.owed(name) is None

    async def _pull(self, name: str, since: Version, tally: Tally) -> ConfirmPullResponse:
        """Fetch and merge every page; the answer says whether more was missed meanwhile."""
        request = PullRequest(since=since, known=await self._known(name))
        page = await self._fetch(name, request, tally)
        mark = page.mark
        while True:
            await self._merger.merge(name, page.clock, page.entries, tally)
            self._brought.update(slot_of(entry.key) for entry in page.entries)
            if not page.HasField("next"):
                break
            self._progress.step(tally, page.next.slot)
            advance(request.cursor, page.next)
            page = await self._fetch(name, request, tally)
        confirm = self._envelope.stamp(ConfirmPullRequest(mark=mark))
        return await self._transport.confirm_pull(name, confirm, self._settings.pull_timeout_s)

    async def _known(self, name: str) -> list[SlotDigest]:
        """Digests of the slots that earlier debts brought something for."""
        slots = [slot for slot in self._shared[name] if slot in self._brought]
        digests = await self._store.digests.of_all(slots)
        return [SlotDigest(slot=s, digest=d) for s, d in zip(slots, digests, strict=True)]

    async def _fetch(self, name: str, request: PullRequest, tally: Tally) -> PullResponse:
        self._envelope.stamp(request)
        page = await self._transport.pull(name, request, self._settings.pull_timeout_s)
        tally.add(size_bytes=request.ByteSize() + page.ByteSize())
        return page

    def _gate_changed(self) -> None:
        if self._debts():
            self._wake.set()
