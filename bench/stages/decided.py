"""What a majority decides: writes with a condition, reads from which nothing is hidden, a counter.

Beside ours stand those that have such things, all at once as in `side_by_side.py`. Where it is
about what a condition costs, each client writes keys of its own, and no condition fails. The
counter is one key that all write.

What a key must be for a put if unchanged, its writer knows from the put before. So there are few of
these keys, and one turn goes by before anything counts, in which each is written for the first
time, after a look.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.cases import BY_NAME, MS, RATE
from bench.contest import Contest, measure_in_turn
from bench.load.driver import Driver
from bench.load.jobs import PREFIX, Bulk, Closed, Count
from bench.systems.system import System

_LOOPS = {
    "cond-put-one": ("put_if_unchanged", 1),
    "cond-puts-64": ("put_if_unchanged", 64),
    "absent-put-one": ("put_if_absent", 1),
    "absent-puts-64": ("put_if_absent", 64),
    "lin-get-one": ("get_linearizable", 1),
    "lin-gets-64": ("get_linearizable", 64),
}
_COUNTS = {
    "count-1": (1, False),
    "count-8": (8, False),
    "count-64": (64, False),
    "count-8-apart": (8, True),
    "count-64-apart": (64, True),
    "served-64-apart": (64, True),
}
"""How many, and whether each is a client of its own. Of one that is the same."""
CASES = (*_LOOPS, *_COUNTS)
_RIVALS = ("etcd", "redis")
_CHANGED = "changed/"
_CHANGED_KEYS = 256


def measure(contest: Contest, cases: Sequence[str]) -> None:
    """Start everybody who takes part, and measure in turn."""
    systems = [*contest.ours(), *contest.rivals(_RIVALS)]
    measure_in_turn(contest, cases, systems, "decided", _prepare, _measure)


def _prepare(contest: Contest, system: System, driver: Driver, cases: Sequence[str]) -> None:
    """Give it what will be read and changed, and let its client see all that it will change."""
    driver.ask(Bulk(prefix=PREFIX, count=contest.scale.few_keys), system.pids)
    if "cond-put-one" in cases or "cond-puts-64" in cases:
        driver.ask(Bulk(prefix=_CHANGED, count=_CHANGED_KEYS), system.pids)
        driver.ask(_loop(contest, "cond-puts-64", 0), system.pids)


def _measure(contest: Contest, case: str, system: System, driver: Driver, number: int) -> None:
    if case in _COUNTS:
        _measure_counter(contest, case, system, driver, number)
        return
    if not system.can(_LOOPS[case][0]):
        return
    figures = driver.ask(_loop(contest, case, number), system.pids)
    value = figures["p50_ms" if BY_NAME[case].unit is MS else "rate"]
    contest.record(case, system.row, number, value, figures)
    contest.remark(case, system.row, driver)


def _measure_counter(
    contest: Contest, case: str, system: System, driver: Driver, number: int
) -> None:
    """By look and condition; and by a command for it where there is one, in a row of its own."""
    clients, apart = _COUNTS[case]
    for act, row in (("add_one", system.row), ("increment", f"{system.row}, INCR")):
        if system.can(act):
            job = Count(
                act=act,
                key=f"{case}-{number}/{act}",
                clients=clients,
                apart=apart,
                seconds=contest.scale.seconds,
                warm_s=contest.scale.warm_s,
            )
            figures = driver.ask(job, system.pids)
            value = figures["rate" if BY_NAME[case].unit is RATE else "served"]
            contest.record(case, row, number, value, figures)
            contest.remark(case, row, driver)


def _loop(contest: Contest, case: str, number: int) -> Closed:
    act, clients = _LOOPS[case]
    prefix, keys = {
        "put_if_unchanged": (_CHANGED, _CHANGED_KEYS),
        "put_if_absent": (f"{case}-{number}/", 0),
        "get_linearizable": (PREFIX, contest.scale.few_keys),
    }[act]
    return Closed(
        act=act,
        clients=clients,
        keys=keys,
        prefix=prefix,
        seconds=contest.scale.seconds,
        warm_s=contest.scale.warm_s,
    )
