"""Batches: many operations in one call, each for itself, each where its key lives."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kvcluster.config import Settings
from kvcluster.errors import BadRequest, OutcomeUnknown
from kvcluster.model.slots import slot_of
from tests.cluster.memory import FIVE, NAMES, MemoryCluster, in_cluster
from tests.cluster.test_forwarding import homes, in_parts

from demo_pb2 import (
    BatchRequest,
    DeleteRequest,
    ForwardRequest,
    GetRequest,
    Operation,
    PutRequest,
    Result,
)


def put(key: str, value: str) -> Operation:
    """A put as it stands in a batch."""
    return Operation(put=PutRequest(key=key, value=value))


def get(key: str) -> Operation:
    """A get."""
    return Operation(get=GetRequest(key=key))


def delete(key: str) -> Operation:
    """A delete."""
    return Operation(delete=DeleteRequest(key=key))


async def batch(
    cluster: MemoryCluster, name: str, operations: Sequence[Operation], timeout_s: float = 5
) -> list[Result]:
    """Have a node do all of this."""
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    answer = await cluster[name].batch(BatchRequest(operations=operations), deadline_s)
    return list(answer.results)


def told(results: Sequence[Result]) -> list[str | bool | None]:
    """Values, whether something was there, and the names of errors."""
    read: list[str | bool | None] = []
    for result in results:
        kind = result.WhichOneof("result")
        if kind == "failure":
            read.append(result.failure.reason)
        elif kind == "get":
            read.append(result.get.value if result.get.found else None)
        else:
            read.append(result.delete.found if kind == "delete" else True)
    return read


@in_cluster
async def test_operations_on_one_key_happen_in_their_order(cluster: MemoryCluster) -> None:
    """A batch in which the last put does not win, or a get sees the future, would lose updates."""
    steps = [get("k"), put("k", "1"), get("k"), put("k", "2"), delete("k"), get("k"), put("k", "3")]
    results = await batch(cluster, "a:1", [*steps, delete("other"), get("k")])
    assert told(results) == [None, True, "1", True, True, None, True, False, "3"]
    versions = [results[place].put.version for place in (1, 3, 6)]
    assert versions == sorted(set(versions))
    assert [await cluster.get(name, "k") for name in cluster.members] == ["3"] * 3
    assert all(result.put.acknowledged == 3 for result in results if result.HasField("put"))


@in_cluster
async def test_a_batch_is_one_message_to_each_peer_and_one_sync(cluster: MemoryCluster) -> None:
    """Or there would be no use in it."""
    cluster.network.sent.clear()
    syncs = cluster.disks["a:1"].count("sync", "journal")
    await batch(cluster, "a:1", [put(f"k{number % 300}", str(number)) for number in range(1_000)])
    calls = [method for _, _, method in cluster.network.sent if method == "replicate"]
    assert len(calls) == 2
    assert cluster.disks["a:1"].count("sync", "journal") - syncs == 1
    assert await cluster.get("c:3", "k299") == "899"


@in_cluster
async def test_what_is_wrong_with_one_operation_fails_it_alone(cluster: MemoryCluster) -> None:
    """A batch of strangers' calls must not suffer for one of them."""
    key = "k" * 1025
    results = await batch(
        cluster, "a:1", [put("good", "v"), put(key, "v"), get(""), Operation(), get("good")]
    )
    assert told(results) == [True, "BAD_REQUEST", "BAD_REQUEST", "BAD_REQUEST", "v"]
    failure = results[1].failure
    assert failure.code == 3
    assert failure.nothing_written
    assert "1,025 bytes" in failure.message
    assert failure.message.endswith("nothing was written")
    assert not results[2].failure.message.endswith("nothing was written"), "it wanted to write none"


@in_cluster
async def test_a_batch_over_its_limits_is_refused_as_a_whole(cluster: MemoryCluster) -> None:
    """The sentence names size and limit; a single large operation is fine."""
    with pytest.raises(BadRequest, match="1,025 operations, allowed are 1,024"):
        await batch(cluster, "a:1", [get("k")] * 1025)
    with pytest.raises(BadRequest, match="allowed are 4,194,304"):
        await batch(cluster, "a:1", [put(f"k{n}", "v" * 1024 * 1024) for n in range(4)])
    assert await cluster.get("a:1", "k0") is None
    assert told(await batch(cluster, "a:1", [])) == []


