"""Timings: how long things took, counted in classes instead of kept one by one.

A class has an upper end; a duration is counted in the first class that it fits in, and what fits in
none in one more at the end. Counts only grow. So whoever wants to know how the last minute was asks
twice and subtracts, and timings of several nodes may be added: neither can be done with
percentiles. It is the histogram of Prometheus, with the classes side by side and not one in the
other.

The ends are a third to two thirds apart, from a tenth of a millisecond (a read from memory) to ten
seconds (twice as long as a call may take, unless it says otherwise). So a percentile read from them
is off by two thirds of it at most, which is enough to see that something is wrong. Finer ones would
cost each scrape more.
"""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_S = (
    *(round(step * 10.0**n, 5) for n in range(-4, 1) for step in (1, 1.5, 2, 3, 5, 7)),
    10.0,
)
"""Upper ends of the classes, in seconds."""


class Timings:
    """Durations of one kind since the start."""

    def __init__(self) -> None:
        self.classes = [0] * (len(BOUNDS_S) + 1)
        """How many durations were at most BOUNDS_S[i] and more than the end before; the last: more
        than all."""
        self.total_s = 0.0

    def add(self, duration_s: float) -> None:
        """Count one."""
        self.classes[bisect_left(BOUNDS_S, duration_s)] += 1
        self.total_s += duration_s

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.classes)
