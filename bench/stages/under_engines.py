"""Ours upon an engine that others built, beside the same engine called by its own driver.

The work is that of the cases in `side_by_side.py`, in cases of their own, since a gateway is not
this store: what it promises and what it costs are mostly its engine's. What is asked here is what a
gateway adds, or gives back by sending together what comes at once.

Engine by engine, with no other one running, and each of the two has an engine of its own. So a pair
shares nothing but the machine, and idle members of other engines take nothing from it.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.contest import Contest, measure_in_turn
from bench.load.driver import Driver
from bench.stages.side_by_side import fill, take
from bench.systems.system import System

_WORK = {
    f"engine-{work}": work for work in ("put-one", "get-one", "puts-64", "gets-64", "bulk", "scan")
}
"""By case: the one of `side_by_side.py` whose work it is."""
CASES = tuple(_WORK)


def measure(contest: Contest, cases: Sequence[str]) -> None:
    """Start the two of each engine, and measure in turn."""
    for pair in contest.under_gateways():
        measure_in_turn(contest, cases, pair, f"upon {pair[-1].row}", _fill, _measure)


def _fill(contest: Contest, system: System, driver: Driver, cases: Sequence[str]) -> None:
    """Give it what will be read."""
    fill(contest, system, driver, [_WORK[case] for case in cases])


def _measure(contest: Contest, case: str, system: System, driver: Driver, number: int) -> None:
    take(contest, case, _WORK[case], system, driver, number)