@in_cluster
async def test_gets_past_the_room_of_an_answer_say_so(cluster: MemoryCluster) -> None:
    """An answer without end would be refused by gRPC, and all of it lost."""
    large = "v" * 1024 * 1024
    for number in range(6):
        await cluster.put("a:1", f"k{number}", large)
    results = await batch(cluster, "a:1", [*(get(f"k{number}") for number in range(6)), get("no")])
    assert told(results) == [large] * 4 + ["ANSWER_FULL"] * 2 + [None]
    assert results[4].failure.code == 8


@in_parts()
async def test_a_batch_reaches_every_key_through_any_node(cluster: MemoryCluster) -> None:
    """With fewer replicas than nodes the batch is split, and its results keep their places."""
    keys = [f"k{number}" for number in range(60)]
    cluster.network.sent.clear()
    stored = await batch(cluster, "a:1", [put(key, key.upper()) for key in keys])
    assert told(stored) == [True] * 60
    forwards = [callee for _, callee, method in cluster.network.sent if method == "forward"]
    assert len(forwards) == len(set(forwards)) <= 4, "one call to a node"
    for name in FIVE:
        assert told(await batch(cluster, name, [get(key) for key in keys])) == [
            key.upper() for key in keys
        ]
    for key in keys:
        replicas, strangers = homes(cluster, key)
        assert all(key not in cluster.held(name) for name in strangers)
        assert stored[keys.index(key)].put.served_by in replicas


@in_parts()
async def test_a_batch_goes_on_to_the_next_replica(cluster: MemoryCluster) -> None:
    """A node dies: no operation fails for it, neither while it is unnoticed nor after."""
    keys = [f"k{number}" for number in range(60)]
    await cluster.crash("b:2")
    assert told(await batch(cluster, "a:1", [put(key, "v") for key in keys])) == [True] * 60
    assert told(await batch(cluster, "c:3", [get(key) for key in keys])) == ["v"] * 60


@in_parts(replicas=1)
async def test_keys_whose_replicas_are_away_fail_and_others_do_not(cluster: MemoryCluster) -> None:
    """One replica each: what cannot be reached is told by its key, and named."""
    keys = [f"k{number}" for number in range(60)]
    await cluster.crash("b:2")
    results = await batch(cluster, "a:1", [put(key, "v") for key in keys])
    for key, result in zip(keys, results, strict=True):
        if homes(cluster, key)[0] == ("b:2",):
            assert result.failure.reason == "NO_REPLICA"
            assert result.failure.nothing_written
            assert "b:2" in result.failure.message
        else:
            assert result.put.acknowledged == 1
    assert {result.WhichOneof("result") for result in results} == {"put", "failure"}


@in_parts()
async def test_a_forwarded_write_that_may_have_happened_is_not_sent_again(
    cluster: MemoryCluster,
) -> None:
    """The second could land over another client's newer write. Reads are asked of others."""
    placed = {f"k{number}": homes(cluster, f"k{number}")[0] for number in range(300)}
    keys = [k for k, at in placed.items() if at[0] == "b:2" and "a:1" not in at][:9]
    for key in keys:
        await cluster.put("a:1", key, "old")
    cluster.network.cuts.add(("b:2", "a:1"))  # it hears and cannot answer
    mixed = [*(put(key, "new") for key in keys[:4]), *(get(key) for key in keys[4:])]
    results = await batch(cluster, "a:1", mixed, timeout_s=4)
    for result in results[:4]:
        assert result.failure.reason in ("TIMED_OUT", "CONNECTION_LOST")
        assert not result.failure.nothing_written
        assert "may have happened" in result.failure.message
    assert told(results[4:]) == ["old"] * 5


