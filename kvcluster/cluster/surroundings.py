"""The surroundings: what a node takes from outside itself, besides its transport.

The disk, the clocks, chance. A simulation replaces them all, and then the same node does the same
twice.

The event loop runs on CLOCK_MONOTONIC, which on Linux and macOS stands still while the machine is
suspended. So there is a steady clock besides, which does not: CLOCK_BOOTTIME on Linux, and
CLOCK_MONOTONIC_RAW on macOS, which on Linux is another thing. Elsewhere only the wall clock tells.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kvcluster.model.pauses import Times
from kvcluster.storage.disk import Disk, OsDisk

_COUNTS_SLEEP = "CLOCK_MONOTONIC_RAW" if sys.platform == "darwin" else "CLOCK_BOOTTIME"


def wall_clock_ms() -> int:
    """Milliseconds since 1970, as this machine believes."""
    return time.time_ns() // 1_000_000


def steady_clock() -> Callable[[], float]:
    """A clock in seconds that nobody sets and that does not stand still, as far as there is one."""
    number: int | None = getattr(time, _COUNTS_SLEEP, None)
    if number is None:
        return time.monotonic
    try:
        time.clock_gettime(number)
    except OSError:  # an old kernel, or something that only looks like one
        return time.monotonic
    return lambda: time.clock_gettime(number)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a node takes from outside, and a simulation replaces."""

    disk: Disk = field(default_factory=OsDisk)
    wall_ms: Callable[[], int] = wall_clock_ms
    steady_s: Callable[[], float] = field(default_factory=steady_clock)
    incarnation: int = field(default_factory=lambda: random.SystemRandom().getrandbits(32))
    """Drawn at random for each start; chance inside the node is drawn from it."""

    def times(self) -> Times:
        """What all clocks say now; in the event loop, whose clock is one of them."""
        timers_s = asyncio.get_running_loop().time()
        return Times(timers_s, self.steady_s(), self.wall_ms() / 1000)
