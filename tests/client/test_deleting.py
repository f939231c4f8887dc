"""delete_many, delete_prefix and exists, of both clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count

import grpc
import pytest

from kvcluster import (
    AsyncClient,
    BadRequest,
    Client,
    DeletedMany,
    Incomplete,
    SomeFailed,
    Unavailable,
)
from tests.client.fake_node import LOST, FakeCluster


def _letters(count: int) -> dict[str, str]:
    return {f"key {number:05}": str(number) for number in range(count)}


def test_many_deletes_say_how_many_were_there(cluster: FakeCluster, client: Client) -> None:
    """One that is not there is no error, as with delete; and they cost few calls."""
    cluster.store.update(_letters(5_000), other="1")
    keys = (key for key in [*_letters(5_000), "nothing"])
    assert client.delete_many(keys) == DeletedMany(keys=5_001, found=5_000)
    assert cluster.store == {"other": "1"}
    assert sum(node.calls.count("Delete") + len(node.batches) for node in cluster.nodes) < 40
    assert client.delete_many([]) == DeletedMany(0, 0)


def test_deletes_that_fail_are_told_by_key(cluster: FakeCluster, client: Client) -> None:
    """The others are done, and what was there is counted all the same."""
    cluster.store.update(a="1", b="2", lost="3")
    for node in cluster.nodes:
        node.refuses["lost"] = [LOST]
    with pytest.raises(SomeFailed, match="3 of 6 deletes failed") as caught:
        client.delete_many(["a", "", "lost", "b", 4, "nothing"])  # type: ignore[list-item]
    failed = caught.value
    assert (failed.done, failed.failed, failed.found) == (3, 3, 2)
    assert sorted(failed.failures) == ["", "4", "lost"]
    assert cluster.store == {"lost": "3"}


@pytest.mark.parametrize("keys", ["abc", b"abc", 7, None])
def test_what_gives_no_keys_is_refused(cluster: FakeCluster, client: Client, keys: object) -> None:
    """A string is an iterable, too: of keys that nobody meant."""
    cluster.store.update(a="1")
    with pytest.raises(BadRequest, match="wanted an iterable of keys"):
        client.delete_many(keys)  # type: ignore[arg-type]
    assert cluster.store == {"a": "1"}


def test_only_what_begins_with_the_prefix_is_deleted(cluster: FakeCluster, client: Client) -> None:
    """All of it, however many pages there are, while pages behind are still to come."""
    cluster.store.update(_letters(5_000), kez="1", ke="2")
    assert client.delete_prefix("key ") == DeletedMany(5_000, 5_000)
    assert client.delete_prefix("key ") == DeletedMany(0, 0)
    assert cluster.store == {"kez": "1", "ke": "2"}


def test_the_empty_prefix_must_be_meant(cluster: FakeCluster, client: Client) -> None:
    """A variable that was not set must not empty a store."""
    cluster.store.update(a="1", b="2")
    with pytest.raises(BadRequest, match=r"every key; say everything=True if you mean it"):
        client.delete_prefix("")
    with pytest.raises(BadRequest, match="a prefix is a string, not NoneType"):
        client.delete_prefix(None, everything=True)  # type: ignore[arg-type]
    assert len(cluster.store) == 2
    assert client.delete_prefix("", everything=True) == DeletedMany(2, 2)
    assert not cluster.store


def test_a_prefix_with_holes_is_deleted_as_far_as_it_was_found(
    cluster: FakeCluster, client: Client
) -> None:
    """Nobody may believe that nothing is left."""
    cluster.store.update(a1="1", a2="2")
    for node in cluster.nodes:
        node.scan.missing.missing_slots = 1
    with pytest.raises(Incomplete):
        client.delete_prefix("a", timeout_s=1)
    assert not cluster.store


async def test_the_asynchronous_client_does_the_same(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """Its keys may come from an asynchronous source as well."""
    cluster.store.update(_letters(3_000), a="1", b="2", c="3")

    async def slowly() -> AsyncIterator[str]:
        for key in ("a", "nothing"):
            await asyncio.sleep(0)
            yield key

    assert await aclient.delete_many(slowly()) == DeletedMany(2, 1)
    assert await aclient.delete_many(["b"]) == DeletedMany(1, 1)
    with pytest.raises(BadRequest, match="everything=True"):
        await aclient.delete_prefix("")
    assert await aclient.delete_prefix("key ") == DeletedMany(3_000, 3_000)
    assert cluster.store == {"c": "3"}
    assert await aclient.delete_prefix("", everything=True) == DeletedMany(1, 1)


async def test_keys_are_not_taken_ahead_of_what_is_done(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """A source without end would fill the memory."""
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        for number in count():
            taken += 1
            yield str(number)

    cluster.hang("Batch")
    deleting = asyncio.ensure_future(aclient.delete_many(endless()))
    await asyncio.to_thread(cluster.arrived.wait, 10)
    assert 500 <= taken <= 9_000
    deleting.cancel()
    await asyncio.gather(deleting, return_exceptions=True)
    cluster.release()


async def test_a_key_exists_or_not(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """An empty value is one; and a node that cannot say so is no "no"."""
    cluster.store.update(a="")
    assert await aclient.exists("a") is True
    assert await aclient.exists("b") is False
    with Client(cluster.members) as client:
        assert await asyncio.to_thread(client.exists, "a")
        assert not await asyncio.to_thread(client.exists, "b")
    for node in cluster.nodes:
        node.failures["Get"] = (grpc.StatusCode.UNAVAILABLE, "Socket closed")
    with pytest.raises(Unavailable):
        await aclient.exists("b", timeout_s=0.5)
