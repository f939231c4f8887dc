"""A node dies while others write: how long nobody is answered, and how fast the rest goes on.

Puts come every ten milliseconds, whether those before them were answered or not. The node in use is
killed (`kill -9`): with us the one that the client stays with, with etcd the leader. Redis without
Sentinel has nobody who takes over, and PySyncObj's leader is the caller itself, so they stay out.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.contest import Contest, in_turn
from bench.load.jobs import Closed, Steady
from bench.systems.system import System

CASES = ("gap", "puts-64-one-dead")
_EVERY_S = 0.01
_KILL_AFTER_S = 1.0


def measure(contest: Contest, cases: Sequence[str]) -> None:
    """Each system alone, started anew for each round."""
    for number in range(contest.scale.slow_rounds):
        for system in in_turn(number, [*contest.ours(), *contest.rivals(["etcd"])]):
            contest.tell(f"killing a node of {system.row}, round {number + 1}")
            with contest.skipping(system.row):
                _measure(contest, cases, system, number)


def _measure(contest: Contest, cases: Sequence[str], system: System, number: int) -> None:
    scale = contest.scale
    with system.loaded() as driver:
        job = Steady(
            every_s=_EVERY_S,
            keys=scale.few_keys,
            seconds=scale.kill_seconds,
            victims=system.victims,
            kill_after_s=_KILL_AFTER_S,
        )
        figures = driver.ask(job, system.pids)
        if "gap" in cases:
            contest.record("gap", system.row, number, figures["gap_s"], figures)
        if "puts-64-one-dead" in cases:
            loop = Closed(
                act="put",
                clients=64,
                keys=scale.few_keys,
                seconds=scale.seconds,
                warm_s=scale.warm_s,
            )
            figures = driver.ask(loop, system.pids)
            contest.record("puts-64-one-dead", system.row, number, figures["rate"], figures)