@in_cluster
async def test_a_node_that_is_behind_takes_writes_and_passes_reads_on(
    cluster: MemoryCluster,
) -> None:
    """What it holds may be old; a get behind a put of the same key must still see the put."""
    await cluster.put("a:1", "k", "old")
    await cluster.crash("c:3")
    await cluster.put("a:1", "k", "new")
    cluster.network.stuck_methods.add("pull")  # it cannot catch up
    await cluster.start("c:3")
    await cluster.until(lambda: cluster["c:3"].gate.writable, "c:3 takes writes")
    assert not cluster["c:3"].gate.readable
    results = await batch(
        cluster, "c:3", [get("k"), put("fresh", "1"), put("both", "2"), get("both"), get("none")]
    )
    assert told(results) == ["new", True, True, "2", None]
    assert results[1].put.served_by == "c:3"
    assert results[0].get.served_by != "c:3"


@in_cluster
async def test_a_batch_on_a_full_disk_writes_nothing_and_reads(cluster: MemoryCluster) -> None:
    """Reads go on; each write says that nothing was written."""
    await cluster.put("a:1", "k", "v")
    cluster.disks["a:1"].capacity = 0
    assert told(await batch(cluster, "a:1", [put("x", "v")])) == ["OUTCOME_UNKNOWN"]
    results = await batch(cluster, "a:1", [put("k", "w"), get("k"), delete("k"), get("other")])
    assert told(results) == ["DISK_IS_FULL"] * 3 + [None]
    assert told(await batch(cluster, "a:1", [get("k"), put("k", "w")])) == ["v", "DISK_IS_FULL"]
    assert all(r.failure.nothing_written for r in results[:3])


@in_cluster
async def test_a_superseded_write_takes_a_newer_version_with_its_batch(
    cluster: MemoryCluster,
) -> None:
    """A clock that is behind: no acknowledged write may be older than what was there before."""
    cluster.clock_offset_ms["b:2"] = 500  # nobody has heard of it yet
    other = asyncio.ensure_future(cluster.put_versioned("b:2", "k", "from the future", 5))
    results = await batch(cluster, "a:1", [put("k", "1"), get("k"), put("k", "2"), put("x", "")])
    assert told(results) == [True, "1", True, True]
    versions = [results[0].put.version, results[1].get.version, results[2].put.version]
    assert await other < versions[0] == versions[1] < versions[2]
    await cluster.until_equal()
    assert [await cluster.get(name, "k") for name in cluster.members] == ["2"] * 3


@in_cluster
async def test_a_batch_whose_client_left_is_carried_out_whole(cluster: MemoryCluster) -> None:
    """Cancelled while it is on its way: all of it or nothing, and nobody hangs."""
    task = asyncio.ensure_future(batch(cluster, "a:1", [put(f"k{n}", "v") for n in range(20)]))
    await asyncio.sleep(0.0005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await cluster.put("a:1", "next", "v") == 3
    assert len({await cluster.get("b:2", f"k{number}") for number in range(20)}) == 1


@in_parts()
async def test_a_forwarded_batch_for_somebody_else_is_refused(cluster: MemoryCluster) -> None:
    """One hop at most: a node that holds no replica must not carry it out."""
    key = next(k for n in range(99) if "a:1" not in homes(cluster, k := f"k{n}")[0])
    request = ForwardRequest(batch=BatchRequest(operations=[put(key, "v")]))
    request.sender, request.clock = "b:2", cluster["b:2"].time.now()
    request.configuration = cluster["b:2"].membership.digest
    response = await cluster["a:1"].requests.handlers.forwarded(request, 1e9)
    assert response.batch.results[0].failure.reason == "PEER_REFUSED"
    assert slot_of(key) not in cluster["a:1"].membership.held


@in_parts(members=NAMES, settings=replace(Settings(), replication_batch_entries=1))
async def test_a_key_of_a_batch_whose_round_failed_is_not_acknowledged_with_the_others(
    cluster: MemoryCluster,
) -> None:
    """A large batch travels in several rounds, and each key is told what came of its own."""
    rounds: Any = cluster["a:1"].writing.rounds
    carry_out = rounds._carry_out

    def fail_some(entries: Sequence[Any], then: Any) -> None:
        if entries[0].key == "b":
            then(OutcomeUnknown("not durable on this node"))
        else:
            carry_out(entries, then)

    rounds._carry_out = fail_some
    results = await batch(cluster, "a:1", [put("a", "1"), put("b", "2"), put("c", "3")])
    assert told(results) == [True, "OUTCOME_UNKNOWN", True]
