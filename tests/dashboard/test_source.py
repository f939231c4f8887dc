"""Asking a node over gRPC: real sockets, and nodes that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.dashboard.source import Network
from tests.client.fake_node import FakeCluster

_ENOUGH_ASKED = 20


@pytest.fixture(scope="module")
def cluster() -> Iterator[FakeCluster]:
    """Two nodes."""
    cluster = FakeCluster(2)
    yield cluster
    cluster.close()


async def test_a_node_is_asked_for_itself(cluster: FakeCluster) -> None:
    """Another node would answer for the one that is meant."""
    cluster.store["city"] = "x"
    first, second = cluster.addresses
    source = Network((first,), 5.0)
    assert (await source.status(second)).node == second
    assert (await source.get_at(second, "city")).served_by == second
    assert cluster.nodes[0].calls == []
    await source.close()


async def test_what_a_person_asks_goes_through_the_library(cluster: FakeCluster) -> None:
    """Puts and gets would know nothing of other nodes when one fails."""
    source = Network(tuple(cluster.addresses), 5.0)
    stored = await source.client.put("k", "v")
    assert stored.acknowledged == 3
    assert await source.client.get("k") == "v"
    assert (await source.client.delete("k")).found
    assert await source.client.get("k") is None
    await source.close()


async def test_nobody_there_is_told_from_silence(cluster: FakeCluster) -> None:
    """A stopped node and a frozen one need different hands."""
    node = cluster.nodes[0]
    source = Network((node.address,), 5.0)
    with pytest.raises(CallFailed) as gone:
        await source.status("localhost:1")
    assert gone.value.kind is FailureKind.UNREACHABLE
    await source.close()
    source = Network((node.address,), 0.2)
    node.hangs = {"Status"}
    with pytest.raises(CallFailed) as silent:
        await source.status(node.address)
    assert silent.value.kind is FailureKind.TIMED_OUT
    node.hangs = set()
    node.release.set()
    await source.close()


async def test_after_silence_it_is_asked_on_a_new_connection() -> None:
    """A connection that a cut has silenced would hide for minutes that the node is back."""
    cluster = FakeCluster(1)
    (node,) = cluster.nodes
    node.hangs = {"Status"}
    source = Network((node.address,), 0.2)
    for _ in range(_ENOUGH_ASKED):  # a busy machine may not even connect within the deadline
        if len(node.callers) < 2:
            with pytest.raises(CallFailed):
                await source.status(node.address)
    await source.close()
    cluster.close()
    assert len(node.callers) == 2


async def test_a_question_can_be_given_up(cluster: FakeCluster) -> None:
    """To quit would take as long as a frozen node is silent."""
    node = cluster.nodes[1]
    node.hangs = {"Status"}
    source = Network((node.address,), 60.0)
    question = asyncio.ensure_future(source.status(node.address))
    await asyncio.to_thread(node.arrived.wait, 10)
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question
    await source.close()
    node.release.set()
