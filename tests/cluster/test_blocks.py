"""Blocks: many puts that travel in columns, and every promise of a put holds for each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kvcluster.config import Settings
from kvcluster.errors import BadRequest
from kvcluster.model.entry import make_version
from tests.cluster.memory import FIVE, NAMES, MemoryCluster, in_cluster
from tests.cluster.test_batches import batch, put, told
from tests.cluster.test_forwarding import in_parts
from tests.sim.clients import each_of

from demo_pb2 import Block, PutManyRequest, PutManyResponse, ReplicateRequest, Result

SMALL = replace(Settings(), block_puts=1)
KEYS = [f"k{number}" for number in range(300)]


async def put_many(
    cluster: MemoryCluster, name: str, keys: Sequence[str], value: str = "v"
) -> PutManyResponse:
    """Have a node store the same under many keys."""
    request = PutManyRequest(block=Block(keys=keys, values=[value] * len(keys)))
    deadline_s = asyncio.get_running_loop().time() + 5
    return await cluster[name].put_many(request, deadline_s)


def results(answer: PutManyResponse, count: int) -> list[Result]:
    """What it says of each."""
    return each_of(answer, count)


def watch(cluster: MemoryCluster, name: str) -> list[int]:
    """How many entries came to a node as a block, and how many not (negative), for each call."""
    replica: Any = cluster[name].writing.replica
    replicate, came = replica.replicate, []

    async def replicate_and_note(request: ReplicateRequest, deadline_s: float) -> Any:
        came.append(len(request.block.keys) or -len(request.entries))
        return await replicate(request, deadline_s)

    replica.replicate = replicate_and_note
    return came


@in_cluster
async def test_many_puts_travel_as_a_block_and_their_answer_is_small(
    cluster: MemoryCluster,
) -> None:
    """Every node holds them in the versions that the answer tells of."""
    came = [watch(cluster, name) for name in ("b:2", "c:3")]
    answer = await put_many(cluster, "a:1", KEYS)
    assert came == [[300], [300]]
    assert answer.ByteSize() < 40
    assert (answer.replicas, answer.acknowledged, answer.served_by) == (3, 3, "a:1")
    for name in cluster.members:
        held = cluster.held(name)
        for key, result in zip(KEYS, results(answer, 300), strict=True):
            assert held[key] == ("v", result.put.version)


@in_cluster
async def test_a_small_block_is_loosened_for_others(cluster: MemoryCluster) -> None:
    """A large one has a round to itself, for which some puts are too few while others wait."""
    came = watch(cluster, "b:2")
    assert told(await batch(cluster, "a:1", [put(key, "v") for key in KEYS])) == [True] * 300
    assert told(await batch(cluster, "a:1", [put(key, "w") for key in KEYS[:9]])) == [True] * 9
    assert came == [300, 9]
    small = [put(key, "w") for key in KEYS[:5]], [put(key, "w") for key in KEYS[5:9]]
    await asyncio.gather(*(batch(cluster, "a:1", puts) for puts in small))
    assert came == [300, 9, -9]
    assert await cluster.get("c:3", "k8") == "w"
    assert await cluster.get("c:3", "k9") == "v"


@in_cluster
async def test_a_peer_of_an_older_version_gets_entries(cluster: MemoryCluster) -> None:
    """It did not say that it knows of blocks."""
    for name in ("a:1", "c:3"):
        said = cluster[name].peering.peers["b:2"].said
        assert said is not None
        said.responder.ClearField("takes_blocks")
    came = [watch(cluster, name) for name in ("b:2", "c:3")]
    answer = await put_many(cluster, "a:1", KEYS)
    assert came == [[-300], [300]]
    assert answer.acknowledged == 3
    assert not answer.exceptions


@in_cluster
async def test_a_peer_of_an_older_version_is_not_counted_for_a_block_that_it_ignored(
    cluster: MemoryCluster,
) -> None:
    """It said that it knows of blocks, and was started anew as an older version since."""
    replica: Any = cluster["b:2"].writing.replica
    replicate = replica.replicate

    async def ignore(request: ReplicateRequest, deadline_s: float) -> Any:
        request.ClearField("block")
        return await replicate(request, deadline_s)

    replica.replicate = ignore
    answer = await put_many(cluster, "a:1", KEYS)
    assert answer.acknowledged == 3
    assert all(key in cluster.held("b:2") for key in KEYS)


@in_cluster
async def test_a_block_without_a_replica_leaves_a_hint(cluster: MemoryCluster) -> None:
    """Who was away when it was written has it before it answers reads again."""
    await cluster.crash("c:3")
    answer = await put_many(cluster, "a:1", KEYS)
    assert (answer.acknowledged, len(answer.exceptions)) == (2, 0)
    await cluster.start("c:3")
    await cluster.until_serving("c:3")
    assert await cluster.get("c:3", "k299") == "v"


@in_cluster
async def test_a_put_of_a_block_that_is_superseded_is_told_apart(cluster: MemoryCluster) -> None:
    """A clock that is behind: it takes a newer version, and the answer says which."""
    cluster.clock_offset_ms["b:2"] = 500  # nobody has heard of it yet
    other = asyncio.ensure_future(cluster.put_versioned("b:2", "k7", "from the future", 5))
    answer = await put_many(cluster, "a:1", KEYS)
    assert [each.place for each in answer.exceptions] == [7]
    newer = answer.exceptions[0].result.put.version
    assert await other < newer
    await cluster.until_equal()
    for name in cluster.members:
        assert cluster.held(name)["k7"] == ("v", newer)


@in_cluster
async def test_columns_that_are_no_plain_puts_are_answered_one_by_one(
    cluster: MemoryCluster,
) -> None:
    """A key twice, or one that is too long: as in a batch."""
    answer = await put_many(cluster, "a:1", ["a", "a", "k" * 1025, ""])
    assert told(results(answer, 4)) == [True, True, "BAD_REQUEST", "BAD_REQUEST"]
    assert not answer.first_version
    assert (await put_many(cluster, "a:1", [])).ByteSize() == 0


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (Block(keys=["a"]), "1 keys and 0 values"),
        (Block(values=["a"]), "0 keys and 1 values"),
        (Block(keys=["a"], values=["1"], first_version=b"x"), "or has a version"),
        (Block(keys=["k"] * 4097, values=["v"] * 4097), "4,097 puts, allowed are 4,096"),
        (Block(keys=["a", "b"], values=["v" * 2_200_000] * 2), "allowed are 4,194,304"),
    ],
)
def test_columns_that_are_wrong_as_a_whole_are_refused(block: Block, why: str) -> None:
    """With a sentence, and nothing is written."""

    @in_cluster
    async def refused(cluster: MemoryCluster) -> None:
        with pytest.raises(BadRequest, match=why):
            await cluster["a:1"].put_many(PutManyRequest(block=block), 1e9)
        assert not cluster.held("a:1")

    refused()


@in_parts()
async def test_where_nodes_hold_a_part_each_key_goes_home(cluster: MemoryCluster) -> None:
    """With more nodes than replicas there are no blocks, and nobody can tell."""
    answer = await put_many(cluster, "a:1", KEYS)
    assert told(results(answer, 300)) == [True] * 300
    for name in FIVE:
        assert await cluster.get(name, "k299") == "v"


@in_parts(members=NAMES, settings=replace(SMALL, replication_batch_entries=100))
async def test_a_block_that_is_larger_than_a_round_travels_in_parts(cluster: MemoryCluster) -> None:
    """Each with the versions that it would have had in the whole."""
    came = watch(cluster, "b:2")
    answer = await put_many(cluster, "a:1", KEYS)
    assert came == [75] * 4
    assert not answer.exceptions
    assert cluster.held("b:2")["k299"] == ("v", results(answer, 300)[299].put.version)


@in_cluster
async def test_a_full_disk_refuses_each_put_of_a_block(cluster: MemoryCluster) -> None:
    """And says of each that nothing was written."""
    cluster["a:1"].store.journal.full = True
    answer = await put_many(cluster, "a:1", KEYS)
    assert told(results(answer, 300)) == ["DISK_IS_FULL"] * 300


@in_cluster
async def test_a_forged_block_is_refused(cluster: MemoryCluster) -> None:
    """What no node can have made, a peer does not store."""
    node = cluster["a:1"]
    now = node.time.now()
    good = make_version(now - 10, 7)
    forged = [
        Block(keys=["a"], first_version=good),
        Block(keys=["a"], values=["1"], first_version=b"short"),
        Block(keys=["a", "b"], values=["1", "2"], first_version=make_version(now, 7)),
        Block(keys=[""], values=["1"], first_version=good),
        Block(keys=["k" * 16_385], values=["1"], first_version=good),
        Block(keys=["k"] * 32_769, values=["1"] * 32_769, first_version=good),
    ]
    for block in forged:
        request = cluster.stamped(ReplicateRequest(block=block), "b:2", now)
        with pytest.raises(BadRequest):
            await node.writing.replica.replicate(request, 1e9)
    assert not cluster.held("a:1")
