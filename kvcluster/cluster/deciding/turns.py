"""Turns: those who wait for a key, and what each of them is told.

Whoever leaves before anything of his is under way, by his deadline, is told that nothing was done.
From then on nobody knows, until it is known for all who were decided together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from kvcluster.errors import KvError, NotReady, OutcomeUnknown
from kvcluster.model.decision import Content, Decision, Ruling
from kvcluster.model.entry import Version
from kvcluster.model.operation import Operation


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of one operation."""

    ruling: Ruling
    acknowledged: int = 0
    """Nodes that hold the write, or a newer one, on disk now."""
    replicas: int = 0
    """Nodes that should."""


@dataclass(eq=False, slots=True)
class Turn:
    """Somebody who waits for a key."""

    operations: Sequence[Operation]
    deadline_s: float
    done: asyncio.Future[list[Decided | KvError]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    proposed: Version | None = None
    """What of his is under way is so; None: nothing is."""

    def settle(self, outcomes: list[Decided | KvError]) -> None:
        """Tell him, if he is still there."""
        if not self.done.done():
            self.done.set_result(outcomes)

    def fail(self, error: KvError) -> None:
        """Tell him that nothing came of all that he asked for."""
        self.settle([error] * len(self.operations))


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to be accepted."""

    decision: Decision
    left: Content | None
    """What is to be stored; None: nothing, what is there is chosen."""
    was_chosen: bool
    """Whether what the operations were given is chosen."""

    def without_an_end(self, ruling: Ruling, error: OutcomeUnknown) -> Decided | KvError:
        """What became of an operation, if nobody knows whether it was accepted."""
        if ruling.version is not None:
            return unknown(str(error), ruling.version)
        if self.was_chosen and not ruling.depends:
            return Decided(ruling)
        return NotReady(f"what the key has could not be made sure of: {error}")


def parts(several: Sequence[Turn], decision: Decision) -> Iterator[tuple[Turn, list[Ruling]]]:
    """Who waits, each with what became of his operations."""
    rulings = iter(decision.rulings)
    for asked in several:
        yield asked, list(islice(rulings, len(asked.operations)))


def tell(
    several: Sequence[Turn], decision: Decision, acknowledged: int = 0, replicas: int = 0
) -> None:
    """Tell all of them what was decided. `acknowledged`, `replicas`: of what was written."""
    for asked, rulings in parts(several, decision):
        asked.settle([Decided(ruling, acknowledged, replicas) for ruling in rulings])


def unknown(why: str, version: Version) -> OutcomeUnknown:
    """Nobody knows whether an operation came about; if so it has this version."""
    error = OutcomeUnknown(f"the write may have happened, or not: {why}")
    error.version = version
    return error
