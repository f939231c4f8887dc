"""What a majority decides, rule by rule: each of these shows what happens without one of them.

Histories seldom get into these places (tests/sim/planted_deciding.py), so they are set up by hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from kvcluster.cluster.deciding.turns import Decided
from kvcluster.errors import KvError, OutcomeUnknown
from kvcluster.model.ballots import ballots_from, deciding_incarnation
from kvcluster.model.condition import Condition
from kvcluster.model.decision import Ruling
from kvcluster.model.entry import Version, time_of
from kvcluster.model.operation import Kind, Operation
from kvcluster.storage.table import to_message
from tests.cluster.memory import NAMES, MemoryCluster, in_cluster
from tests.cluster.test_deciding import read

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import Promise


def made_now(cluster: MemoryCluster, name: str, value: str = "v") -> EntryMessage:
    """What a decider at a node would have stored of "k"."""
    (ballot,) = ballots_from(time_of(cluster[name].time.tick()), 1, deciding_incarnation(0, 9))
    return to_message("k", (value, ballot))


async def left_on_one(cluster: MemoryCluster) -> EntryMessage:
    """What somebody who died had one replica accept, and no other; the third is away."""
    await cluster.until_voting()
    await cluster.crash("c:3")
    entry = made_now(cluster, "a:1")
    await cluster["a:1"].store.write([entry])
    return entry


async def ours(cluster: MemoryCluster, name: str, value: str = "ours") -> Ruling:
    """Put "k" if nobody has, by the decider of this very node."""
    wanted = Operation(Kind.PUT, "k", value, Condition.absent())
    (outcome,) = await cluster[name].deciding.decider.decide([wanted], soon_s())
    if isinstance(outcome, KvError):
        raise outcome
    return outcome.ruling


def soon_s() -> float:
    """A deadline."""
    return asyncio.get_running_loop().time() + 5


@in_cluster
async def test_what_a_reader_was_told_the_next_one_is_told_too(cluster: MemoryCluster) -> None:
    """Though only one replica had it, and that is away by then."""
    entry = await left_on_one(cluster)
    told = await cluster["b:2"].deciding.decider.read("k", soon_s())
    assert told.version == entry.version
    await cluster.crash("a:1")
    await cluster.start("c:3")
    await cluster.until_voting("c:3")
    assert (await read(cluster, "c:3")).version == entry.version


@in_cluster
async def test_a_condition_that_failed_has_failed_for_ever(cluster: MemoryCluster) -> None:
    """Whoever is told that the key is there finds it there, though one replica had it."""
    await left_on_one(cluster)
    assert (await ours(cluster, "b:2")).mismatched
    await cluster.crash("a:1")
    await cluster.start("c:3")
    await cluster.until_voting("c:3")
    assert (await read(cluster, "c:3")).value == "v"


@in_cluster
async def test_who_was_overtaken_between_his_promises_and_his_write_has_not_won(
    cluster: MemoryCluster,
) -> None:
    """What the replicas hold instead is the write of a rival, who was told that the key is his."""
    await cluster.until_voting()
    majorities = cluster["a:1"].deciding.decider._majorities
    prepare = majorities.prepare

    async def prepare_and_lose(key: str, ballot: Version, deadline_s: float) -> Any:
        seen = await prepare(key, ballot, deadline_s)
        assert (await ours(cluster, "b:2", "theirs")).version is not None
        return seen

    majorities.prepare = prepare_and_lose  # type: ignore[method-assign]
    with pytest.raises(OutcomeUnknown):
        await ours(cluster, "a:1")
    assert (await read(cluster, "c:3")).value == "theirs"


@in_cluster
async def test_what_is_accepted_is_what_was_promised_for(cluster: MemoryCluster) -> None:
    """Though several wait for the key, and each has a version of its own."""
    await cluster.until_voting()
    polling = cluster["a:1"].deciding.decider._majorities._polling
    prepare, prepared = polling.prepare, list[Version]()

    def note(key: str, slot: int, ballot: Version) -> Any:
        prepared.append(ballot)
        return prepare(key, slot, ballot)

    polling.prepare = note  # type: ignore[method-assign]
    puts = [Operation(Kind.PUT, "k", f"v{number}", Condition.none()) for number in range(5)]
    outcomes = await cluster["a:1"].deciding.decider.decide(puts, soon_s())
    versions = [it.ruling.version for it in outcomes if isinstance(it, Decided)]
    assert versions == sorted(versions, key=lambda version: version or b"")
    assert len(set(versions)) == 5
    assert versions[-1] == prepared[-1] == (await read(cluster, "a:1")).version


@in_cluster
async def test_a_promise_tells_of_what_was_on_its_way_to_the_journal(
    cluster: MemoryCluster,
) -> None:
    """It was let in before, so it will be stored; whoever asks must know of it."""
    await cluster.until_voting()
    node, entry = cluster["b:2"], made_now(cluster, "a:1")
    writing = node.store.write([entry])
    assert node.store.get("k") is None
    wanted = Promise(key="k", ballot=made_now(cluster, "a:1").version)
    said = await node.deciding.acceptor.promise([wanted], soon_s())
    await writing
    assert said is not None
    assert said[0].held.version == entry.version
    assert not said[0].refused


@in_cluster
async def test_a_plain_put_that_meets_what_was_decided_is_not_sent_again(
    cluster: MemoryCluster,
) -> None:
    """In a newer version it would undo what somebody was just told is his."""
    await cluster.until_voting()
    rivals = list[EntryMessage]()

    def losing(join: Callable[[Sequence[EntryMessage]], Any]) -> Callable[..., Any]:
        def join_and_lose(entries: Sequence[EntryMessage]) -> Any:
            if not rivals:
                rivals.append(made_now(cluster, "b:2", "theirs"))
                for name in NAMES[1:]:
                    cluster[name].store.write(rivals)
            return join(entries)

        return join_and_lose

    for name in NAMES:
        rounds = cluster[name].deciding.decider._rounds
        rounds.join = losing(rounds.join)  # type: ignore[method-assign]
    with pytest.raises(OutcomeUnknown):
        await cluster.put("a:1", "k", "ours")
    assert rivals
    assert (await read(cluster, "c:3")).value == "theirs"
