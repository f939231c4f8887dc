"""What older nodes would ignore is not sent to them: a condition ignored is a value overwritten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from kvcluster import AsyncClient, Client, Unavailable
from tests.client.deciding_node import DecidingCluster
from tests.client.fake_node import FakeCluster

Work = Callable[[AsyncClient], Coroutine[Any, Any, object]]
WORKS: list[Work] = [
    lambda it: it.put("k", "2", if_absent=True),
    lambda it: it.put("k", "2", if_value="1"),
    lambda it: it.put("k", "2", ttl_s=30),
    lambda it: it.put("k", "2", keep_ttl=True),
    lambda it: it.delete("k", if_value="1"),
    lambda it: it.get("k", linearizable=True),
    lambda it: it.update("k", lambda _: "2"),
    lambda it: it.touch("k", 30),
]


@pytest.mark.parametrize("number", range(len(WORKS)))
async def test_an_older_cluster_is_sent_none_of_it(cluster: FakeCluster, number: int) -> None:
    """It would carry out the put without its condition. What it knows goes on meanwhile."""
    async with AsyncClient(cluster.members, timeout_s=2.0) as client:
        await client.put("k", "1")
        with pytest.raises(Unavailable, match=r"localhost:\d+ is too old for conditions"):
            await WORKS[number](client)
        assert cluster.store == {"k": "1"}
        assert await client.get("k") == "1"
        assert await client.put_many({"a": "1", "b": "2"}) == 2


async def test_the_members_that_are_too_old_are_named(deciders: DecidingCluster) -> None:
    """The one that is asked may know it all, and pass it on to one that does not."""
    deciders.grow_old(True, "node-b:50052", "node-c:50053")
    async with AsyncClient(deciders.members, timeout_s=1.0) as client:
        with pytest.raises(Unavailable) as caught:
            await client.put("k", "1", if_absent=True)
        assert "node-b:50052, node-c:50053 are too old for conditions" in str(caught.value)
        assert "nothing was written" in str(caught.value)
        assert not [it for node in deciders.deciding for it in node.conditions]


async def test_members_are_asked_again_when_they_may_have_been_upgraded(
    deciders: DecidingCluster,
) -> None:
    """Nobody restarts a program because a cluster got newer; the operation that waits, too."""
    deciders.grow_old(False)
    async with AsyncClient(deciders.members, timeout_s=5.0) as client:
        put = asyncio.create_task(client.put("k", "1", if_absent=True))
        await asyncio.sleep(0.3)
        assert not put.done()
        deciders.grow_old(True)
        await put
        assert await client.get("k", linearizable=True) == "1"


async def test_what_older_nodes_know_is_not_held_up(deciders: DecidingCluster) -> None:
    """It is sent in the same moment, in the same order, without what they do not know."""
    deciders.grow_old(False)
    async with AsyncClient(deciders.members, timeout_s=3.0) as client:
        begun_s = time.monotonic()
        late = asyncio.create_task(client.put("late", "1", ttl_s=60))
        await asyncio.gather(*(client.put(f"k{n}", "1") for n in range(10)))
        assert time.monotonic() - begun_s < 2.0
        with pytest.raises(Unavailable, match="too old"):
            await late


def test_a_node_is_asked_once_whether_it_decides(deciders: DecidingCluster) -> None:
    """A question in front of each write would double what a write costs."""
    with Client(deciders.members) as client:
        client.put("k", "0")
        for number in range(50):
            client.put("k", str(number + 1), if_value=str(number))
        knocks = sum(node.calls.count("CheckHealth") for node in deciders.nodes)
        assert knocks <= len(deciders.nodes) + 1


async def test_puts_that_expire_are_kept_from_older_nodes_in_a_crate_too(
    cluster: FakeCluster, deciders: DecidingCluster
) -> None:
    """A put_many travels as one, without an object for each."""
    async with AsyncClient(cluster.members, timeout_s=0.5) as client:
        with pytest.raises(Exception, match="3 of 3 puts failed"):
            await client.put_many({"a": "1", "b": "2", "c": "3"}, ttl_s=60)
        assert cluster.store == {}
    async with AsyncClient(deciders.members) as client:
        assert await client.put_many({f"k{n}": "1" for n in range(1_000)}, ttl_s=60) == 1_000
        assert len(deciders.shelf.expiries) == 1_000
        assert set(deciders.calls()) == {"Batch"}
