"""What a large store does by itself: how much of a core it takes, how long it holds up others.

Three nodes with many keys take a hundred puts a second, all over the store, for longer than
anti-entropy rests. Beside that the same with checkpoints put off for ever, with anti-entropy put
off, with both. The differences are what they cost. The longest pause of the three event loops is
watched from within (`bench/systems/probed.py`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from bench.contest import Contest, in_turn
from bench.load.jobs import Steady
from bench.stages.hand_made import write_by_hand
from bench.systems.ours import Ours

CASES = ("upkeep", "pause")
_EVERY_S = 0.01
_LET_PROBES_BEGIN_S = 0.6
_NEVER = "1000000"
_CHECKPOINTS = f"checkpoint_interval_s={_NEVER}"
_ANTI_ENTROPY = f"anti_entropy_interval_s={_NEVER}"
_WITHOUT = {
    "without checkpoints": (_CHECKPOINTS,),
    "without anti-entropy": (_ANTI_ENTROPY,),
    "without either": (_CHECKPOINTS, _ANTI_ENTROPY),
}


def measure(contest: Contest, cases: Sequence[str]) -> None:
    """Each alone, in turn."""
    rows: dict[Ours, str] = {system: system.row for system in contest.ours(probed=True)}
    if contest.takes_part("ours"):
        for row, settings in _WITHOUT.items():
            rows[contest.ours(settings=settings, probed=True)[0]] = row
    for system in rows:
        write_by_hand(system, contest.scale.many_keys)
    for number in range(contest.scale.steady_rounds):
        for system in in_turn(number, list(rows)):
            contest.tell(f"upkeep: {rows[system]}, round {number + 1}")
            with contest.skipping(rows[system]):
                _measure(contest, cases, system, rows[system], number)


def _measure(contest: Contest, cases: Sequence[str], system: Ours, row: str, number: int) -> None:
    scale = contest.scale
    with system.loaded() as driver:
        probes = [Path(system.probe(member)) for member in range(system.members)]
        for probe in probes:
            probe.unlink(missing_ok=True)
        time.sleep(_LET_PROBES_BEGIN_S)
        job = Steady(every_s=_EVERY_S, keys=scale.many_keys, seconds=scale.steady_seconds)
        figures = driver.ask(job, system.pids)
        pause_s = max(float(probe.read_text()) for probe in probes)
    if "upkeep" in cases and "system_share" in figures:
        contest.record("upkeep", row, number, figures["system_share"] * 100, figures)
    if "pause" in cases:
        contest.record("pause", row, number, pause_s * 1e3)
