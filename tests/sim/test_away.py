"""A node that was away, in a small story: what it answers as it goes on, and what it refuses."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from kvcluster.config import Settings
from kvcluster.errors import NotReady, PeerRejected
from tests.sim.clients import ask_one
from tests.sim.loop import SimLoop, Stop
from tests.sim.run import prepared
from tests.sim.weather import Weather
from tests.sim.world import World

from demo_pb2 import GetRequest, PutRequest

MEMBERS = ("a:1", "b:2", "c:3")


async def put(world: World, node: str, value: str, timeout_s: float = 5.0) -> int:
    """Write the key; how many hold it."""
    request = PutRequest(key="k", value=value)
    answer = await world.network.call("x", node, "put", request, ask_one(timeout_s), timeout_s)
    return int(answer.acknowledged)


async def get(world: World, node: str) -> str:
    """Read it."""
    answer = await world.network.call("x", node, "get", GetRequest(key="k"), ask_one(5.0), 5.0)
    return str(answer.value)


def played(story: Callable[[World], Awaitable[None]]) -> None:
    """Tell a story of three nodes that are whole."""
    loop = SimLoop()

    async def tell() -> None:
        world = World(
            loop,
            random.Random(1),
            members=MEMBERS,
            replicas=3,
            settings=Settings(),
            weather=Weather(),
            log=lambda what: None,
        )
        await asyncio.gather(*[world.start(name) for name in MEMBERS])
        await until(world.is_whole)
        await story(world)
        assert not world.broken.done()

    with prepared():
        try:
            loop.run_until_complete(tell())
        finally:
            loop.clear_away()
            loop.close()


async def until(holds: Callable[[], bool]) -> None:
    """Let time pass until something holds."""
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came about")


@pytest.mark.parametrize("stop", Stop)
def test_node_that_was_away_answers_nothing_old(stop: Stop) -> None:
    """What was at its door as it went on, and what comes then, sees what others wrote meanwhile.

    Of a suspended laptop seven of seven times it did not.
    """

    async def story(world: World) -> None:
        await put(world, "c:3", "old")
        process = world.process("c:3")
        world.freeze(process, stop)
        await asyncio.sleep(0.5)
        assert await put(world, "a:1", "new") == 2
        await asyncio.sleep(3.0)
        reads = [asyncio.ensure_future(get(world, "c:3")) for _ in range(5)]
        await asyncio.sleep(0.02)
        world.thaw(process)
        for _ in range(20):
            await asyncio.sleep(0.01)
            reads.append(asyncio.ensure_future(get(world, "c:3")))
        assert set(await asyncio.gather(*reads)) == {"new"}

    played(story)


@pytest.mark.parametrize("stop", [Stop.SUSPENDED, Stop.PAUSED])
def test_write_that_slept_in_a_node_is_not_carried_out(stop: Stop) -> None:
    """Its client gave up long ago, and somebody else wrote. Its deadline slept as well."""

    async def story(world: World) -> None:
        process = world.process("c:3")
        world.freeze(process, stop)
        late = asyncio.ensure_future(put(world, "c:3", "late", timeout_s=60.0))
        await asyncio.sleep(4.0)
        await put(world, "a:1", "new")
        world.thaw(process)
        with pytest.raises(PeerRejected) as caught:
            await late
        assert isinstance(caught.value.reason, NotReady)
        await until(world.is_whole)
        assert {await get(world, name) for name in MEMBERS} == {"new"}
        assert await put(world, "c:3", "after") == 3

    played(story)


def test_machine_that_does_not_know_that_it_slept_loses_no_write() -> None:
    """Its wall clock was not set right yet. Whom it sends a write, takes that for an old one.

    It was acknowledged all the same, in a version of before, and was gone a moment later.
    """

    async def story(world: World) -> None:
        process = world.process("c:3")
        world.freeze(process, Stop.PAUSED)
        await asyncio.sleep(40.0)
        assert await put(world, "a:1", "new") == 2
        world.machines["c:3"].clock_offset_ms -= (world.loop.now_s - process.life.held_s) * 1000
        world.thaw(process)
        await asyncio.sleep(0.01)
        await put(world, "c:3", "newer")
        await until(world.is_whole)
        assert {await get(world, name) for name in MEMBERS} == {"newer"}

    played(story)


def test_node_takes_no_write_with_a_clock_that_jumped_days_ahead() -> None:
    """Not one that others refuse: it stops before the first, and goes on once it is set right."""

    async def story(world: World) -> None:
        await put(world, "a:1", "before")
        world.machines["c:3"].clock_offset_ms += 3 * 86_400_000
        for _ in range(3):
            with pytest.raises(PeerRejected):
                await put(world, "c:3", "mad")
            await asyncio.sleep(0.2)
        assert await put(world, "a:1", "sane") == 2
        world.machines["c:3"].clock_offset_ms = 0.0
        await until(world.is_whole)
        assert await get(world, "c:3") == "sane"

    played(story)


def test_clocks_that_are_set_days_ahead_one_by_one_leave_no_two_clusters() -> None:
    """Whoever is set first stops until somebody follows; then the last stops until it is set."""

    async def story(world: World) -> None:
        took: list[list[bool]] = []
        for name in (*MEMBERS, ""):
            done = await asyncio.gather(
                *[put(world, each, "v", 2.0) for each in MEMBERS], return_exceptions=True
            )
            took.append([not isinstance(answer, BaseException) for answer in done])
            if name:
                world.machines[name].clock_offset_ms += 3 * 86_400_000
                await asyncio.sleep(1.0)
        assert took == [[True] * 3, [False, True, True], [True, True, False], [True] * 3]

    played(story)
