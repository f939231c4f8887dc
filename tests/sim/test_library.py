"""Histories in which clients use the real library, and that everything in it really happened."""

from __future__ import annotations

from tests.sim.library import uses_library
from tests.sim.many import play_some
from tests.sim.shrink import command
from tests.sim.test_sim import SEEDS

_SEEDS = [seed for seed in range(200) if uses_library(seed) and seed not in SEEDS][:8]
_HAPPENED = (
    "puts in columns",
    "crates that arrived",
    "crates unpacked before",
    "crates unpacked on their way",
    "writes done",
    "writes certainly not done",
    "writes perhaps done",
    "operations given up",
    "puts tried at another node",
    "hedges",
    "connections given up",
    "calls given up",
    "streams that broke",
    "pages behind the first",
)


def test_the_library_keeps_its_promises_and_was_tried_hard() -> None:
    """Order, deadlines, outcomes and pages hold, whatever nodes and the network do."""
    total = play_some(_SEEDS)
    failures = [f"{what}\n  {command(seed)}" for seed, what in total.broken]
    assert not failures, "\n".join(failures)
    assert not [what for what in _HAPPENED if not total.library[what]], total.library
    assert total.scans["whole"] > 10
