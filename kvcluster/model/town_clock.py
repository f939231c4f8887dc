"""The town clock: what time it is, as most members have it. Keys expire by it.

In a town where the clocks of three churches differ, one goes by the one in the middle. So each
member tells the others with its heartbeats what its wall clock says, and each takes the median:
one mad clock of three changes nothing. Of an even number it is the lower of the two in the middle,
since a key that goes too late is the smaller evil. The hybrid clock (clock.py) is no good here: it
follows whoever is furthest ahead.

What is kept of a member is how far its wall clock is from a *steady* clock of this node, which
nobody sets. So what others told holds on when the wall clock here is set, and while nobody can be
heard. It is kept for an hour: a node that is alone, behind a cut, and whose own clock is mad, goes
on by what the others had. After a pause of this machine that a steady clock does not see they seem
to be behind, until they are heard again; so keys go too late then, and never too early.

The time told never goes back a little, as the median of clocks that differ a little would: a key
that has gone would be back for a moment. It goes back by more than `_STEP_MS`, if it must: after a
clock was ahead by an hour the time must not stand still for an hour.
"""

from __future__ import annotations

import math

_KEPT_MS = 3_600_000.0
"""What a member told counts for so long. More: one whose clock was set since, and cannot be heard,
counts as it was. Less: who is alone is on its own sooner."""
_STEP_MS = 500
"""Less: a key that has gone may be back for a moment where the network is slow. More: a clock that
was a little ahead for a while makes keys go early for as long."""


class TownClock:
    """One per node. Its callers pass what its own wall and steady clock say, in milliseconds."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, float]] = {}
        """By member: how far its wall clock is ahead of our steady one, and when that was heard."""
        self._least, self._most = -math.inf, math.inf
        """The median of all clocks is that of this node, but for these bounds."""
        self._holds_until_ms = math.inf
        """Then the first of the members is forgotten."""
        self._told_ms = 0

    def hear(self, member: str, wall_ms: int, steady_ms: float) -> None:
        """The wall clock of another member said this when ours, the steady one, said that."""
        self._heard[member] = (wall_ms - steady_ms, steady_ms)
        self._count(steady_ms)

    def time_ms(self, wall_ms: int, steady_ms: float) -> int:
        """The time now, in milliseconds since 1970."""
        if steady_ms >= self._holds_until_ms:
            self._count(steady_ms)
        median = max(self._least, min(wall_ms - steady_ms, self._most))
        now_ms = int(steady_ms + median)
        if self._told_ms - _STEP_MS < now_ms < self._told_ms:
            return self._told_ms
        self._told_ms = now_ms
        return now_ms

    def _count(self, steady_ms: float) -> None:
        """Forget whoever was not heard for long; find the bounds."""
        self._heard = {
            member: (ahead, at)
            for member, (ahead, at) in self._heard.items()
            if steady_ms - at < _KEPT_MS
        }
        others = sorted(ahead for ahead, _ in self._heard.values())
        place = len(others) // 2  # of the median, with this node among them
        self._least = others[place - 1] if place else -math.inf
        self._most = others[place] if place < len(others) else math.inf
        self._holds_until_ms = (
            min((at for _, at in self._heard.values()), default=math.inf) + _KEPT_MS
        )
        assert self._least <= self._most
