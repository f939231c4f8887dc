"""Catching up: pulling from peers what this node does not have.

Two reasons to pull, one way of doing it:

- a *debt* (model/readiness.py): a peer was not pulled from since this node started, or it says
  that we missed writes. The node answers no read until it is paid.
- a *heal*: a peer returned or was lost, and a write that nobody acknowledged may have reached
  some replicas only. It trickles in the background and serving goes on.

Pulling merges: what is here and newer stays, what the peer lacks stays. Nothing is ever deleted
because somebody else does not have it.

This is the simple way, correct first: a heal fetches every entry. Comparing digests of slots will
replace it, behind this same seam.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from kvcluster.cluster.gate import Gate
from kvcluster.cluster.peers import Peer, Peers
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.cluster.transport import Transport
from kvcluster.config import Settings
from kvcluster.errors import KvError
from kvcluster.model.entry import ZERO, Version
from kvcluster.model.peer import PeerState
from kvcluster.storage.codec import to_entry
from kvcluster.storage.store import Spawn, Store

from demo_pb2 import ConfirmPullRequest, PullRequest, PullResponse

log = logging.getLogger("kvcluster")


@dataclass
class _Tally:
    """What one pull brought, for the log."""

    seen: int = 0
    new: int = 0


class Sync:
    """Pulls from each peer when something is owed to it, and heals when peers come and go."""

    def __init__(
        self,
        store: Store,
        peers: Peers,
        transport: Transport,
        *,
        self_name: str,
        gate: Gate,
        time: Timekeeper,
        settings: Settings,
    ) -> None:
        self._store = store
        self._transport = transport
        self._self_name = self_name
        self._gate = gate
        self._time = time
        self._settings = settings
        self._wake = {peer.name: asyncio.Event() for peer in peers}
        self._heal_wanted: set[str] = set()
        self._complaints: dict[str, str] = {}
        self._peers = peers
        gate.listen(self._wake_debtors)
        peers.listen(self._peer_changed)

    def start(self, spawn: Spawn) -> None:
        """Start one puller for each peer."""
        for name in self._wake:
            spawn(self._run(name), f"pull from {name}")

    def heal(self, names: list[str]) -> None:
        """Merge everything that peers have, in the background."""
        for name in names:
            self._heal_wanted.add(name)
            self._wake[name].set()

    async def _run(self, name: str) -> None:
        while True:
            await self._wake[name].wait()
            self._wake[name].clear()
            while (since := self._gate.owed(name)) is not None:
                await self._pay(name, since)
            if name in self._heal_wanted and self._peers[name].state is not PeerState.DOWN:
                self._heal_wanted.discard(name)
                await self._heal(name)

    async def _pay(self, name: str, since: Version) -> None:
        """Pull what is owed to a peer; on failure, rest and let the caller look again."""
        started_s = asyncio.get_running_loop().time()
        if since == ZERO:
            self._heal_wanted.discard(name)
        try:
            tally = await self._pull(name, since, "SYNC", pause_s=0.0)
        except KvError as error:
            self._complain(name, str(error))
            await asyncio.sleep(self._settings.heartbeat_interval_s)
            return
        self._complaints.pop(name, None)
        if tally is not None and self._gate.owed(name) == since:
            took_s = asyncio.get_running_loop().time() - started_s
            log.info(
                "SYNC  caught up with %s: %s entries, %s new here, %.1f s",
                name,
                f"{tally.seen:,}",
                f"{tally.new:,}",
                took_s,
            )
            self._gate.pulled(name)

    def _complain(self, name: str, why: str) -> None:
        """Say why catching up does not go on: once, not at every try."""
        if self._complaints.get(name) != why:
            self._complaints[name] = why
            log.warning("SYNC  cannot catch up with %s now: %s", name, why)

    async def _heal(self, name: str) -> None:
        """Merge everything a peer has, calmly; if that fails, again a little later."""
        try:
            tally = await self._pull(name, ZERO, "HEAL", pause_s=self._settings.pull_page_pause_s)
        except KvError as error:
            log.debug("HEAL  stopped reading from %s: %s", name, error)
            loop = asyncio.get_running_loop()
            loop.call_later(self._settings.heal_retry_s, self.heal, [name])
            return
        if tally is not None and tally.new:
            log.info("HEAL  %s entries of %s were new here", f"{tally.new:,}", name)

    async def _pull(self, name: str, since: Version, what: str, *, pause_s: float) -> _Tally | None:
        """Fetch and merge every page; None if the peer says that we missed more meanwhile."""
        tally = _Tally()
        request = PullRequest(sender=self._self_name, since=since)
        page = await self._fetch(name, request)
        mark = page.mark
        if page.held > self._settings.pull_announce_entries:
            log.info("%s  reading through %s entries of %s", what, f"{page.held:,}", name)
        while True:
            await self._merge(page, tally)
            if not page.HasField("next"):
                break
            await asyncio.sleep(pause_s)
            request.cursor.CopyFrom(page.next)
            page = await self._fetch(name, request)
        confirm = ConfirmPullRequest(sender=self._self_name, clock=self._time.now(), mark=mark)
        timeout_s = self._settings.pull_timeout_s
        confirmed = await self._transport.confirm_pull(name, confirm, timeout_s)
        return tally if confirmed.cleared else None

    async def _fetch(self, name: str, request: PullRequest) -> PullResponse:
        request.clock = self._time.now()
        page = await self._transport.pull(name, request, self._settings.pull_timeout_s)
        self._time.accept(name, page.clock, stale_is_fine=True)
        self._time.accept_entries(page.entries, page.clock)
        return page

    async def _merge(self, page: PullResponse, tally: _Tally) -> None:
        """Store what is newer than what is here; the rest costs no disk."""
        judge = self._store.table.judge
        newer = [entry for entry in page.entries if judge(entry.key, to_entry(entry)).stores]
        tally.seen += len(page.entries)
        tally.new += len(newer)
        if newer:
            self._store.refuse_if_full()
            await self._store.write(newer)

    def _wake_debtors(self) -> None:
        for name, event in self._wake.items():
            if self._gate.owed(name) is not None:
                event.set()

    def _peer_changed(self, peer: Peer, before: PeerState) -> None:
        """A peer returned: it may have what we lack. One was lost: the others may have its last."""
        if peer.state is PeerState.DOWN:
            self.heal([other.name for other in self._peers if other.gets_writes])
        elif before is PeerState.DOWN:
            self.heal([peer.name])
