"""The timekeeper: the hybrid clock joined to the wall clock, and the gate for others' clocks.

Every message between peers carries the sender's clock, requests and answers alike. Once it is clear
that the sender is a peer with the same configuration, `accept` looks at it, before anything else in
the message is believed (ground.py, calls.py, heartbeat.py): an absurd clock or a request held back
for too long is refused, a clock somewhat ahead is followed with one loud warning. What peers answer
to a farewell nobody looks at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

from kvcluster.cluster.peers.gate import Gate
from kvcluster.cluster.peers.surroundings import Surroundings
from kvcluster.config import Settings
from kvcluster.errors import BadRequest, ClockAbsurd, HeldBack, OutcomeUnknown
from kvcluster.model.clock import COUNTER_BITS, HybridClock, Skew, SkewLimits
from kvcluster.model.entry import VERSION_BYTES, Version, is_version, time_of
from kvcluster.model.readiness import Status
from kvcluster.storage.block import Block, is_sound, versions_of
from kvcluster.storage.store import Store
from kvcluster.wire.limits import check_columns, check_count

from demo_pb2 import Block as BlockMessage
from demo_pb2 import Entry as EntryMessage
from demo_pb2 import MissedWrites, Promise

log = logging.getLogger("kvcluster")


class Timekeeper:
    """Hands out versions and judges the clocks of messages."""

    def __init__(self, clock: HybridClock, around: Surroundings, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._wall_ms = around.wall_ms
        self._limits = SkewLimits(
            warn_ms=int(settings.clock_warn_s * 1000),
            absurd_ms=int(settings.clock_limit_s * 1000),
            stale_ms=int(settings.message_age_limit_s * 1000),
        )
        self._steady_s = around.steady_s
        self._before_s = self._steady_s()
        self._warned: set[str] = set()
        self._warn_if_behind()
        self.skewed = 0
        """Messages whose clock was ahead by more than the warning limit."""

    @property
    def incarnation(self) -> int:
        """This process's part of every version it makes."""
        return self._clock.incarnation

    def now(self) -> int:
        """The current hybrid time."""
        self._pass_time()
        return self._clock.now(self._wall_ms())

    def kept(self) -> int:
        """What the disk keeps of it."""
        self._pass_time()
        return self._clock.kept

    def settle(self) -> None:
        """A peer accepted our time."""
        self._pass_time()
        self._clock.settle(self._wall_ms())

    def tick(self) -> Version:
        """A new version, newer than everything seen."""
        self._pass_time()
        return self._clock.tick(self._wall_ms())

    def ticks(self, count: int) -> Version:
        """The first of so many new versions, which follow each other (model/entry.py)."""
        self._pass_time()
        return self._clock.ticks(self._wall_ms(), count)

    def accept(self, sender: str, time: int, *, stale_is_fine: bool = False) -> None:
        """Move past a peer's clock. Raises ClockAbsurd if it is, HeldBack if it is old.

        Heartbeats may be stale: they write nothing, and they are how a clock is caught up.
        """
        self._pass_time()
        skew = self._clock.judge(time, self._wall_ms(), self._limits)
        if skew is Skew.ABSURD:
            raise ClockAbsurd(
                f"the clock of {sender} is {self._seconds_ahead(time):.0f} s ahead,"
                f" over the limit of {self._limits.absurd_ms / 1000:.0f} s"
            )
        if skew is Skew.STALE and not stale_is_fine:
            raise HeldBack(
                f"a message of {sender} is {self._seconds_ago(time):.0f} s old, over the limit"
                f" of {self._limits.stale_ms / 1000:.0f} s; the clock here is {self.now()}"
            )
        if skew is Skew.AHEAD:
            self._warn(sender, time)
        self._clock.observe(time)

    async def remember(self, store: Store, gate: Gate) -> None:
        """Write the time down for ever, unless what the disk held at the start is recent enough.

        After a power cut a machine without a clock of its own knows the time from its disk only
        (model/clock.py). Each frame of the journal carries it. But a node to which nobody wrote for
        days would take the clocks of its busy neighbours for absurd, and they would wait for
        somebody to set its clock. So it writes a frame now and then that says nothing else, and at
        once when its clock was set far ahead: it looks around then, and serves anew. Only while it
        serves: before, its own clock may be the one that is wrong.
        """
        written, settings = store.found.clock, self._settings
        while True:
            while gate.status is not Status.SERVING:
                await asyncio.wait([gate.changed])
            if self.kept() - written > int(settings.clock_keep_s * 1000) << COUNTER_BITS:
                now = self.kept()
                try:
                    await store.write_time()
                except OutcomeUnknown:  # a full disk
                    await asyncio.sleep(settings.checkpoint_retry_s)
                    continue
                written = now
            await asyncio.wait([gate.changed], timeout=settings.clock_keep_s / 2)

    def age_s(self, version: Version) -> float:
        """How long ago a version was made, in seconds."""
        return max(0.0, self._seconds_ago(time_of(version)))

    def refuse_late(self, sender: str, time: int, limit_s: float) -> None:
        """Raise HeldBack if what a peer sent at a time was on its way for longer than the limit."""
        age_s = self._seconds_ago(time)
        if age_s > limit_s:
            raise HeldBack(
                f"a write that {sender} forwarded is {age_s:.1f} s old, over the limit of"
                f" {limit_s:g} s"
            )

    def accept_entries(self, entries: Sequence[EntryMessage], sender_time: int) -> None:
        """Check entries from a peer. Raises BadRequest for what it cannot have made or taken."""
        check_count(len(entries))
        check_columns([entry.key for entry in entries], [entry.value for entry in entries])
        for entry in entries:
            if not _is_possible(entry.version, sender_time):
                raise _impossible(f"entry {entry.key[:40]!r}", entry.version)

    def accept_block(self, message: BlockMessage, sender_time: int) -> Block:
        """Check a block from a peer. Raises BadRequest as `accept_entries` does."""
        check_count(len(message.keys))
        if not is_sound(message):
            raise BadRequest("the block is none: its columns differ, or its version is impossible")
        block = Block.of(message)
        if not _is_possible(block.versions[-1], sender_time):
            raise _impossible(f"the block from {block.keys[0][:40]!r} on", block.versions[-1])
        check_columns(block.keys, block.values)
        return block

    def accept_missed(self, missed: Iterable[MissedWrites], sender_time: int) -> None:
        """Check hints of what others missed. Raises BadRequest as `accept_entries` does."""
        for hint in missed:
            if not _is_possible(hint.since, sender_time):
                raise _impossible(f"the hint for {hint.peer[:40]!r}", hint.since)

    def accept_ballots(self, promises: Iterable[Promise], sender_time: int) -> None:
        """Check what is to be promised. Raises BadRequest as `accept_entries` does."""
        for wanted in promises:
            if not _is_possible(wanted.ballot, sender_time):
                raise _impossible(f"the ballot for {wanted.key[:40]!r}", wanted.ballot)

    def are_stale(self, entries: Sequence[EntryMessage]) -> bool:
        """Whether some of these were written so long ago that they must not be sent as new.

        A tombstone is dropped a minute after every replica confirmed it. A write that is older
        than the tombstone and arrives after that would bring the key back.
        """
        limit = (self.now() >> COUNTER_BITS) - self._limits.stale_ms
        versions = versions_of(entries)
        return bool(versions) and time_of(min(versions)) >> COUNTER_BITS < limit

    def _pass_time(self) -> None:
        now_s = self._steady_s()
        self._clock.pass_time((now_s - self._before_s) * 1000)
        self._before_s = now_s

    def _warn_if_behind(self) -> None:
        behind_ms = self._clock.behind_ms(self._wall_ms())
        if behind_ms > self._limits.warn_ms:
            log.warning(
                "CLOCK  this machine's clock is %.1f s behind what is on its disk; set it right",
                behind_ms / 1000,
            )

    def _warn(self, sender: str, time: int) -> None:
        self.skewed += 1
        if sender not in self._warned:
            self._warned.add(sender)
            log.warning(
                "CLOCK  %s is %.1f s ahead of this machine; set its clock right",
                sender,
                self._seconds_ahead(time),
            )

    def _seconds_ago(self, time: int) -> float:
        return ((self.now() - time) >> COUNTER_BITS) / 1000

    def _seconds_ahead(self, time: int) -> float:
        return self._clock.ahead_ms(time, self._wall_ms()) / 1000


def _is_possible(version: bytes, sender_time: int) -> bool:
    return is_version(version) and time_of(Version(version)) <= sender_time


def _impossible(whose: str, version: bytes) -> BadRequest:
    shown = version[: VERSION_BYTES + 1].hex()
    return BadRequest(
        f"{whose} has the impossible version {shown!r} of {len(version):,} bytes;"
        f" a version has {VERSION_BYTES}, and is not newer than the clock of who sends it"
    )
