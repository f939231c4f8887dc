"""The gate: clients wait here until this node may take their write or answer their read.

It is Readiness (model/readiness.py) with a future: those who must wait are woken by each change,
within their own deadlines. Every change of status is one log line.

It is shut, too, to whoever comes after this process was away and before its watch has found that
out (model/pauses.py): nothing is answered from the past.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from kvcluster.cluster.peers.tasks import within
from kvcluster.config import Settings
from kvcluster.errors import ClockAbsurd, ConfigurationDiffers, NotReady, TimedOut
from kvcluster.model.entry import Version
from kvcluster.model.pauses import Pause, Pauses, Times
from kvcluster.model.readiness import Readiness, Status

log = logging.getLogger("kvcluster")

_STOPPED = "this node was stopped"


class Gate:
    """Opens and closes as the node hears from its peers and catches up."""

    def __init__(
        self, readiness: Readiness, times: Callable[[], Times], settings: Settings
    ) -> None:
        self._readiness = readiness
        self._times = times
        self._pauses = Pauses(interval_s=settings.tick_interval_s, limit_s=settings.pause_limit_s)
        self.changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Resolves at the next change of status. Whoever waits for it leaves it as it is."""
        self._status = readiness.status
        self._outvoted = False
        self._listeners: list[Callable[[], None]] = []
        self.pauses = 0
        """How often this process was found to have been away."""
        self.sleeps = 0
        """How often so that no deadline knows of it."""

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
            return "data was lost or edited here and no peer is up to restore it; see --salvage"
        return ""

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

    def met_anew(self, peer: str) -> None:
        """A peer talks to us in another life."""
        self._readiness.met_anew(peer)

    def excuse(self, peer: str) -> None:
        """A peer cannot be reached."""
        self._readiness.excuse(peer)
        self._update()

    def disagree(self, peer: str, about: str) -> None:
        """A peer has another "configuration", "clock", or "secret or certificate"."""
        self._readiness.disagree(peer, about)
        self._update()

    def pulled(self, peer: str, missed_since: Version | None, *, at: int) -> None:
        """What was owed to a peer is here; perhaps it has noted more meanwhile."""
        self._readiness.pulled(peer, missed_since, at=at)
        self._update()

    def to_repair(self) -> list[str]:
        """The live peers that must still make this node whole before it serves."""
        return self._readiness.to_repair()

    @property
    def whole(self) -> bool:
        """Whether every peer, those that are away included, has made this node whole."""
        return self._readiness.whole

    def repaired(self, peer: str, *, all_of_it: bool) -> None:
        """Everything that a peer holds for this node is here; perhaps it lost some itself."""
        self._readiness.repaired(peer, all_of_it=all_of_it)
        self._update()

    def drain(self) -> None:
        """The node is stopping: nothing new is let in."""
        self._readiness.draining = True
        self._update()

    def look(self) -> bool:
        """The watch looks: whether this process was away, and must hear the peers before all else.

        If so, everybody who waits here is woken: what they waited for is another question now.
        """
        ignored = self._pauses.jumps_ignored
        pause = self._pauses.look(self._times())
        if not ignored and self._pauses.jumps_ignored:
            log.warning("CLOCK  this machine's clock jumps again and again; it tells nothing now")
        if pause is None:
            return False
        log.warning("PAUSE  %s; looking around", _say(pause))
        self.pauses += 1
        self.sleeps += pause.timers_slept
        assert self.sleeps <= self.pauses
        self._readiness.look_around(anew=pause.told_by_wall)
        self._update()
        self._wake()
        return True

    def was_away_since(self, pauses: int) -> bool:
        """Whether this process was away since `pauses` was what it was then."""
        return self.pauses != pauses or self._overdue

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
        """Whether this process was away, and its watch has not found that out yet."""
        return self._pauses.overdue(self._times())

    async def until_writable(self, deadline_s: float, *, reads: bool = False) -> None:
        """Return when a write may be taken. Raises NotReady, or why peers disagree.

        A write that slept here with the machine is refused. `reads`: it is for a read, which only
        must know who is alive, and does no harm late.
        """
        sleeps = self.sleeps
        self.refuse_if_draining()
        while not self.writable:
            self._refuse_if_outvoted()
            try:
                await within(self.changed, deadline_s, "becoming ready")
            except TimedOut:
                raise self.not_ready() from None
            if not reads and self.sleeps != sleeps:
                raise NotReady(_STOPPED)
        self.refuse_if_draining()

    async def until_changed(self, deadline_s: float) -> None:
        """Return when the status changes, or at a time."""
        await asyncio.wait([self.changed], timeout=deadline_s - asyncio.get_running_loop().time())

    def slept_since(self, sleeps: int) -> NotReady | None:
        """Why a write that was asked for when `sleeps` was this is not carried out any more, if so.

        Whoever asked has given up, perhaps long ago, and no deadline says so.
        """
        return NotReady(_STOPPED) if self.sleeps != sleeps or self._overdue else None

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

    def not_ready(self) -> NotReady:
        """Why this node does not do it now."""
        if self._overdue:
            return NotReady("this node was stopped, and has not looked around yet")
        return NotReady(f"this node is {self._status.value}: {self.reason}")

    def _update(self) -> None:
        before, self._status = self._status, self._readiness.status
        assert before is not Status.DRAINING or self._status is before, "a stop is for good"
        outvoted, self._outvoted = self._outvoted, self._readiness.outvoted
        if self._status is not before or outvoted is not self._outvoted:
            reason = self.reason
            log.info("NODE  %s%s", self._status.value, f": {reason}" if reason else "")
            self._wake()
        for listener in self._listeners:
            listener()

    def _wake(self) -> None:
        self.changed.set_result(None)
        self.changed = asyncio.get_running_loop().create_future()


def _say(pause: Pause) -> str:
    """What happened, for people."""
    if pause.told_by_wall:
        return f"the clock went {pause.duration_s:.1f} s ahead at once: set, or this machine paused"
    if pause.timers_slept:
        return f"this machine slept for {pause.duration_s:.1f} s"
    return f"this process was stopped for {pause.duration_s:.1f} s"


def _disagreement(disagreeing: Sequence[tuple[str, str]]) -> str:
    """Clauses for a person: "another configuration than that of b:2, another clock than ..."."""
    peers: dict[str, list[str]] = {}
    for peer, about in disagreeing:
        peers.setdefault(about, []).append(peer)
    return "; ".join(f"another {it} than that of {', '.join(who)}" for it, who in peers.items())
