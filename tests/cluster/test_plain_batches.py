"""Plain batches: puts of distinct keys, or gets, go a short way, and nobody can tell."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kvcluster.config import Settings
from kvcluster.model.slots import slot_of
from tests.cluster.memory import NAMES, MemoryCluster, in_cluster
from tests.cluster.test_batches import batch, delete, get, put, told
from tests.cluster.test_forwarding import in_parts

from demo_pb2 import Failure, Operation, Result

PLAIN = [
    [put("a", "1"), put("b", ""), put("ü" * 512, "x")],
    [get("a"), get("a"), get("nothing")],
]
OTHERS = [
    [],
    [put("a", "1"), put("a", "2")],
    [put("a", "1"), get("a")],
    [delete("nothing"), delete("a")],
    [put("a", "1"), put("", "2")],
    [put("a", "1"), put("ü" * 513, "x")],
    [put("a", "1"), put("b", "x" * (1024 * 1024 + 1))],
    [get("a"), get("")],
    [get("a"), get("k" * 1025)],
    [put("a", "1"), Operation()],
    [get(f"large{number}") for number in range(2)],
]


def watch(cluster: MemoryCluster, name: str = "a:1") -> list[bool]:
    """For each batch that a node takes from now on: whether it goes the short way."""
    plain: Any = cluster[name].requests.handlers._plain
    carry_out, short = plain.carry_out, []

    async def carry_out_and_note(request: Any, deadline_s: float) -> Any:
        answer = await carry_out(request, deadline_s)
        short.append(answer is not None)
        return answer

    plain.carry_out = carry_out_and_note
    return short


def bare(result: Result, *, versions: bool) -> Result:
    """What does not differ from one time to the next, with the version or without."""
    done = getattr(result, result.WhichOneof("result") or "failure")
    if not (versions or isinstance(done, Failure)):
        assert len(done.version) == 12
        done.ClearField("version")
    return result


@pytest.mark.parametrize("operations", PLAIN + OTHERS)
def test_both_ways_give_the_same_answer(operations: Sequence[Operation]) -> None:
    """Whatever a batch is: one that goes the short way is answered as it would be the general."""

    @in_parts(members=NAMES, settings=replace(Settings(), batch_bytes=3 * 1024 * 1024))
    async def both(cluster: MemoryCluster) -> None:
        for number in range(2):
            await cluster.put("a:1", f"large{number}", "v" * 400_000)
        short = watch(cluster)
        first = await batch(cluster, "a:1", operations)
        assert short == [operations in PLAIN]
        plain: Any = cluster["a:1"].requests.handlers._plain

        async def never(*_: object) -> None:
            return None

        plain.carry_out = never
        again = await batch(cluster, "a:1", operations)
        writes = any(not each.HasField("get") for each in operations)
        assert [bare(it, versions=not writes) for it in first] == [
            bare(it, versions=not writes) for it in again
        ]

    both()


@in_cluster
async def test_a_plain_batch_is_told_of_its_own_places_in_a_round(cluster: MemoryCluster) -> None:
    """Two share a round, and what came of one is not told of the other."""
    rounds: Any = cluster["a:1"].writing.rounds
    carry_out = rounds._carry_out

    def count_up(entries: Sequence[Any], then: Any) -> None:
        def counted(outcome: Any) -> None:
            outcome.acknowledged = list(range(1, len(entries) + 1))
            then(outcome)

        carry_out(entries, counted)

    rounds._carry_out = count_up
    short = watch(cluster)
    answers = await asyncio.gather(
        *[batch(cluster, "a:1", [put(f"{name}{n}", "v") for n in range(3)]) for name in "xyz"]
    )
    assert short == [True] * 3
    assert [result.put.acknowledged for results in answers for result in results] == [*range(1, 10)]


@in_cluster
async def test_a_plain_batch_that_is_superseded_takes_newer_versions(
    cluster: MemoryCluster,
) -> None:
    """A clock that is behind: no acknowledged put may be older than what was there before."""
    cluster.clock_offset_ms["b:2"] = 500  # nobody has heard of it yet
    other = asyncio.ensure_future(cluster.put_versioned("b:2", "k", "from the future", 5))
    short = watch(cluster)
    results = await batch(cluster, "a:1", [put("x", "1"), put("k", "2"), put("y", "3")])
    assert short == [True]
    assert await other < results[1].put.version
    await cluster.until_equal()
    for name in cluster.members:
        assert cluster.held(name)["k"] == ("2", results[1].put.version)
        assert cluster.held(name)["x"] == ("1", results[0].put.version)


@in_cluster
async def test_a_plain_batch_is_not_read_where_it_may_be_old(cluster: MemoryCluster) -> None:
    """A node that is behind forwards a batch of gets, as it does a get."""
    await cluster.put("a:1", "k", "old")
    await cluster.crash("c:3")
    await cluster.put("a:1", "k", "new")
    cluster.network.stuck_methods.add("pull")
    await cluster.start("c:3")
    short = watch(cluster, "c:3")
    assert told(await batch(cluster, "c:3", [get("k"), get("k")])) == ["new", "new"]
    assert short == [False]


@in_parts()
async def test_a_batch_of_which_a_part_lives_elsewhere_goes_the_general_way(
    cluster: MemoryCluster,
) -> None:
    """With more nodes than replicas only what all lives here is plain."""
    short = watch(cluster)
    held = cluster["a:1"].membership.held
    here = [k for n in range(60) if slot_of(k := f"k{n}") in held]
    assert told(await batch(cluster, "a:1", [put(f"k{n}", "v") for n in range(60)])) == [True] * 60
    assert told(await batch(cluster, "a:1", [put(key, "w") for key in here])) == [True] * len(here)
    assert told(await batch(cluster, "a:1", [get(key) for key in here])) == ["w"] * len(here)
    assert short == [False, True, True]


@in_cluster
async def test_a_full_disk_refuses_each_put_of_a_plain_batch(cluster: MemoryCluster) -> None:
    """And says of each that nothing was written."""
    cluster["a:1"].store.journal.full = True
    short = watch(cluster)
    results = await batch(cluster, "a:1", [put("x", "1"), put("y", "2")])
    assert short == [True]
    assert told(results) == ["DISK_IS_FULL"] * 2
    assert all(result.failure.nothing_written for result in results)
