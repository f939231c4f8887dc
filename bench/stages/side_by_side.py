"""All systems at once, each with a small store: rates and latencies beside each other.

A round goes through the cases, and in each case through the systems, so that two figures that are
compared stand a second or two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.cases import BY_NAME, MS
from bench.contest import RIVALS, Contest, measure_in_turn
from bench.load.driver import Driver
from bench.load.jobs import PREFIX, Bulk, Closed, Figures, Job, Scan
from bench.systems.system import System


@dataclass(frozen=True)
class _Loop:
    """A case in which so many clients call."""

    act: str
    clients: int
    rivals: tuple[str, ...] = ("grpc_echo", "etcd", "redis", "pysyncobj", "sqlite", "diskcache")


_LOOPS = {
    "put-one": _Loop("put", 1, tuple(rival.kind for rival in RIVALS)),
    "get-one": _Loop("get", 1),
    "puts-64": _Loop("put", 64),
    "puts-256": _Loop("put", 256),
    "gets-64": _Loop("get", 64),
    "gets-256": _Loop("get", 256),
    "gets-64-local": _Loop("get_local", 64, ("etcd", "redis")),
    "threads-64": _Loop("threaded_put", 64, ()),
    "raw-put-64": _Loop("raw_put", 64, ("grpc_echo",)),
    "raw-get-64": _Loop("raw_get", 64, ("grpc_echo",)),
}
_KEYS = {"bulk": "put_many", "scan": "scan"}
CASES = (*_LOOPS, *_KEYS)
_SCANNED = "scan/"


def measure(contest: Contest, cases: Sequence[str]) -> None:
    """Start everybody who takes part, and measure in turn."""
    systems = [*contest.ours(), *contest.rivals(_rivals_of(cases))]
    measure_in_turn(contest, cases, systems, "side by side", fill, _measure)


def _rivals_of(cases: Sequence[str]) -> list[str]:
    """Those that stand in one of these cases at least."""
    return [rival.kind for rival in RIVALS if any(_stands_in(rival, case) for case in cases)]


def _stands_in(system: type[System] | System, case: str) -> bool:
    if case in _KEYS:
        return system.can(_KEYS[case])
    loop = _LOOPS[case]
    return system.kind in ("ours", *loop.rivals) and system.can(loop.act)


def fill(contest: Contest, system: System, driver: Driver, cases: Sequence[str]) -> None:
    """Give it what will be read in these cases."""
    if system.can("put_many"):
        driver.ask(Bulk(prefix=PREFIX, count=contest.scale.few_keys), system.pids)
    if "scan" in cases and system.can("scan"):
        driver.ask(Bulk(prefix=_SCANNED, count=contest.scale.scan_keys), system.pids)


def _measure(contest: Contest, case: str, system: System, driver: Driver, number: int) -> None:
    if not _stands_in(system, case):
        return
    take(contest, case, case, system, driver, number)
    if case == "threads-64" and system.row == "ours":
        beside = driver.ask(_job(contest, "puts-64", number), system.pids)
        contest.record(case, "AsyncClient", number, beside["rate"], beside)


def take(
    contest: Contest, case: str, work: str, system: System, driver: Driver, number: int
) -> None:
    """Have a system do the work of one of these cases, and note it as a figure of a case."""
    figures = driver.ask(_job(contest, work, number), system.pids)
    contest.record(case, system.row, number, _value(case, figures), figures)
    contest.remark(case, system.row, driver)


def _job(contest: Contest, case: str, number: int) -> Job:
    scale = contest.scale
    if case == "bulk":
        return Bulk(prefix=f"bulk-{number}/", count=scale.bulk_keys)
    if case == "scan":
        return Scan(prefix=_SCANNED, count=scale.scan_keys)
    loop = _LOOPS[case]
    return Closed(
        act=loop.act,
        clients=loop.clients,
        keys=scale.few_keys,
        seconds=scale.seconds,
        warm_s=scale.warm_s,
    )


def _value(case: str, figures: Figures) -> float:
    return figures["p50_ms"] if BY_NAME[case].unit is MS else figures["rate"]
