"""Nodes that are no members here: told of while they call, and forgotten when they do not."""

from __future__ import annotations

import asyncio

import pytest

from kvcluster.errors import ConfigurationDiffers
from tests.cluster.memory import MemoryCluster, in_cluster

from demo_pb2 import HealthCheckRequest, Heartbeat


def call(cluster: MemoryCluster, stranger: str) -> None:
    """A stranger's heartbeat, which is refused."""
    beat = Heartbeat(node=stranger, incarnation=1)
    with pytest.raises(ConfigurationDiffers):
        cluster["a:1"].health(HealthCheckRequest(sender=beat))


def told(cluster: MemoryCluster) -> set[str]:
    """The strangers that the status tells of."""
    return {m.state.node for m in cluster["a:1"].status().members} - {"b:2", "c:3"}


@in_cluster
async def test_stranger_that_calls_no_more_is_forgotten(cluster: MemoryCluster) -> None:
    """One that was mended, or a forged name, does not stand in the status for ever."""
    for _ in range(4):
        call(cluster, "x:9")
        await asyncio.sleep(30)
        assert told(cluster) == {"x:9"}
    await asyncio.sleep(31)
    assert told(cluster) == set()


@in_cluster
async def test_many_strangers_leave_room_for_the_next_once_they_are_gone(
    cluster: MemoryCluster,
) -> None:
    """A crowd of made-up names must not hide a real misconfigured node for ever."""
    for number in range(50):
        call(cluster, f"forged:{number}")
    call(cluster, "real:1")
    assert len(told(cluster)) == 16
    assert "real:1" not in told(cluster)
    await asyncio.sleep(61)
    call(cluster, "real:1")
    assert told(cluster) == {"real:1"}
