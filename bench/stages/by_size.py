"""From a thousand keys to a million: what a larger store costs.

Only one store runs at a time, since a large one of ours works on by itself after it was written to:
checkpoints, anti-entropy. That is part of its own figures, and must not become part of others'.
Each is stopped after its turn and started again on its folder for the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.cases import BY_NAME, MS
from bench.contest import Contest, in_turn
from bench.load.jobs import PREFIX, Bulk, Closed
from bench.stages.hand_made import write_by_hand
from bench.systems.system import System

_LOOPS = {
    "many-put-one": ("put", 1),
    "many-puts-64": ("put", 64),
    "many-puts-256": ("put", 256),
    "many-gets-64": ("get", 64),
}
CASES = tuple(_LOOPS)


@dataclass(frozen=True)
class _Store:
    """A system with so many keys, and its name in the table."""

    row: str
    keys: int
    system: System


def measure(contest: Contest, cases: Sequence[str]) -> None:
    """Fill every store, then measure in turn."""
    stores = [*_ours(contest), *_rivals(contest)]
    for number in range(contest.scale.slow_rounds):
        stores_by_system = {store.system: store for store in stores}
        for system in in_turn(number, list(stores_by_system)):
            store = stores_by_system[system]
            contest.tell(f"{system.row} with {store.keys:,} keys, round {number + 1}")
            with contest.skipping(store.row):
                _measure(contest, cases, store, number)


def _ours(contest: Contest) -> list[_Store]:
    """One of each size, of each checkout. They begin with a file written by hand."""
    stores = []
    for size in contest.scale.sizes:
        for system in contest.ours():
            write_by_hand(system, size)
            is_large = size == contest.scale.many_keys
            prefix = "" if system.row == "ours" else f"{system.row}, "
            row = system.row if is_large else f"{prefix}{size:,} keys"
            stores.append(_Store(row, size, system))
    return stores


def _rivals(contest: Contest) -> list[_Store]:
    """Those that keep what they have over a restart, filled by their clients."""
    stores = []
    size = contest.scale.many_keys
    for rival in contest.rivals(["etcd", "redis"]):
        contest.tell(f"filling {rival.row} with {size:,} keys")
        with contest.skipping(rival.row):
            with rival.loaded() as driver:
                driver.ask(Bulk(prefix=PREFIX, count=size), rival.pids)
            stores.append(_Store(rival.row, size, rival))
    return stores


def _measure(contest: Contest, cases: Sequence[str], store: _Store, number: int) -> None:
    scale = contest.scale
    with store.system.loaded() as driver:
        for case in cases:
            act, clients = _LOOPS[case]
            job = Closed(
                act=act,
                clients=clients,
                keys=store.keys,
                seconds=scale.seconds,
                warm_s=scale.warm_s,
            )
            figures = driver.ask(job, store.system.pids)
            value = figures["p50_ms" if BY_NAME[case].unit is MS else "rate"]
            contest.record(case, store.row, number, value, figures)
            contest.remark(case, store.row, driver)
