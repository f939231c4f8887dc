"""A counter that loses an addition is found out, however quick it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import bench.__main__
from bench.contest import Contest
from bench.load.client import LoadClient
from bench.load.counting import check, count
from bench.load.jobs import Count
from bench.systems.processes import PromiseBroken

_COUNTERS: dict[str, int] = {}
"""What all clients of a made-up system share."""


class _Honest(LoadClient):
    opened = 0

    async def open(self) -> None:
        type(self).opened += 1

    async def add_one(self, key: str) -> None:
        await asyncio.sleep(0.001)
        _COUNTERS[key] = _COUNTERS.get(key, 0) + 1

    async def number(self, key: str) -> int:
        return _COUNTERS[key]


class _Hasty(_Honest):
    """It looks, and puts whatever came between."""

    async def add_one(self, key: str) -> None:
        seen = _COUNTERS.get(key, 0)
        await asyncio.sleep(0.001)
        _COUNTERS[key] = seen + 1


def _job(*, clients: int, apart: bool) -> Count:
    _COUNTERS.clear()
    return Count(act="add_one", key="n", clients=clients, apart=apart, seconds=0.05, warm_s=0.01)


async def test_what_is_counted_is_what_was_added() -> None:
    """Before the window, in it, and after it."""
    figures = await count(_Honest({}), _job(clients=3, apart=False), [])
    assert float(figures["rate"]) > 0
    assert _COUNTERS["n"] > float(figures["rate"]) * 0.05
    assert figures["served"] == 3


async def test_clients_of_their_own_connect_first() -> None:
    """Each by itself."""
    _Honest.opened = 0
    await count(_Honest({}), _job(clients=3, apart=True), [])
    assert _Honest.opened == 3


class _Unjust(_Honest):
    """Whoever comes first is served, and the others wait."""

    first: LoadClient | None = None

    async def add_one(self, key: str) -> None:
        type(self).first = type(self).first or self
        await asyncio.sleep(0.001 if type(self).first is self else 0.2)
        _COUNTERS[key] = _COUNTERS.get(key, 0) + 1


async def test_those_that_are_kept_waiting_are_told() -> None:
    """They get through when the others have gone, which is too late to count."""
    figures = await count(_Unjust({}), _job(clients=3, apart=True), [])
    assert figures["served"] == 1


async def test_additions_that_are_lost_are_told() -> None:
    """Two look at the same time, and one of them has counted in vain."""
    with pytest.raises(PromiseBroken, match=r"the counter is \d+ after \d+ acknowledged"):
        await count(_Hasty({}), _job(clients=2, apart=False), [])


def test_what_failed_may_have_been_done() -> None:
    """And what was done twice is as wrong as what was lost."""
    check(7, 5, failed=2)
    check(5, 5, failed=2)
    for number in (4, 8):
        with pytest.raises(PromiseBroken, match="and 2 that failed"):
            check(number, 5, failed=2)


class _Stage:
    CASES = ("count-1",)

    @staticmethod
    def measure(contest: Contest, cases: list[str]) -> None:
        with contest.skipping("etcd", cases[0]):
            raise PromiseBroken("the counter is 4 after 5")


def test_a_run_in_which_a_promise_was_broken_fails_and_is_not_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may read its figures without hearing of it."""
    monkeypatch.setattr(bench.__main__, "STAGES", (_Stage,))
    kept = tmp_path / "results.json"
    assert bench.__main__.main(["--quick", "--only", "count-1", "--results", str(kept)]) == 1
    assert "etcd: count-1: the counter is 4 after 5" in capsys.readouterr().err
    assert not kept.exists()
