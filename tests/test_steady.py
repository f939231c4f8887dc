"""The clocks of this machine: which of them does not stand still while it sleeps."""

from __future__ import annotations

import sys
import time

import pytest

from kvcluster.cluster.peers.surroundings import Surroundings
from kvcluster.steady import Sleep, steady_clock
from tests.storage.virtual_loop import run

NAME = "CLOCK_MONOTONIC_RAW" if sys.platform == "darwin" else "CLOCK_BOOTTIME"


@pytest.mark.skipif(not hasattr(time, NAME), reason="this system has no clock that counts sleep")
def test_steady_clock_counts_the_time_in_which_the_machine_sleeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CLOCK_MONOTONIC does not, and with it no timer of the event loop does."""
    slept_s = 3_600.0
    asked: list[int] = []

    def clock_gettime(number: int) -> float:
        asked.append(number)
        return slept_s

    steady_s = steady_clock()
    monkeypatch.setattr(time, "clock_gettime", clock_gettime)
    assert steady_s() == slept_s
    assert asked == [getattr(time, NAME)]


@pytest.mark.parametrize("missing", [True, False])
def test_system_without_such_a_clock_has_an_ordinary_one(
    monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    """There only the wall clock tells of a sleep."""

    def refuse(number: int) -> float:
        raise OSError("not supported")

    if missing:
        monkeypatch.delattr(time, NAME, raising=False)
    monkeypatch.setattr(time, "clock_gettime", refuse)
    assert steady_clock() is time.monotonic


def test_times_are_those_of_the_loop_the_steady_and_the_wall_clock() -> None:
    """Each in seconds."""

    async def body() -> None:
        around = Surroundings(steady_s=lambda: 12.5, wall_ms=lambda: 1_500)
        assert around.times() == (0.0, 12.5, 1.5)

    run(body())


def test_sleep_is_told_once_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks again has done what is to be done about it."""
    now = {"steady": 100.0, "timers": 50.0}
    monkeypatch.setattr("kvcluster.steady.steady_clock", lambda: lambda: now["steady"])
    monkeypatch.setattr(time, "monotonic", lambda: now["timers"])
    sleep = Sleep()
    assert not sleep.is_over()
    now["steady"], now["timers"] = 105.0, 55.0
    assert not sleep.is_over(), "time that both count"
    now["steady"] = 3_700.0
    assert sleep.is_over()
    assert not sleep.is_over()
