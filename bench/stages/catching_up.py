"""A node that was away: how long until it serves and is counted on again, and what it fetched.

Away for a thousand writes it should fetch about a thousand entries, whatever the store holds. One
that lost its folder fetches everything. What was fetched is what the node itself says in its log.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from bench.contest import Contest
from bench.load.jobs import PREFIX, Bulk
from bench.stages.hand_made import write_by_hand
from bench.systems.ours import Ours

CASES = ("catch-up", "catch-up-size", "refetch", "refetch-size")
_AWAY = 2
_WRITES = 1_000
_FETCHED = re.compile(r"SYNC  (?:caught up with|made whole by) .*\(([\d,.]+) KiB\)")


def measure(contest: Contest, cases: Sequence[str]) -> None:
    """Each checkout, alone."""
    for number in range(contest.scale.steady_rounds):
        for system in contest.ours():
            contest.tell(f"a node of {system.row} comes back, round {number + 1}")
            with contest.skipping(system.row):
                write_by_hand(system, contest.scale.many_keys)
                _measure(contest, cases, system, number)


def _measure(contest: Contest, cases: Sequence[str], system: Ours, number: int) -> None:
    with system.loaded() as driver:
        system.stop_one(_AWAY)
        driver.ask(Bulk(prefix=PREFIX, count=_WRITES), system.pids)
        took = {"catch-up": _return(system)}
        system.stop_one(_AWAY)
        _lose_everything(system)
        took["refetch"] = _return(system)
    for case, (seconds, kib) in took.items():
        if case in cases:
            contest.record(case, system.row, number, seconds)
        if f"{case}-size" in cases:
            contest.record(f"{case}-size", system.row, number, kib)


def _return(system: Ours) -> tuple[float, float]:
    """Start the node that was away; how many seconds it took, and how many KiB it fetched."""
    said_before = len(system.log(_AWAY))
    begun_s = time.perf_counter()
    system.start_one(_AWAY)
    system.wait()
    took_s = time.perf_counter() - begun_s
    said = system.log(_AWAY)[said_before:]
    return took_s, sum(float(size.replace(",", "")) for size in _FETCHED.findall(said))


def _lose_everything(system: Ours) -> None:
    path = Path(system.data_file(_AWAY))
    path.unlink()
    shutil.rmtree(path.with_suffix(".wal"))
