"""Wall clocks that jump: what is last stays last, and what is old stays old.

A node's clock that was an hour ahead for a moment takes the whole cluster's versions with it, and
the walls of all nodes are behind them for an hour.
"""

from __future__ import annotations

import asyncio

import pytest

from kvcluster.errors import ClockAbsurd, HeldBack
from tests.cluster.memory import MemoryCluster, in_cluster
from tests.cluster.test_forwarding import homes, in_parts
from tests.storage.fake_disk import FakeDisk
from tests.storage.virtual_loop import VirtualLoop

from demo_pb2 import Entry, ReplicateRequest

HOUR_MS = 3_600_000


async def be_ahead_for_a_moment(cluster: MemoryCluster) -> None:
    """The clock of one node jumps an hour ahead, everybody hears of it, and it is set right."""
    await cluster.set_clock("a:1", HOUR_MS)
    await cluster.put("a:1", "jump", "ahead")
    await asyncio.sleep(2)
    await cluster.set_clock("a:1", 0)


@in_cluster
async def test_last_writer_wins_across_a_cut_after_a_clock_was_ahead(
    cluster: MemoryCluster,
) -> None:
    """The busier side of a cut does not win over a write that came seconds later on the other."""
    await be_ahead_for_a_moment(cluster)
    cluster.network.isolate("c:3")
    for number in range(100):
        await cluster.put("a:1", f"busy{number}", "v")
    await cluster.put("a:1", "k", "first", timeout_s=10)
    await asyncio.sleep(1)
    await cluster.put("c:3", "k", "second", timeout_s=10)
    cluster.network.heal()
    await cluster.until_equal()
    assert await cluster.get("a:1", "k") == "second"


@in_cluster
async def test_held_back_message_is_refused_after_a_clock_was_ahead(
    cluster: MemoryCluster,
) -> None:
    """A message grows old even while the walls are behind the versions: nobody writes meanwhile."""
    await be_ahead_for_a_moment(cluster)
    await cluster.put("a:1", "k", "v")
    old = cluster.held("a:1")["k"][1]
    late = ReplicateRequest(entries=[Entry(key="late", value="v", version=old)])
    cluster.stamped(late, "a:1", int.from_bytes(old[:8], "big"))
    await asyncio.sleep(40)
    with pytest.raises(HeldBack):
        await cluster["b:2"].writing.replica.replicate(late, asyncio.get_running_loop().time() + 5)


@in_cluster
async def test_clock_that_jumps_an_hour_costs_no_call(cluster: MemoryCluster) -> None:
    """Ahead or back, each node takes writes and reads at once, and everybody sees the last.

    (But who writes to the node itself in the moment in which it is set ahead is told to try again:
    it may have been paused.)
    """
    for offset_ms in (HOUR_MS, 0, -HOUR_MS, 0):
        await cluster.set_clock("a:1", offset_ms)
        for name in ("b:2", "a:1", "c:3"):
            await cluster.put(name, "k", f"{name} {offset_ms}")
        assert await cluster.get("b:2", "k") == f"c:3 {offset_ms}"
    await cluster.until_equal()


@in_parts()
async def test_node_that_has_not_heard_of_a_jump_forwards_all_the_same(
    cluster: MemoryCluster,
) -> None:
    """The replicas take what it sends for old, until it has heard their clock: it tries again."""
    replicas, others = homes(cluster, "k")
    for offset_ms in (600, 1_200, 1_800):  # in steps, or it would look around, and tell them
        await cluster.set_clock(replicas[0], offset_ms)
    assert await cluster.put(replicas[0], "k", "ahead") == 3
    assert await cluster.get(others[0], "k") == "ahead"
    assert await cluster.put(others[1], "k", "after") == 3
    assert await cluster.get(replicas[1], "k") == "after"


