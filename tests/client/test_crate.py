"""Crates: put_many and get_many without an object a pair, and with all that they promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest

from kvcluster import AsyncClient, BadRequest, OutcomeUnknown, SomeFailed, Unavailable
from kvcluster.client.failure import UNREADABLE, Refusal
from kvcluster.client.parcel import replies_in
from kvcluster.client.pending import Allowance, to_delete, to_get, to_put
from kvcluster.model.entry import Version, following
from tests.client.fake_node import LOST, FakeCluster

from demo_pb2 import Failure, PutManyResponse, PutResponse, Result

_OLDER, _NEWER = "nodes without PutMany", "nodes with PutMany"
NOT_READY = Failure(code=14, message="not now", nothing_written=True, reason="NOT_READY")


@pytest.fixture(params=[_OLDER, _NEWER])
def cluster(request: pytest.FixtureRequest) -> Iterator[FakeCluster]:
    """Three nodes that work, be they older or newer."""
    cluster = FakeCluster(3)
    for node in cluster.nodes:
        node.knows_columns = request.param == _NEWER
    yield cluster
    cluster.close()


def _letters(count: int) -> dict[str, str]:
    return {f"key {number:05}": str(number) for number in range(count)}


@contextmanager
def _made() -> Iterator[list[str]]:
    """The keys of which operations were made."""
    keys: list[str] = []

    def noted(make: Any, key: str, *rest: object) -> Any:
        keys.append(key)
        return make(key, *rest)

    with (
        patch("kvcluster.client.many.to_put", partial(noted, to_put)),
        patch("kvcluster.client.many.to_get", partial(noted, to_get)),
        patch("kvcluster.client.many.to_delete", partial(noted, to_delete)),
    ):
        yield keys


async def test_nothing_is_made_of_a_pair_while_all_goes_well(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """It would be the dearest part of a put."""
    await aclient.get("a")  # now a node is at hand
    cluster.store.update(_letters(5_000))
    with _made() as keys:
        if cluster.nodes[0].knows_columns:
            assert await aclient.put_many(_letters(5_000)) == 5_000
        got = {key: value async for key, value in aclient.get_many(_letters(5_000))}
        assert got == cluster.store == _letters(5_000)
        deleted = await aclient.delete_many(_letters(6_000))
    assert (deleted.keys, deleted.found) == (6_000, 5_000)
    assert keys == []


async def test_what_is_refused_is_tried_elsewhere(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """And the rest of its crate is not put a second time."""
    await aclient.get("a")
    for node in cluster.nodes:
        node.refuses["key 00007"] = [NOT_READY]
    assert await aclient.put_many(_letters(100)) == 100
    assert cluster.store == _letters(100)
    assert sum(len(node.written) for node in cluster.nodes) == 100


async def test_what_fails_in_a_crate_is_told_by_its_key(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """Unknown stays unknown, and is tried again only where that is allowed."""
    await aclient.get("a")
    for node in cluster.nodes:
        node.refuses["key 00007"] = [LOST]
    with pytest.raises(SomeFailed) as caught:
        await aclient.put_many(_letters(100))
    assert (caught.value.done, caught.value.failed) == (99, 1)
    assert isinstance(caught.value.failures["key 00007"], OutcomeUnknown)
    assert "key 00007" not in cluster.store
    for node in cluster.nodes:
        node.refuses["key 00007"] = [LOST]
    assert await aclient.put_many(_letters(100), retry_unknown=True) == 100
    assert cluster.store == _letters(100)


async def test_a_crate_that_is_not_answered_is_unknown_at_its_timeout(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """All of it was sent; what still waits for its turn was not."""
    await aclient.get("a")
    cluster.hang("Batch", "PutMany")
    with pytest.raises(SomeFailed) as caught:
        await aclient.put_many(_letters(2_000), timeout_s=0.3)
    assert caught.value.failed == 2_000
    kinds = [type(error) for error in caught.value.failures.values()]
    assert kinds.count(OutcomeUnknown) == 1_000
    cluster.release()


async def test_crates_are_cut_to_what_a_node_takes(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """Nodes have settings of their own."""
    await aclient.get("a")
    for node in cluster.nodes:
        node.batch_limit = node.columns_limit = 100
    assert await aclient.put_many(_letters(3_000)) == 3_000
    assert cluster.store == _letters(3_000)
    with _made() as keys:
        got = [key async for key, _ in aclient.get_many(_letters(500))]
    assert len(got) == 500
    assert not keys


async def test_an_answer_that_does_not_fit_leaves_all_unknown(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """Nobody knows of which of them it tells."""
    await aclient.get("a")
    for node in cluster.nodes:
        node.cut_results = True
    with pytest.raises(SomeFailed) as caught:
        await aclient.put_many(_letters(10))
    assert caught.value.failed == 10
    assert all(isinstance(it, OutcomeUnknown) for it in caught.value.failures.values())


async def test_a_silent_node_does_not_keep_a_crate_of_gets(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """After a second another one is asked, as for any get."""
    cluster.store.update(_letters(100))
    await aclient.get("a")
    (current,) = [node for node in cluster.nodes if "Get" in node.calls]
    current.hangs = {"Batch", "PutMany"}
    got = {key: value async for key, value in aclient.get_many(_letters(100), timeout_s=30)}
    assert got == _letters(100)
    current.release.set()


async def test_a_single_put_and_a_crate_keep_their_order(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """Whichever was begun first, and though they share a key with others on their way."""
    await aclient.get("a")  # now all of them go to one node
    puts = []
    for number in range(50):
        pairs = {f"{place}": f"many {number}" for place in range(number % 7, number % 7 + 5)}
        puts.append(asyncio.ensure_future(aclient.put_many(pairs)))
        await asyncio.sleep(0)
        key = f"{number % 11}"
        puts.append(asyncio.ensure_future(aclient.put(key, f"one {number}")))  # type: ignore[arg-type]
        await asyncio.sleep(0)
    await asyncio.gather(*puts)
    written = [pair for node in cluster.nodes for pair in node.written]
    for place in range(11):
        values = [value for key, value in written if key == f"{place}"]
        order = [(int(value.split()[1]), value.startswith("one")) for value in values]
        assert order == sorted(order), place


async def test_a_source_that_is_given_up_leaves_keys_held(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """What was sent may still happen; a later put of the same key must not come before it."""
    await aclient.get("a")
    cluster.hang("Batch", "PutMany")
    putting = asyncio.ensure_future(aclient.put_many(_letters(10)))
    await asyncio.to_thread(cluster.arrived.wait, 10)
    putting.cancel()
    await asyncio.gather(putting, return_exceptions=True)
    with pytest.raises(Unavailable, match="nothing was written"):
        await aclient.put("key 00003", "later", timeout_s=0.2)
    for node in cluster.nodes:
        node.hangs = set()
    cluster.release()
    await aclient.put("key 00003", "later")
    assert cluster.store["key 00003"] == "later"


async def test_a_client_that_is_closed_ends_its_crates(cluster: FakeCluster) -> None:
    """What somebody waits for comes to its end, and nothing new begins."""
    client = AsyncClient(cluster.members)
    await client.get("a")

    async def pairs() -> AsyncIterator[tuple[str, str]]:
        yield "a", "1"
        yield "b", "1"
        await client.close()
        yield "c", "1"

    with pytest.raises(BadRequest, match="closed"):
        await client.put_many(pairs())
    assert cluster.store == {"a": "1", "b": "1"}


async def test_an_older_node_is_asked_for_columns_once(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """Its refusal costs a call, and would cost one with each crate."""
    await aclient.get("a")
    assert await aclient.put_many(_letters(3_000)) == 3_000
    (node,) = [node for node in cluster.nodes if node.written]
    columns, batches = node.calls.count("PutMany"), len(node.batches)
    assert (columns > 0, batches > 0) == (node.knows_columns, not node.knows_columns)
    most = 0 if node.knows_columns else 2  # both first crates may leave before it says so
    assert node.columns_refused <= most


@pytest.mark.parametrize("version", [b"", b"short", bytes([255] * 12)])
def test_columns_without_a_version_say_nothing_of_their_puts(version: bytes) -> None:
    """They may be an empty message: who is not named as an exception is unknown."""
    terms = Allowance(1.0)
    operations = [to_put(key, "v", terms, lambda _: None) for key in "abc"]
    answer = PutManyResponse(first_version=version, served_by="a:1", acknowledged=3)
    done = PutResponse(version=bytes(12), served_by="a:1")
    answer.exceptions.add(place=1, result=Result(put=done))
    answer.exceptions.add(place=7, result=Result(put=done))
    assert replies_in(answer, operations) == [UNREADABLE, done, UNREADABLE]


def test_columns_say_of_each_put_what_became_of_it() -> None:
    """The versions follow each other, but for those of exceptions."""
    operations = [to_put(key, "v", Allowance(1.0), lambda _: None) for key in "abc"]
    answer = PutManyResponse(first_version=bytes(12), served_by="a:1", acknowledged=3, replicas=3)
    answer.exceptions.add(place=1, result=Result(failure=NOT_READY))
    first, refused, third = replies_in(answer, operations)
    assert isinstance(refused, Refusal)
    assert refused.nothing_written
    versions = [it.version for it in (first, third) if isinstance(it, PutResponse)]
    assert versions == following(Version(bytes(12)), 3)[::2]
