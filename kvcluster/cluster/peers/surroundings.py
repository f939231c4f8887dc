"""The surroundings: what a node takes from outside itself, besides its transport.

The disk, the clocks, chance. A simulation replaces them all, and then the same node does the same
twice.

The clock of the event loop stands still while the machine sleeps. So there is a steady one besides,
which does not (steady.py).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kvcluster.model.pauses import Times
from kvcluster.steady import steady_clock
from kvcluster.storage.disk import Disk, OsDisk


def wall_clock_ms() -> int:
    """Milliseconds since 1970, as this machine believes."""
    return time.time_ns() // 1_000_000


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
