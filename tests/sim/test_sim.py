"""Some histories in every run of the tests, each from its seed; `make sim` plays many more."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.sim.many import play_some
from tests.sim.shrink import command
from tests.sim.states import STATES, never

SEEDS = range(24)
_A_PART = 12
"""Neighbours, since what a history has hangs on its seed, modulo 3 or 4."""
_BUSY_MACHINE_S = 600


@pytest.mark.timeout(_BUSY_MACHINE_S)
@pytest.mark.parametrize("first", SEEDS[::_A_PART])
def test_no_history_breaks_a_promise(first: int) -> None:
    """Whatever crashes, freezes, fills up, is cut off and jumps in time: every promise holds."""
    seeds = range(first, first + _A_PART)
    total = play_some(seeds)
    failures = [f"{what}\n  {command(seed)}" for seed, what in total.broken]
    assert not failures, "\n".join(failures)
    assert total.faults.total() > 3 * len(seeds), "too little was broken to prove anything"
    assert total.outcomes["done"] > 30 * len(seeds), "too little was written to prove anything"
    missing = [state for state in never(total.reached) if STATES[state]]
    assert not missing, f"never reached: {missing}"
    assert total.judged_reads > 10 * len(seeds), "too few reads were judged to prove anything"


_DIGESTS = """
from tests.sim.run import play, prepared
with prepared():
    for seed in (8, 14, 19):
        print(play(seed).digest)
"""


@pytest.mark.timeout(_BUSY_MACHINE_S)
def test_one_seed_gives_one_history_to_the_byte() -> None:
    """Every message and its time is the same, whatever order sets of strings have."""
    runs = {
        subprocess.run(
            [sys.executable, "-c", _DIGESTS],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=_BUSY_MACHINE_S,
        ).stdout
        for hash_seed in ("0", "77")
    }
    assert len(runs) == 1, runs
    assert len(set(runs.pop().split())) == 3
