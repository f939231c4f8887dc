"""Catching up: fetching what this node missed, from the peers that say so.

A debt (model/readiness.py) names a peer and a version: *fetch everything that we share, from this
version on*. It is paid page by page, confirmed, and cleared; its cost follows what was missed. The
node answers no read of its own meanwhile.

Several peers often noted the same writes. So one debt is paid after the other, and from the second
on this node sends the digests of the slots in which the first ones brought something: where the
peer's digest is the same, it sends no live entry again.

A node that lost its data (a *repair*) owes each peer everything, from the lowest version on, and
sends the digests of all that it still has. So it fetches what differs, and every tombstone: no
digest covers those, and a node made whole without them would take deleted values for new ones from
whoever missed the delete. With the last page come the hints of what others missed, which it lost,
too (pulls.py).

Rejected: to have a repair compare digests and fetch what differs, as anti-entropy does. It brought
no tombstones.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from kvcluster.cluster.peers.calls import Calls
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.repair.merging import Brought, Merger, advance
from kvcluster.cluster.repair.progress import SyncProgress
from kvcluster.cluster.writing.hinting import Hinting
from kvcluster.errors import KvError
from kvcluster.model.entry import ZERO, Version
from kvcluster.model.slots import slot_of

from demo_pb2 import (
    ConfirmPullRequest,
    ConfirmPullResponse,
    PullRequest,
    PullResponse,
    SlotDigest,
)

log = logging.getLogger("kvcluster")


@dataclass(frozen=True)
class _Debt:
    """What is owed to a peer."""

    name: str
    since: Version
    repair: bool
    """Everything is, because what is here may be old or absent."""

    def __post_init__(self) -> None:
        assert self.since == ZERO or not self.repair


class CatchingUp(OnGround):
    """Pays debts, one after the other."""

    def __init__(
        self, ground: Ground, calls: Calls, hinting: Hinting, progress: SyncProgress
    ) -> None:
        super().__init__(ground)
        self._calls = calls
        self._hinting = hinting
        self._progress = progress
        self._merger = Merger(ground, calls)
        self._wake = asyncio.Event()
        self._brought: set[int] = set()  # slots in which debts brought something, since SERVING
        self._complaints: dict[str, str] = {}
        ground.gate.listen(self._gate_changed)

    async def run(self) -> None:
        """Pay for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while debts := self._debts():
                paid = [await self._pay(debt) for debt in debts]
                if not any(paid):
                    await asyncio.sleep(self._settings.heartbeat_interval_s)
            if self._gate.readable:
                self._brought.clear()

    async def fetch_all(self, name: str) -> None:
        """Fetch everything from a peer that differs, whatever is owed. Raises KvError."""
        tally = Brought(total=self._progress.totals.repair)
        await self._pull(_Debt(name, ZERO, repair=True), tally)

    def _debts(self) -> list[_Debt]:
        repairs = self._gate.to_repair()
        owed = [
            (name, ZERO if name in repairs else self._gate.owed(name), name in repairs)
            for name in self._membership.peers
        ]
        return [_Debt(name, since, repair) for name, since, repair in owed if since is not None]

    async def _pay(self, debt: _Debt) -> bool:
        """Fetch what is owed to a peer; whether nothing is owed to it any more.

        On failure say why, once, and leave it for later.
        """
        now_s = asyncio.get_running_loop().time
        started_s, totals = now_s(), self._progress.totals
        if debt.name not in self._complaints and not debt.repair:
            log.info("SYNC  fetching from %s what was missed", debt.name)
        self._progress.begin(debt.name)
        tally = Brought(total=totals.repair if debt.repair else totals.missed)
        try:
            confirmed = await self._pull(debt, tally)
        except KvError as error:
            self._complain(debt.name, error)
            return False
        finally:
            self._progress.end()
        self._complaints.pop(debt.name, None)
        self._settle(debt, confirmed, tally, now_s() - started_s)
        return self._gate.owed(debt.name) is None and debt.name not in self._gate.to_repair()

    async def _pull(self, debt: _Debt, tally: Brought) -> ConfirmPullResponse:
        """Fetch and merge every page; the answer says whether more was missed meanwhile."""
        name = debt.name
        request = PullRequest(since=debt.since, known=await self._known(debt))
        page = await self._merger.fetch(name, request, tally)
        mark = page.mark
        while True:
            await self._take(debt, page, tally)
            if not page.HasField("next"):
                break
            self._progress.step(tally, page.next.slot)
            advance(request.cursor, page.next)
            page = await self._merger.fetch(name, request, tally)
        confirm, timeout_s = ConfirmPullRequest(mark=mark), self._settings.pull_timeout_s
        confirmed: ConfirmPullResponse = await self._calls.ask(name, confirm, timeout_s)
        return confirmed

    async def _take(self, debt: _Debt, page: PullResponse, tally: Brought) -> None:
        """Store a page durably, the hints of what others missed included."""
        first_news = debt.repair and not tally.new
        await self._merger.merge(page.clock, page.entries, tally)
        if first_news and tally.new:  # among others that have nothing either: no news
            log.info("SYNC  fetching from %s what is not here", debt.name)
        self._brought.update(slot_of(entry.key) for entry in page.entries)
        if page.missed:
            self._time.accept_missed(page.missed, page.clock)
            await self._store.write([], self._hinting.take_over(page.missed))

    async def _known(self, debt: _Debt) -> list[SlotDigest]:
        """Digests of the slots that need not be sent again, where they are equal."""
        shared = self._membership.shared(debt.name)
        if debt.repair:
            slots = [slot for slot in shared if self._store.table.slot(slot)]
        else:
            slots = [slot for slot in shared if slot in self._brought]
        digests = await self._store.digests.of_all(slots)
        return [SlotDigest(slot=s, digest=d) for s, d in zip(slots, digests, strict=True)]

    def _settle(
        self, debt: _Debt, confirmed: ConfirmPullResponse, tally: Brought, s: float
    ) -> None:
        """It is paid: say so, here and in the log."""
        name = debt.name
        missed_since = Version(confirmed.missed_since) if confirmed.missed_since else None
        if debt.repair:
            if tally.new:
                log.info("SYNC  made whole by %s: %s, %.1f s", name, tally, s)
        else:
            self._progress.totals.catch_ups += 1
            more = "; it has noted more meanwhile" if missed_since else ""
            log.info("SYNC  caught up with %s: %s, %.1f s%s", name, tally, s, more)
        self._gate.pulled(name, missed_since, at=confirmed.clock)
        if debt.repair:
            self._gate.repaired(name, all_of_it=not confirmed.lacking)
            self._progress.totals.repairs += name not in self._gate.to_repair()

    def _complain(self, name: str, error: KvError) -> None:
        """Say once why it cannot be paid now."""
        if self._complaints.get(name) != str(error):
            log.warning("SYNC  cannot catch up with %s now: %s", name, error)
        self._complaints[name] = str(error)
        self._progress.totals.failed_catch_ups += 1

    def _gate_changed(self) -> None:
        if self._debts():
            self._wake.set()
