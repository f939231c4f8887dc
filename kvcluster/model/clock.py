"""The hybrid logical clock: wall time that never goes back and is never behind what it has seen.

Wall clocks of two machines differ and are set back; a plain counter says nothing to a person.
The hybrid (Kulkarni et al., "Logical Physical Clocks", 2014) is both: it follows the wall clock
when that leads, and goes on from the largest time it has seen when it does not.

It goes on at its own pace even then, a little slower than the wall (`pass_time`), so that the wall
catches up. One that only counted its writes would stand still for an hour after some node's clock
was an hour ahead for a moment: between two sides of a cut the busier one would win, not the later
writer, and a message held back for minutes would not look old.

Invariant: every time handed out by `tick` is larger than every time ticked or observed before.

**What the disk keeps** is the largest time ticked or heard, and not what the wall says: a wall that
is mad, of a node that wrote nothing, would stay mad on disk after it was set right. The wall is
taken for our own time with each write, and whenever a peer has accepted it (`settle`).

Who is too far ahead is judged against the wall, or against what this node's own disk held when it
started and the time passed since, whichever is later. A board without a hardware clock starts days
behind what it wrote before the power cut, and so do its neighbours; what they all remember is no
step of anybody. Times heard since do not count: a cluster that accepted one wild clock would follow
it a step at a time.

A time is an integer, milliseconds << 16 | counter. Adding one to a full counter carries into the
milliseconds, which is exactly what should happen when a node writes over 65,536 times in one
millisecond, so there is no special case for it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from kvcluster.model.entry import Version, make_version

COUNTER_BITS = 16
TIME_LIMIT = 1 << 64
_PACE = 0.9
"""Less: sooner back at the wall's time. Too little: the age of messages is underestimated."""


class Skew(enum.Enum):
    """What a remote time is to our own."""

    FINE = "fine"
    AHEAD = "ahead"  # accepted, with a warning
    ABSURD = "absurd"  # refused: it would win every write for a day
    STALE = "stale"  # refused for messages: somebody held it back


@dataclass(frozen=True, kw_only=True)
class SkewLimits:
    """How far apart clocks may be, in milliseconds."""

    warn_ms: int
    absurd_ms: int
    stale_ms: int


class HybridClock:
    """One per node. Its callers pass the wall time, in milliseconds since 1970."""

    def __init__(self, incarnation: int, time: int = 0) -> None:
        self.incarnation = incarnation
        self._time = time  # at least the largest time ticked or observed
        self._kept_ms = float(time >> COUNTER_BITS)  # what our disk held, and the time passed since

    def now(self, wall_ms: int) -> int:
        """The current time; hands out nothing."""
        return max(self._time, wall_ms << COUNTER_BITS)

    @property
    def kept(self) -> int:
        """What the disk keeps: at least every time ticked, observed or settled."""
        return self._time

    def settle(self, wall_ms: int) -> None:
        """A peer accepted our current time: it is what we go on from."""
        self._time = self.now(wall_ms)

    def tick(self, wall_ms: int) -> Version:
        """A version newer than everything this clock has ticked or observed."""
        self._time = max(self._time + 1, wall_ms << COUNTER_BITS)
        return make_version(self._time, self.incarnation)

    def ticks(self, wall_ms: int, count: int) -> Version:
        """The first of so many versions, each newer than the one before; see `following`."""
        first = self.tick(wall_ms)
        self._time += count - 1
        return first

    def pass_time(self, elapsed_ms: float) -> None:
        """So much has passed since the last call, by a clock that nobody sets."""
        assert elapsed_ms >= 0, "the time must not go back"
        self._time += int(elapsed_ms * _PACE * (1 << COUNTER_BITS))
        self._kept_ms += elapsed_ms

    def observe(self, time: int) -> None:
        """Move past a time that another node or a file holds. Judge it first."""
        assert time < TIME_LIMIT, "nobody could ever tick again"
        self._time = max(self._time, time)

    def behind_ms(self, wall_ms: int) -> int:
        """How far the wall is behind what our own disk held and the time passed since."""
        return max(0, int(self._kept_ms) - wall_ms)

    def ahead_ms(self, time: int, wall_ms: int) -> int:
        """How far a time from outside is ahead of the wall and of what our own disk held."""
        return (time >> COUNTER_BITS) - wall_ms - self.behind_ms(wall_ms)

    def judge(self, time: int, wall_ms: int, limits: SkewLimits) -> Skew:
        """Say what a time from outside is to this clock.

        Being stale is measured against the hybrid time, which every live sender shares.
        """
        ahead_ms = self.ahead_ms(time, wall_ms)
        if time >= TIME_LIMIT or ahead_ms > limits.absurd_ms:
            return Skew.ABSURD
        behind_ms = (self.now(wall_ms) - time) >> COUNTER_BITS
        if behind_ms > limits.stale_ms:  # even if it is ahead of our wall: who knows whose is right
            return Skew.STALE
        return Skew.AHEAD if ahead_ms > limits.warn_ms else Skew.FINE
