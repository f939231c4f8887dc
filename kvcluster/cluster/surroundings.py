"""The surroundings: what a node takes from outside itself, besides its transport.

The disk, the wall clock, chance. A simulation replaces all three, and then the same node does the
same twice.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kvcluster.storage.disk import Disk, OsDisk


def wall_clock_ms() -> int:
    """Milliseconds since 1970, as this machine believes."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a node takes from outside, and a simulation replaces."""

    disk: Disk = field(default_factory=OsDisk)
    wall_ms: Callable[[], int] = wall_clock_ms
    incarnation: int = field(default_factory=lambda: random.SystemRandom().getrandbits(32))
    """Drawn at random for each start; chance inside the node is drawn from it."""