async def start_off(cluster: MemoryCluster, offset_ms: int, *, empty: bool = False) -> None:
    """One node starts with a clock that is off, and finds out."""
    if "c:3" in cluster.network.nodes:
        await cluster.stop("c:3")
    if empty:
        cluster.disks["c:3"] = FakeDisk()
    cluster.clock_offset_ms["c:3"] = offset_ms
    await cluster.start("c:3")
    await cluster.until(lambda: "another clock" in cluster["c:3"].gate.reason, "it is told")


@in_cluster
async def test_node_whose_clock_is_over_a_day_ahead_does_not_begin_to_serve(
    cluster: MemoryCluster,
) -> None:
    """Alone it would take writes that nobody can have, and that win over all that come after."""
    await start_off(cluster, 30 * HOUR_MS)
    with pytest.raises(ClockAbsurd, match="another clock than that of a:1, b:2"):
        await cluster.put("c:3", "k", "odd")
    with pytest.raises(ClockAbsurd):
        await cluster.get("c:3", "k")


@pytest.mark.parametrize("before", ["clean", "killed"])
@pytest.mark.parametrize("then", ["runs on", "restarts"])
def test_node_whose_clock_was_ahead_joins_once_it_is_set_right(before: str, then: str) -> None:
    """It took no write, so no version of it is ahead: nothing need be moved away.

    After a kill it writes a checkpoint as it starts, which once kept the mad time for good.
    """

    @in_cluster
    async def play(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", "k", "before")
        if before == "killed":
            await cluster.crash("c:3")
            await cluster.start("c:3")
            await cluster.until(cluster.is_whole, "it is back")
            await cluster.put("a:1", "k", "and after")
            await cluster.crash("c:3")
        await start_off(cluster, 30 * HOUR_MS)
        await asyncio.sleep(5)
        await cluster.set_clock("c:3", 0)
        if then == "restarts":
            await cluster.crash("c:3")
            await cluster.start("c:3")
        await cluster.until(cluster.is_whole, "it joined")
        assert await cluster.put("c:3", "k", "right") == 3

    play()


@in_cluster
async def test_node_to_which_nobody_writes_remembers_the_time(cluster: MemoryCluster) -> None:
    """Days after its last write a power cut takes its clock: its disk tells it that of the others.

    It once took their clocks for absurd, and waited for somebody to set its own.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    for _ in range(5):
        loop.skip(6 * 3_600.0)
        await asyncio.sleep(1)
        await cluster.until(cluster.is_whole, "they have looked around")
    await cluster.crash("c:3")
    cluster.clock_offset_ms["c:3"] = -30 * 24 * HOUR_MS
    await cluster.start("c:3")
    await cluster.until(cluster.is_whole, "it joined")


@in_cluster
async def test_node_whose_clock_is_behind_its_own_disk_joins_at_once(
    cluster: MemoryCluster,
) -> None:
    """A dead battery: what it wrote itself tells it that the others' clocks are not absurd.

    It once refused them, and they it, until somebody set its clock.
    """
    await cluster.put("a:1", "k", "before")
    await cluster.stop("c:3")
    cluster.clock_offset_ms["c:3"] = -30 * HOUR_MS
    await cluster.start("c:3")
    await cluster.until(cluster.is_whole, "it joined")
    assert await cluster.put("c:3", "k", "behind") == 3
    assert await cluster.get("a:1", "k") == "behind"
    await cluster.set_clock("c:3", 0)
    await cluster.until(cluster.is_whole, "it looked around")
    assert await cluster.put("a:1", "k", "set right") == 3
    assert await cluster.get("c:3", "k") == "set right"


@in_cluster
async def test_empty_node_whose_clock_is_over_a_day_behind_joins_once_it_is_set_right(
    cluster: MemoryCluster,
) -> None:
    """Nothing on its disk tells it better. Those whose clocks agree go on without it."""
    await start_off(cluster, -30 * HOUR_MS, empty=True)
    for name in ("a:1", "b:2"):
        assert await cluster.put(name, "k", name) == 2
        assert await cluster.get(name, "k") == name
    with pytest.raises(ClockAbsurd):
        await cluster.put("c:3", "k", "odd")
    await cluster.set_clock("c:3", 0)
    await cluster.until(cluster.is_whole, "it joined")
    assert await cluster.get("c:3", "k") == "b:2"


@pytest.mark.parametrize("behind", [("a:1", "b:2", "c:3"), ("a:1", "b:2")])
def test_clocks_behind_what_is_on_disk_keep_no_node_from_serving(behind: tuple[str, ...]) -> None:
    """After a power cut boards without a hardware clock start days behind what they wrote.

    They once refused each other; one, which one was chance, served alone.
    """

    @in_cluster
    async def play(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", "k", "before")
        await cluster.crash(*behind)
        for turn, name in enumerate(behind):
            cluster.clock_offset_ms[name] = -(72 + turn) * HOUR_MS
        await cluster.start(*behind)
        await cluster.until(cluster.is_whole, "all serve")
        await see_everywhere(cluster, "while they are behind")
        for name in behind:
            await cluster.set_clock(name, 0)
            await cluster.until(cluster.is_whole, "it looked around")
            await see_everywhere(cluster, f"{name} is set right")
        await cluster.until_equal()

    play()


async def see_everywhere(cluster: MemoryCluster, what: str) -> None:
    """Each node takes a write, which all hold and each shows at once."""
    for writer in cluster.members:
        assert await cluster.put(writer, "k", f"{what}, {writer}") == 3
        for reader in cluster.members:
            assert await cluster.get(reader, "k") == f"{what}, {writer}"


@in_cluster
async def test_whole_cluster_that_was_ahead_works_after_its_clocks_are_set_right(
    cluster: MemoryCluster,
) -> None:
    """Days in the future they wrote, or a copy of their files was made; all remember that time."""
    for name in cluster.members:
        await cluster.set_clock(name, 72 * HOUR_MS)
    await cluster.until(cluster.is_whole, "they agree")
    await see_everywhere(cluster, "ahead")
    await cluster.stop(*cluster.members)
    for name in cluster.members:
        cluster.clock_offset_ms[name] = 0
    await cluster.start()
    await cluster.until(cluster.is_whole, "all serve")
    await see_everywhere(cluster, "set right")


@in_cluster
async def test_peer_that_refused_a_node_and_fell_silent_keeps_it_from_nothing(
    cluster: MemoryCluster,
) -> None:
    """Who is not heard any more is away, whatever it said last: the node that is left serves."""
    await start_off(cluster, 30 * HOUR_MS)
    await cluster.stop("a:1", "b:2")
    await cluster.start("a:1")
    await cluster.until(lambda: "another clock" in cluster["a:1"].gate.reason, "it is refused")
    cluster.network.isolate("c:3")
    await cluster.until_serving("a:1")
    assert await cluster.put("a:1", "k", "alone") == 1


@in_parts(replicas=2)
async def test_node_without_writes_writes_down_at_once_that_its_clock_was_set_far_ahead(
    cluster: MemoryCluster,
) -> None:
    """Found by the simulator: all clocks were set days ahead, and a power cut took the time again.
    The nodes that had written since knew it from their disks, and the one that had not waited.
    """
    await asyncio.sleep(5)
    for name in cluster.members:
        cluster.clock_offset_ms[name] = 60 * HOUR_MS
    await asyncio.sleep(5)
    await cluster.until(cluster.is_whole, "they agree")
    (writer, other), _ = homes(cluster, "k")
    assert await cluster.put(writer, "k", "v") == 2
    await cluster.crash(*cluster.members)
    for name in cluster.members:
        cluster.clock_offset_ms[name] = 0
    await cluster.start()
    await cluster.until(cluster.is_whole, "they agree again", 60)
    assert await cluster.get(other, "k") == "v"
