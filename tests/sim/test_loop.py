"""The simulator's own loop: what is frozen does nothing, and what is ended is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.sim.loop import Life, SimLoop, Stop, current_life


def played(story: Coroutine[Any, Any, None]) -> None:
    """Run a story on a loop of its own."""
    loop = SimLoop()
    try:
        loop.run_until_complete(story)
        assert not asyncio.all_tasks(loop)
        assert not loop.complaints
    finally:
        loop.close()


def sim_loop() -> SimLoop:
    """The loop that runs now."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    return loop


async def ticking(ticks: list[float]) -> None:
    """Note the time, each second."""
    while True:
        ticks.append(sim_loop().time())
        await asyncio.sleep(1)


def test_frozen_life_stands_still_while_time_and_others_go_on() -> None:
    """It goes on at the thaw with what came due first, and finds that it is late."""

    async def story() -> None:
        one, other = Life("one", lambda: 0.0), Life("other", lambda: 0.0)
        frozen: list[float] = []
        running: list[float] = []
        one.run(ticking(frozen))
        other.run(ticking(running))
        await asyncio.sleep(1.5)
        sim_loop().freeze(one)
        await asyncio.sleep(3)
        assert frozen == [0, 1]
        assert running == [0, 1, 2, 3, 4]
        sim_loop().thaw(one)
        await asyncio.sleep(1.1)
        assert frozen == [0, 1, 4.5, 5.5]
        await one.end()
        await other.end()

    played(story())


def test_tasks_inherit_the_life_that_starts_them() -> None:
    """So what a process starts in a callback is frozen and ended with it."""

    async def story() -> None:
        life = Life("one", lambda: 0.0)
        seen: list[Life | None] = []

        async def child() -> None:
            seen.append(current_life())

        async def parent() -> None:
            await asyncio.gather(child(), child())

        await life.run(parent())
        assert seen == [life, life]
        assert current_life() is None

    played(story())


@pytest.mark.parametrize("stop", [Stop.SUSPENDED, Stop.PAUSED])
def test_timers_of_a_life_sleep_with_its_machine(stop: Stop) -> None:
    """Those that were set, those that seemed due, and what its threads do; and nobody else's."""

    async def story() -> None:
        loop, life, other = sim_loop(), Life("one", lambda: 4.0), Life("two", lambda: 0.0)
        woke: list[tuple[str, float, float]] = []

        async def sleep(what: str, delay_s: float) -> None:
            await asyncio.sleep(delay_s)
            woke.append((what, round(loop.time(), 6), round(loop.now_s, 6)))

        async def use_disk() -> None:
            await loop.run_in_executor(None, len, "")
            woke.append(("disk", round(loop.time(), 6), round(loop.now_s, 6)))

        begun = [life.run(sleep("soon", 2.0)), life.run(sleep("late", 20.0)), life.run(use_disk())]
        begun.append(other.run(sleep("other", 3.0)))
        await asyncio.sleep(1.0)
        loop.freeze(life, stop)
        await asyncio.sleep(9.0)
        begun.append(life.run(sleep("message", 0.0)))
        await asyncio.sleep(1.0)
        loop.thaw(life)
        await asyncio.sleep(0)
        begun.append(life.run(sleep("after", 0.5)))
        await asyncio.gather(*begun)
        assert woke == [
            ("other", 3.0, 3.0),
            ("message", 1.0, 11.0),
            ("after", 1.5, 11.5),
            ("soon", 2.0, 12.0),
            ("disk", 4.0, 14.0),
            ("late", 20.0, 30.0),
        ]
        assert life.timers_slept_s == 10.0
        assert life.steady_slept_s == (10.0 if stop is Stop.PAUSED else 0.0)

    played(story())


def test_end_of_a_life_frees_even_a_task_that_clings_to_it() -> None:
    """A task that swallows its first cancellation is cancelled again."""

    async def story() -> None:
        life = Life("one", lambda: 0.0)

        async def cling() -> None:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                await asyncio.sleep(1000)

        task = life.run(cling())
        await asyncio.sleep(0)
        await life.end()
        assert task.cancelled()

    played(story())


def test_work_for_a_thread_takes_as_long_as_the_disk_of_that_life() -> None:
    """A slow disk is slow for its node, and for nobody else."""

    async def story() -> None:
        life = Life("one", lambda: 2.5)
        loop = sim_loop()

        async def use_disk() -> float:
            await loop.run_in_executor(None, len, "")
            return loop.time()

        assert await life.run(use_disk()) == 2.5
        assert await use_disk() == 2.5  # outside of all lives it takes no time

    played(story())


def test_a_livelock_can_be_cleared_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended the whole run, and nobody heard which seed it was."""
    monkeypatch.setattr("tests.storage.virtual_loop._STEPS_AT_ONE_TIME", 100)
    loop = SimLoop()

    async def spin() -> None:
        while True:  # noqa: ASYNC110 - it is to spin
            await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="livelock"):
        loop.run_until_complete(spin())
    loop.clear_away()
    assert not asyncio.all_tasks(loop)
    loop.close()
