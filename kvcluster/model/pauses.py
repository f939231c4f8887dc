"""Was this process away? Decided from what three clocks say has passed since the watch last looked.

Whoever was away must know it, or it answers with what others have overwritten meanwhile. Each way
to be away stops other clocks:

                                timers        steady        wall
    SIGSTOP, a starved machine  run on        runs on       runs on
    a suspended laptop          stand still   runs on       runs on
    a paused or moved VM        stand still   stands still  is set right, perhaps later

*Timers* is the clock of the event loop, CLOCK_MONOTONIC; *steady* is one that nobody sets and that
runs on while the machine sleeps (cluster/peers/surroundings.py). So the longest of the three
counts.

**Where timers stood still, so did every deadline**: a call may wait inside whose client gave up
yesterday. `Pause.timers_slept` says so.

**A wall clock that is set ahead looks like a paused machine**, and nothing tells them apart. To be
wrong about that costs a look around, so it is believed. One that is set ahead again and again (a
broken hypervisor) would have its node look around all the time, so no more than a few jumps are
believed within some minutes. A wall that is set back is no pause.

It is like waking up in a train: your watch says that five minutes have passed, the station clock
says an hour. You look where you are before you tell anybody.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from operator import sub
from typing import NamedTuple

JUMPS_BELIEVED = 20
JUMPS_WITHIN_S = 300.0


class Times(NamedTuple):
    """What three clocks say at one moment, in seconds."""

    timers_s: float
    steady_s: float
    wall_s: float


@dataclass(frozen=True)
class Pause:
    """Time in which this process was away."""

    duration_s: float
    timers_slept: bool
    """Most of it passed without the timers: deadlines know nothing of it."""
    told_by_wall: bool
    """Only the wall clock tells; perhaps it was set."""


class Pauses:
    """Finds them. Nothing is overdue before the watch has looked for the first time."""

    def __init__(self, *, interval_s: float, limit_s: float) -> None:
        self._interval_s = interval_s  # from one look of the watch to the next
        self._limit_s = limit_s
        self._looked: Times | None = None
        self._noticed: Pause | None = None  # by who asked since; the next look says the same
        self._jumps: deque[float] = deque(maxlen=JUMPS_BELIEVED)
        self.jumps_ignored = 0
        """How often the wall clock was ahead at once and not believed."""

    def overdue(self, now: Times) -> bool:
        """Whether this process was away since the watch looked; asked before every answer."""
        if self._noticed is None:
            self._noticed = self._find(now)
        return self._noticed is not None

    def look(self, now: Times) -> Pause | None:
        """The watch looks: the pause since it last did, if there was one."""
        pause = self._find(now) or self._noticed
        if pause is not None and pause.told_by_wall:
            self._jumps.append(now.steady_s)
        elif pause is None and self._has_jumped(now):
            self.jumps_ignored += 1
        self._looked, self._noticed = now, None
        return pause

    def _find(self, now: Times) -> Pause | None:
        if self._looked is None:
            return None
        timers_s, steady_s, wall_s = map(sub, now, self._looked)
        known_s = max(timers_s, steady_s)
        longest_s = max(known_s, wall_s) if self._believes_wall(now) else known_s
        late_s = longest_s - self._interval_s
        if late_s <= self._limit_s:
            return None
        return Pause(
            duration_s=late_s,
            timers_slept=longest_s - timers_s > self._limit_s,
            told_by_wall=known_s - self._interval_s <= self._limit_s,
        )

    def _has_jumped(self, now: Times) -> bool:
        """Whether the wall clock alone would tell of a pause."""
        looked = self._looked or now
        return now.wall_s - looked.wall_s - self._interval_s > self._limit_s

    def _believes_wall(self, now: Times) -> bool:
        many = len(self._jumps) == JUMPS_BELIEVED
        return not many or now.steady_s - self._jumps[0] > JUMPS_WITHIN_S
