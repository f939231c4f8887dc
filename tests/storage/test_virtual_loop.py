"""The loop that the tests run on: it says when nothing can happen any more, and never hangs."""

from __future__ import annotations

import asyncio

import pytest

from tests.storage import virtual_loop
from tests.storage.virtual_loop import run


def test_a_task_that_lets_no_time_pass_is_a_livelock_and_not_a_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A timer that can never come due, say, because somebody always has something to do first."""
    monkeypatch.setattr(virtual_loop, "_STEPS_AT_ONE_TIME", 1_000)

    def spin() -> None:
        asyncio.get_running_loop().call_soon(spin)

    async def scenario() -> None:
        spin()
        await asyncio.sleep(1)

    with pytest.raises(RuntimeError, match="livelock"):
        run(scenario())


def test_work_that_lets_time_pass_may_go_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps are counted anew whenever the clock has moved, however little."""
    monkeypatch.setattr(virtual_loop, "_STEPS_AT_ONE_TIME", 1_000)

    async def scenario() -> None:
        for _ in range(1_000):
            for _ in range(10):
                await asyncio.sleep(0)
            await asyncio.sleep(0.000_1)

    run(scenario())


def test_tasks_that_all_wait_without_a_timer_are_a_deadlock() -> None:
    """Nothing can ever wake them."""

    async def scenario() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="deadlock"):
        run(scenario())
