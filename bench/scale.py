"""How much is measured: enough to be believed, or just enough to see that it works.

The short form is for the time while something is being changed: its figures point the way, and a
goal is not met by them. Most of its error comes from windows that are too short to even out pauses,
and from a store that is not as large as it is said to be made for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How often, how long, how many."""

    rounds: int
    slow_rounds: int
    """Of cases in which systems are started anew."""
    seconds: float
    """Of one window in which calls count."""
    warm_s: float
    """Before it."""
    few_keys: int = 10_000
    """Of the store in most cases."""
    bulk_keys: int
    scan_keys: int
    sizes: tuple[int, ...]
    """Of the store in the cases about size, from small to large."""
    kill_seconds: float
    steady_rounds: int
    steady_seconds: float
    """Of the cases about upkeep; anti-entropy comes each thirty seconds."""

    @property
    def many_keys(self) -> int:
        """The largest size."""
        return self.sizes[-1]


FULL = Scale(
    rounds=5,
    slow_rounds=3,
    seconds=1.5,
    warm_s=0.3,
    bulk_keys=50_000,
    scan_keys=100_000,
    sizes=(1_000, 10_000, 100_000, 1_000_000),
    kill_seconds=6.0,
    steady_rounds=2,
    steady_seconds=45.0,
)
QUICK = Scale(
    rounds=2,
    slow_rounds=1,
    seconds=0.25,
    warm_s=0.1,
    bulk_keys=4_000,
    scan_keys=10_000,
    sizes=(1_000, 20_000),
    kill_seconds=3.0,
    steady_rounds=1,
    steady_seconds=2.0,
)
