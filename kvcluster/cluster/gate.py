"""The gate: clients wait here until this node may take their write or answer their read.

It is Readiness (model/readiness.py) with a future: those who must wait are woken by each change,
within their own deadlines. Every change of status is one log line.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from kvcluster.cluster.waiting import within
from kvcluster.config import Settings
from kvcluster.errors import ClockAbsurd, ConfigurationDiffers, NotReady, TimedOut
from kvcluster.model.entry import Version
from kvcluster.model.readiness import Readiness, Status

log = logging.getLogger("kvcluster")


class Gate:
    """Opens and closes as the node hears from its peers and catches up."""

    def __init__(self, readiness: Readiness, settings: Settings) -> None:
        self._readiness = readiness
        self._overdue_s = settings.tick_interval_s + settings.pause_limit_s
        self._looked_s = asyncio.get_running_loop().time()  # when the watch last looked
        self._changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._status = readiness.status
        self._outvoted = False
        self._listeners: list[Callable[[], None]] = []
        self.pauses = 0
        """How often this process was found to have been stopped."""

    @property
    def status(self) -> Status:
        """What the node may do now."""
        return self._status

    @property
    def reason(self) -> str:
        """Why the node does not serve, for people; empty when it does."""
        readiness = self._readiness
        waiting = ", ".join(readiness.waiting_for())
        if self._status is Status.DRAINING:
            return "stopping"
        if readiness.outvoted:
            return _disagreement(readiness.disagreeing)
        if self._status is Status.STARTING:
            return f"waiting to hear from {waiting}"
        if self._status is Status.SYNCING and waiting:
            return f"catching up from {waiting}"
        if self._status is Status.SYNCING:
            return "data was lost here and no peer is up to restore it; see --salvage"
        return ""

    @property
    def changed(self) -> asyncio.Future[None]:
        """Resolves at the next change of status. Whoever waits for it leaves it as it is."""
        return self._changed

    def listen(self, listener: Callable[[], None]) -> None:
        """Have a function called whenever there may be something new to pull."""
        self._listeners.append(listener)

    def owed(self, peer: str) -> Version | None:
        """From which version on to pull from a peer; None if nothing is owed to it."""
        return self._readiness.owed(peer)

    def heard(
        self, peer: str, missed_since: Version | None, *, at: int, counts_on_us: bool
    ) -> None:
        """A peer answered our heartbeat."""
        self._readiness.heard(peer, missed_since, at=at, counts_on_us=counts_on_us)
        self._update()

    def told(self, peer: str, missed_since: Version, *, at: int) -> None:
        """A peer says that we missed writes."""
        self._readiness.told(peer, missed_since, at=at)
        self._update()

    def excuse(self, peer: str) -> None:
        """A peer cannot be reached."""
        self._readiness.excuse(peer)
        self._update()

    def disagree(self, peer: str, about: str) -> None:
        """A peer has another "configuration", or another "clock"."""
        self._readiness.disagree(peer, about)
        self._update()

    def pulled(self, peer: str, missed_since: Version | None, *, at: int) -> None:
        """What was owed to a peer is here; perhaps it has noted more meanwhile."""
        self._readiness.pulled(peer, missed_since, at=at)
        self._update()

    def to_heal(self) -> list[str]:
        """The live peers that must still make this node whole before it serves."""
        return self._readiness.to_heal()

    @property
    def whole(self) -> bool:
        """Whether every peer, those that are away included, has made this node whole."""
        return self._readiness.whole

    def healed(self, peer: str) -> None:
        """Everything that a peer holds for this node is here."""
        self._readiness.healed(peer)
        self._update()

    def drain(self) -> None:
        """The node is stopping: nothing new is let in."""
        self._readiness.draining = True
        self._update()

    def look(self) -> None:
        """The watch looked around, and found that time had passed as it should."""
        self._looked_s = asyncio.get_running_loop().time()

    def was_stopped(self, duration_s: float) -> None:
        """This process did not run for a while: hear the peers before anything else."""
        log.warning("PAUSE  this process was stopped for %.1f s; looking around", duration_s)
        self.look()
        self.pauses += 1
        self._readiness.look_around()
        self._update()

    @property
    def readable(self) -> bool:
        """Whether reads are answered from here.

        Not by a process that was stopped, even before its watch has found that out.
        """
        return self._status is Status.SERVING and not self._overdue

    @property
    def writable(self) -> bool:
        """Whether a write may be taken.

        What waited at the door while this process was stopped was mostly given up long ago. It is
        not taken before the watch has looked; by then the caller's farewell has arrived, too.
        """
        return self._status is not Status.STARTING and not self._overdue

    @property
    def _overdue(self) -> bool:
        """Whether the watch has not looked for so long that this process must have been stopped."""
        return asyncio.get_running_loop().time() - self._looked_s > self._overdue_s

    async def until_writable(self, deadline_s: float) -> None:
        """Return when a write may be taken. Raises NotReady, or why peers disagree."""
        self.refuse_if_draining()
        while not self.writable:
            self._refuse_if_outvoted()
            await self._wait(deadline_s)
        self.refuse_if_draining()

    async def until_readable(self, deadline_s: float) -> None:
        """Return when a read may be answered. Raises NotReady, or why peers disagree."""
        while self._status in (Status.STARTING, Status.SYNCING):
            self._refuse_if_outvoted()
            await self._wait(deadline_s)
        self.refuse_if_draining()

    async def until_changed(self, deadline_s: float) -> None:
        """Return when the status changes, or at a time."""
        await asyncio.wait([self._changed], timeout=deadline_s - asyncio.get_running_loop().time())

    def refuse_unless_writable(self) -> None:
        """Raise NotReady if a write would have to wait."""
        self.refuse_if_draining()
        if not self.writable:
            raise self.not_ready()

    def refuse_unless_readable(self) -> None:
        """Raise NotReady if a read would have to wait."""
        if not self.readable:
            raise self.not_ready()

    def _refuse_if_outvoted(self) -> None:
        if self._readiness.outvoted:
            abouts = {about for _, about in self._readiness.disagreeing}
            kind = ClockAbsurd if abouts == {"clock"} else ConfigurationDiffers
            raise kind(f"this node does not serve: {self.reason}")

    def refuse_if_draining(self) -> None:
        """Raise NotReady if the node is stopping."""
        if self._status is Status.DRAINING:
            raise NotReady("this node is stopping")

    async def _wait(self, deadline_s: float) -> None:
        try:
            await within(self._changed, deadline_s, "becoming ready")
        except TimedOut:
            raise self.not_ready() from None

    def not_ready(self) -> NotReady:
        """Why this node does not do it now."""
        if self._overdue:
            return NotReady("this node was stopped, and has not looked around yet")
        return NotReady(f"this node is {self._status.value}: {self.reason}")

    def _update(self) -> None:
        before, self._status = self._status, self._readiness.status
        outvoted, self._outvoted = self._outvoted, self._readiness.outvoted
        if self._status is not before or outvoted is not self._outvoted:
            reason = self.reason
            log.info("NODE  %s%s", self._status.value, f": {reason}" if reason else "")
            self._changed.set_result(None)
            self._changed = asyncio.get_running_loop().create_future()
        for listener in self._listeners:
            listener()


def _disagreement(disagreeing: Sequence[tuple[str, str]]) -> str:
    """Clauses for a person: "another configuration than that of b:2, another clock than ..."."""
    peers: dict[str, list[str]] = {}
    for peer, about in disagreeing:
        peers.setdefault(about, []).append(peer)
    return "; ".join(f"another {it} than that of {', '.join(who)}" for it, who in peers.items())
