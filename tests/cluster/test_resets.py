"""Connections that break say nothing of the peer: it is neither excused nor passed by."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kvcluster.errors import (
    ConnectionLost,
    OutcomeUnknown,
    PeerBroke,
    PeerRejected,
    PeerUnconnected,
)
from kvcluster.model.readiness import Status
from tests.cluster.memory import MemoryCluster, in_cluster
from tests.cluster.test_forwarding import homes, in_parts

from demo_pb2 import HealthCheckRequest

HOW = (PeerBroke, PeerUnconnected)


async def b_owes(cluster: MemoryCluster) -> None:
    """One node missed a write, is back, knows it, and cannot fetch it yet."""
    await cluster.put("a:1", "k", "old")
    await cluster.stop("b:2")
    await cluster.put("a:1", "k", "new")
    cluster.network.stuck_methods.add("pull")
    await cluster.start("b:2")
    await cluster.until(lambda: bool(cluster["b:2"].gate.owed("a:1")), "b owes")


def reset_all_from(cluster: MemoryCluster, name: str, how: type[PeerBroke]) -> None:
    """From now on every connection that a node makes breaks."""
    others = [other for other in cluster.members if other != name]
    cluster.network.broken = {(name, other): how for other in others}


def beats(cluster: MemoryCluster, caller: str, callee: str) -> int:
    """How many heartbeats one node has sent another."""
    return cluster.network.sent.count((caller, callee, "check_health"))


@pytest.mark.parametrize("how", HOW)
def test_reset_while_a_node_catches_up_excuses_no_debt(how: type[PeerBroke]) -> None:
    """It would answer reads without what it knows that it missed."""

    @in_cluster
    async def test(cluster: MemoryCluster) -> None:
        await b_owes(cluster)
        for _ in range(10):
            reset_all_from(cluster, "b:2", how)
            await asyncio.sleep(0.6)
            cluster.network.broken.clear()
            assert cluster["b:2"].gate.status is Status.SYNCING
            assert await cluster.get("b:2", "k") == "new"
        cluster.network.stuck_methods.clear()
        await cluster.until_serving()

    test()


@pytest.mark.parametrize("how", HOW)
def test_reset_at_a_start_excuses_nobody(how: type[PeerBroke]) -> None:
    """The first heartbeats of a node that returns break: it goes on asking before it serves."""

    @in_cluster
    async def test(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", "k", "old")
        await cluster.stop("b:2")
        await cluster.put("a:1", "k", "new")
        reset_all_from(cluster, "b:2", how)
        await cluster.start("b:2")
        await asyncio.sleep(2)
        assert cluster["b:2"].gate.status is Status.STARTING
        cluster.network.broken.clear()
        assert await cluster.get("b:2", "k") == "new"

    test()


@in_cluster
async def test_connection_that_breaks_for_ever_ends_as_silence_does(cluster: MemoryCluster) -> None:
    """A proxy whose backend is dead accepts and resets: nobody waits for ever, or asks madly."""
    await cluster.stop("b:2")
    reset_all_from(cluster, "b:2", PeerUnconnected)
    started_s = asyncio.get_running_loop().time()
    await cluster.start("b:2")
    assert await cluster.put("b:2", "k", "alone", timeout_s=10) == 1
    assert asyncio.get_running_loop().time() - started_s < 4
    assert beats(cluster, "b:2", "a:1") < 150
    await asyncio.sleep(10)
    assert beats(cluster, "b:2", "a:1") < 250


@in_cluster
async def test_peer_whose_heartbeat_broke_gets_every_write(cluster: MemoryCluster) -> None:
    """It lives and serves: a write that passed it by would not be seen there."""
    for turn in range(20):
        cluster.network.resets.append(("a:1", "b:2", "check_health"))
        await cluster.until(lambda: not cluster.network.resets, "a heartbeat broke", step_s=0.0005)
        assert cluster.sees("a:1", "b:2") == "ALIVE"
        assert await cluster.put("a:1", "k", str(turn)) == 3


@in_cluster
async def test_replicate_that_broke_is_sent_again(cluster: MemoryCluster) -> None:
    """Whether it had arrived or not: the peer is not left behind, and the write counts once."""
    for turn in range(10):
        broken = cluster.network.late_resets if turn % 2 else cluster.network.resets
        broken.append(("a:1", "b:2", "replicate"))
        assert await cluster.put("a:1", "k", str(turn)) == 3
        assert not broken
        assert not cluster["a:1"].peering.peers["b:2"].lagging


@in_cluster
async def test_peer_that_cannot_be_reached_again_is_told_before_the_answer(
    cluster: MemoryCluster,
) -> None:
    """Every Replicate breaks and now and then a heartbeat passes: it has to hear of its hint."""
    await cluster.put("a:1", "k", "old")
    cluster.network.cut("b:2", "c:3")  # the other holder cannot tell it
    cluster.network.resets += [("a:1", "b:2", "replicate")] * 100
    cluster.network.resets += [("a:1", "b:2", "check_health")] * 20
    assert await cluster.put("a:1", "k", "new") == 2
    assert await cluster.get("b:2", "k") == "new"


@in_cluster
async def test_catching_up_and_anti_entropy_go_on_where_a_connection_broke(
    cluster: MemoryCluster,
) -> None:
    """The page is asked for again; neither begins anew, or a node behind a bad way never serves."""
    await cluster.stop("c:3")
    await cluster.put("a:1", "k", "v")
    for method in ("pull", "confirm_pull", "compare", "pull_differences"):
        cluster.network.resets.append(("c:3", "a:1", method))
        cluster.network.late_resets.append(("c:3", "a:1", method))
    await cluster.start("c:3")
    await cluster.until_serving()
    assert await cluster.get("c:3", "k") == "v"
    cluster.network.resets[:] = [c for c in cluster.network.resets if c[2] != "pull_differences"]
    totals = cluster["c:3"].repair.progress.totals
    assert totals.failed_catch_ups == totals.failed_visits == 0


@in_cluster
async def test_answer_to_a_heartbeat_that_is_no_refusal_excuses_nobody(
    cluster: MemoryCluster,
) -> None:
    """Something between them says no, or the peer is beside itself: it may have what we miss."""
    await b_owes(cluster)
    ask = cluster["b:2"]._transport.ask

    async def reject(peer: str, request: Any, timeout_s: float) -> Any:
        if isinstance(request, HealthCheckRequest):
            raise PeerRejected(OutcomeUnknown("Received RST_STREAM with error code 2"))
        return await ask(peer, request, timeout_s)

    cluster["b:2"]._transport.ask = reject  # type: ignore[method-assign]
    await asyncio.sleep(1)
    assert cluster["b:2"].gate.status is Status.SYNCING
    cluster["b:2"]._transport.ask = ask  # type: ignore[method-assign]
    cluster.network.stuck_methods.clear()
    assert await cluster.get("b:2", "k") == "new"


@in_parts()
async def test_read_whose_connection_broke_is_asked_again(cluster: MemoryCluster) -> None:
    """All three replicas live; that each of their connections broke is no reason to give up."""
    holders, (asked, *_) = homes(cluster, "k")
    await cluster.put(asked, "k", "v")
    cluster.network.resets += [(asked, holder, "forward") for holder in holders]
    assert await cluster.get(asked, "k") == "v"
    assert not cluster.network.resets


@in_parts()
async def test_write_that_found_no_connection_goes_to_the_next_replica(
    cluster: MemoryCluster,
) -> None:
    """Nothing was delivered, for certain, though nothing is known of whoever is there."""
    holders, (asked, *_) = homes(cluster, "k")
    cluster.network.broken = {(asked, holder): PeerUnconnected for holder in holders[:2]}
    assert await cluster.put(asked, "k", "v") == 3
    assert cluster.sees(asked, holders[0]) == "ALIVE"
    cluster.network.broken = {(asked, holder): PeerUnconnected for holder in holders}
    written = asyncio.ensure_future(cluster.put(asked, "k", "w"))
    await asyncio.sleep(0.5)
    assert not written.done()
    cluster.network.broken.clear()
    assert await written == 3


@in_parts()
async def test_write_whose_connection_broke_is_not_sent_again(cluster: MemoryCluster) -> None:
    """It may have been carried out; a second one could undo what was written in between."""
    holders, (asked, *_) = homes(cluster, "k")
    cluster.network.late_resets.append((asked, holders[0], "forward"))
    with pytest.raises(ConnectionLost):
        await cluster.put(asked, "k", "v")
    forwarded = [call for call in cluster.network.sent if call[2] == "forward"]
    assert len(forwarded) == 1
