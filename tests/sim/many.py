"""Many seeds on every core, with a line that says how far it is."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

from tests.sim.history import Result
from tests.sim.run import play, prepared
from tests.sim.states import told

_CHUNK = 10
_BROKEN_ENOUGH = 20


@dataclass
class Total:
    """What many histories came to."""

    histories: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    reads: int = 0
    judged_reads: int = 0
    scans: Counter[str] = field(default_factory=Counter)
    library: Counter[str] = field(default_factory=Counter)
    deciders: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    virtual_s: float = 0.0
    broken: list[tuple[int, str]] = field(default_factory=list)
    """Seeds and what they broke."""

    def add(self, result: Result) -> None:
        """One more history."""
        self.histories += 1
        self.outcomes += result.outcomes
        self.faults += result.faults
        self.reached += result.reached
        self.reads += result.reads
        self.judged_reads += result.judged_reads
        self.scans += result.scans
        self.library += result.library
        self.deciders += result.deciders
        self.messages += result.messages
        self.virtual_s += result.virtual_s
        if result.broken:
            self.broken.append((result.seed, result.broken))

    def merge(self, other: Total) -> None:
        """Add what others counted."""
        for each in dataclasses.fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def __str__(self) -> str:
        faults = ", ".join(f"{name} {count:,}" for name, count in sorted(self.faults.items()))
        scans = ", ".join(f"{count:,} {name}" for name, count in self.scans.most_common())
        library = ", ".join(f"{count:,} {name}" for name, count in self.library.most_common())
        deciders = ", ".join(f"{count:,} {name}" for name, count in self.deciders.most_common())
        outcomes = ", ".join(f"{count:,} {name}" for name, count in self.outcomes.most_common())
        return (
            f"{self.histories:,} histories, {self.virtual_s / 3600:,.1f} hours of virtual time,"
            f" {self.messages:,} messages\n"
            f"faults: {faults or 'none'}\n"
            f"writes: {outcomes}\n"
            f"reads answered: {self.reads:,}, of which {self.judged_reads:,} had to show an"
            " acknowledged write or something newer\n"
            f"scans that lasted: {scans or 'none'}\n"
            f"the library: {library or 'none'}\n"
            f"decided by majority: {deciders or 'none'}\n"
            f"states that were reached, and how often:\n{told(self.reached)}\n"
            f"broken promises: {len(self.broken) or 'none'}"
        )


def play_some(seeds: Sequence[int]) -> Total:
    """Play seeds one after the other, in this process."""
    total = Total()
    with prepared():
        for seed in seeds:
            total.add(play(seed))
    return total


def play_many(seeds: Sequence[int], progress: Callable[[Total], None]) -> Total:
    """Play seeds on every core; stops early once many are broken."""
    chunks = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
    total = Total()
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=fresh) as pool:
        for done in as_completed([pool.submit(play_some, chunk) for chunk in chunks]):
            total.merge(done.result())
            progress(total)
            if len(total.broken) >= _BROKEN_ENOUGH:
                pool.shutdown(cancel_futures=True)
                break
    return total
