"""Whoever missed a write is told so before the client hears of it, or counts as cut off."""

from __future__ import annotations

import asyncio

import pytest

from kvcluster.errors import PeerBroke
from kvcluster.model.readiness import Status
from tests.cluster.memory import MemoryCluster, in_cluster
from tests.cluster.test_forwarding import in_parts

from demo_pb2 import HealthCheckRequest, HealthCheckResponse

TWO = ("a:1", "b:2")


async def timed_put(cluster: MemoryCluster, value: str) -> tuple[int, float]:
    """Put through a node; how many acknowledged, and how long it took."""
    now_s = asyncio.get_running_loop().time
    started_s = now_s()
    acknowledged = await cluster.put("a:1", "k", value)
    return acknowledged, now_s() - started_s


@pytest.mark.parametrize("delay_s", [0.2, 0.33, 0.4, 0.45])
def test_peer_behind_a_slow_way_is_told_before_the_answer(delay_s: float) -> None:
    """Its disk hangs, its heartbeats take most of a second, and it answers nothing old."""

    @in_parts(TWO, replicas=2)
    async def test(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", "k", "old")
        cluster.network.delay_s = delay_s
        await asyncio.sleep(5)
        cluster.network.stuck.add("b:2")
        assert await cluster.put("a:1", "k", "new") == 1
        assert cluster["b:2"].gate.status is Status.SYNCING

    test()


@in_cluster
async def test_peer_that_hangs_costs_one_write_a_second_and_a_half(cluster: MemoryCluster) -> None:
    """A second for its copy, and as much more as it takes to call it silent; the next is free."""
    cluster.network.isolate("b:2")
    acknowledged, took_s = await timed_put(cluster, "v")
    assert acknowledged == 2
    assert took_s < 1.7
    assert cluster.sees("a:1", "b:2") == "SUSPECT"
    acknowledged, took_s = await timed_put(cluster, "w")
    assert acknowledged == 2
    assert took_s < 0.1


@in_parts(TWO, replicas=2)
async def test_peer_that_cannot_be_told_counts_as_cut_off_before_the_answer(
    cluster: MemoryCluster,
) -> None:
    """No write waits for ever: what is neither told nor silent yet is counted on no longer."""
    node = cluster["a:1"]
    cluster.network.broken = {("a:1", "b:2"): PeerBroke, ("b:2", "a:1"): PeerBroke}
    node.peering.peers.answered("b:2", HealthCheckResponse(), behind=False)
    assert await cluster.put("a:1", "k", "v") == 1
    assert not node.peering.peers["b:2"].alive
    cluster.network.broken.clear()
    await cluster.until(cluster.is_whole, "both count on each other again")
    assert await cluster.put("a:1", "k", "w") == 2


@in_parts(TWO, replicas=2)
async def test_what_a_peer_tells_as_it_returns_is_not_excused_by_its_silence_before(
    cluster: MemoryCluster,
) -> None:
    """Found by the simulator: it had been away for just less than makes it dead, and its first word
    was forgotten a moment later, before our question could have been answered.
    """
    await cluster.put("a:1", "k", "old")
    await cluster.crash("b:2")
    await cluster.put("a:1", "k", "new")
    await cluster.crash("a:1")
    cluster.network.delay_s = 0.3
    await cluster.start("b:2")
    await asyncio.sleep(2.6)
    assert await cluster.get("b:2", "k") == "old"  # nobody is there who could tell it
    await cluster.start("a:1")
    await cluster.until(lambda: bool(cluster["b:2"].gate.owed("a:1")), "b is told")
    while cluster["b:2"].gate.status is not Status.SERVING:
        assert await cluster.get("b:2", "k") == "new"
        await asyncio.sleep(0.02)
    assert await cluster.get("b:2", "k") == "new"


@in_cluster
async def test_peer_that_caught_up_while_it_was_told_is_told_no_more(
    cluster: MemoryCluster,
) -> None:
    """Another holder told it, and it fetched the write: there is nothing left to tell."""
    cluster.network.stuck.add("b:2")
    cluster.network.resets += [("a:1", "b:2", "check_health")] * 15
    acknowledged, took_s = await timed_put(cluster, "v")
    assert acknowledged == 2
    assert took_s < 1.5
    assert cluster.sees("a:1", "b:2") == "ALIVE"
    assert await cluster.get("b:2", "k") == "v"


@in_cluster
async def test_peer_that_hears_that_it_is_counted_on_is_not_passed_by_a_moment_later(
    cluster: MemoryCluster,
) -> None:
    """Found by the simulator: paused for just less than makes it SUSPECT, it looked around, heard
    that all is well, and served, while the silence before went on to count. But whoever goes on
    calling, and never answers, is behind a one-way cut.
    """
    peers, now_s = cluster["b:2"].peering.peers, asyncio.get_running_loop().time
    silent_s = peers["c:3"].detector.silent_s
    await cluster.until(lambda: silent_s(now_s()) < 0.01, "it answered just now")
    cluster.network.stuck_calls |= {
        ("b:2", "c:3", "check_health"),
        ("c:3", "b:2", "check_health"),
    }
    await cluster.until(lambda: silent_s(now_s()) > 1.4, "it is silent")
    calls_s = now_s()
    while cluster.sees("b:2", "c:3") == "ALIVE":
        beat = cluster["c:3"].peering.heartbeats._own_beat("b:2")
        cluster["b:2"].health(HealthCheckRequest(sender=beat))
        await asyncio.sleep(0.1)
    assert 1.4 < now_s() - calls_s < 1.8
