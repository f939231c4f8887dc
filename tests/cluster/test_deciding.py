"""Deciding by a majority: one winner, nothing lost, nothing old, no waiting for what cannot be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kvcluster.errors import (
    ConfigurationDiffers,
    KvError,
    NoMajority,
    NotReady,
    OutcomeUnknown,
    TooOld,
)
from kvcluster.model.ballots import is_decided
from kvcluster.model.entry import Version, make_version
from kvcluster.storage.table import to_message
from tests.cluster.memory import NAMES, MemoryCluster, in_cluster
from tests.storage.fake_disk import FakeDisk

from demo_pb2 import (
    Condition,
    DeleteRequest,
    GetRequest,
    HealthCheckRequest,
    HealthCheckResponse,
    Promise,
    PutRequest,
    PutResponse,
)

ABSENT, NONE = Condition(absent=True), Condition(none=True)


async def put(cluster: MemoryCluster, name: str, value: str, condition: Condition | None) -> Any:
    """Put "k" by a node."""
    return await cluster.one(name, PutRequest(key="k", value=value, condition=condition))


async def read(cluster: MemoryCluster, name: str) -> Any:
    """What a majority holds of "k", by a node."""
    return await cluster.one(name, GetRequest(key="k", linearizable=True))


async def increment(cluster: MemoryCluster, name: str) -> int:
    """Add one to "k" by a node, in as many tries as it takes; how many."""
    for tries in range(1, 10_000):
        seen = await read(cluster, name)
        if seen.found:
            condition = Condition(version=seen.version)
        else:
            condition = ABSENT
        value = str(int(seen.value or 0) + 1)
        if not (await put(cluster, name, value, condition)).HasField("mismatch"):
            return tries
    raise AssertionError("it never came to its turn")


@in_cluster
async def test_of_those_who_want_a_key_to_be_theirs_one_gets_it(cluster: MemoryCluster) -> None:
    """Whichever nodes they ask; each other is told who has it, and that nothing was written."""
    asking = [put(cluster, NAMES[number % 3], f"v{number}", ABSENT) for number in range(30)]
    answers: list[PutResponse] = await asyncio.gather(*asking)
    (winner,) = [it for it in answers if not it.HasField("mismatch")]
    assert winner.acknowledged == winner.replicas == 3
    assert is_decided(Version(winner.version))
    seen = await read(cluster, "c:3")
    assert seen.version == winner.version
    for answer in answers:
        if answer is not winner:
            assert (answer.mismatch.found, answer.mismatch.value) == (True, seen.value)
            assert answer.mismatch.version == seen.version
            assert not answer.version


@in_cluster
async def test_a_counter_counts_each_increment(cluster: MemoryCluster) -> None:
    """Fifty at once, at all nodes: compare-and-set loses none."""
    await asyncio.gather(*(increment(cluster, NAMES[number % 3]) for number in range(50)))
    for name in NAMES:
        assert (await read(cluster, name)).value == "50"


@in_cluster
async def test_conditions_of_every_kind(cluster: MemoryCluster) -> None:
    """What holds is done, what does not is answered with what is there."""
    first = await put(cluster, "a:1", "a", ABSENT)
    assert (await put(cluster, "b:2", "b", Condition(value="x"))).mismatch.value == "a"
    second = await put(cluster, "b:2", "b", Condition(value="a"))
    assert second.version > first.version
    there = (await put(cluster, "c:3", "c", Condition(version=first.version))).mismatch
    assert (there.found, there.value, there.version) == (True, "b", second.version)
    third = await put(cluster, "c:3", "c", Condition(version=second.version))
    fourth = await put(cluster, "a:1", "d", Condition(exists=True))
    assert third.version < fourth.version
    gone = await cluster.one("b:2", DeleteRequest(key="k", condition=Condition(value="c")))
    assert gone.mismatch.value == "d"
    gone = await cluster.one("b:2", DeleteRequest(key="k", condition=Condition(value="d")))
    assert gone.found
    assert gone.version
    assert not (await put(cluster, "c:3", "e", Condition(exists=True))).mismatch.found
    assert (await put(cluster, "c:3", "e", ABSENT)).version > gone.version


@in_cluster
async def test_without_a_majority_nobody_waits_for_the_deadline(cluster: MemoryCluster) -> None:
    """Alone among three a node says at once how many it needs; plain operations go on."""
    await put(cluster, "a:1", "v", ABSENT)
    await cluster.crash("b:2", "c:3")
    await cluster.until(lambda: cluster.sees("a:1", "b:2") == "DEAD", "they are missed")
    await cluster.until(lambda: cluster.sees("a:1", "c:3") == "DEAD", "they are missed")
    loop = asyncio.get_running_loop()
    for asking in (put(cluster, "a:1", "w", NONE), read(cluster, "a:1")):
        started_s = loop.time()
        with pytest.raises(NoMajority, match="needs 2 of 3 replicas of the key, and reaches 1"):
            await asking
        assert loop.time() - started_s < 0.5
    assert await cluster.get("a:1", "k") == "v"


@in_cluster
async def test_the_side_with_the_majority_goes_on(cluster: MemoryCluster) -> None:
    """And the other one takes over what was written there, and not the other way round."""
    await put(cluster, "a:1", "v", ABSENT)
    cluster.network.isolate("c:3")
    await cluster.until(lambda: cluster.sees("a:1", "c:3") == "DEAD", "it is missed")
    await put(cluster, "a:1", "w", Condition(value="v"))
    with pytest.raises(KvError) as caught:
        await put(cluster, "c:3", "x", Condition(value="v"))
    assert not isinstance(caught.value, OutcomeUnknown)
    cluster.network.heal()
    for one, other in (("a:1", "c:3"), ("c:3", "a:1"), ("c:3", "b:2")):
        await cluster.until_seen_again(one, other)
    for name in NAMES:
        assert (await read(cluster, name)).value == "w"


@in_cluster
async def test_a_plain_put_of_a_decided_key_is_decided(cluster: MemoryCluster) -> None:
    """It would undo what a majority has made sure of; and so would a delete."""
    first = await put(cluster, "a:1", "v", ABSENT)
    for name in NAMES:
        plain = await put(cluster, name, name, None)
        assert is_decided(Version(plain.version))
        assert plain.version > first.version
    assert (await put(cluster, "b:2", "w", Condition(version=plain.version))).version
    await cluster.one("c:3", DeleteRequest(key="k"))
    assert not (await read(cluster, "a:1")).found


@in_cluster
async def test_promises_and_what_was_accepted_survive_a_power_cut(cluster: MemoryCluster) -> None:
    """Of all nodes at once."""
    first = await put(cluster, "a:1", "v", ABSENT)
    await cluster.crash(*NAMES)
    await cluster.start()
    await cluster.until_serving()
    assert (await read(cluster, "b:2")).version == first.version
    assert (await put(cluster, "c:3", "w", ABSENT)).mismatch.value == "v"
    assert (await put(cluster, "c:3", "w", Condition(version=first.version))).version


async def promised(cluster: MemoryCluster, *names: str) -> bytes:
    """Have nodes promise something for "k" to somebody who does not come back; the ballot."""
    await cluster.until_voting()
    ballot = make_version(cluster["a:1"].time.now(), 0xCA5D0909)
    for name in names:
        acceptor = cluster[name].deciding.acceptor
        deadline_s = asyncio.get_running_loop().time() + 5
        said = await acceptor.promise([Promise(key="k", ballot=ballot)], deadline_s)
        assert said is not None
        assert not said[0].refused
    return ballot


@in_cluster
async def test_a_promise_that_nobody_comes_back_for_is_settled(cluster: MemoryCluster) -> None:
    """After a minute, by who gave it: what is there stays as it is, in a version of now."""
    await cluster.put("a:1", "k", "v")
    ballot = await promised(cluster, "b:2", "c:3")
    await cluster.until(lambda: not cluster["b:2"].store.promises, "it is settled", 120)
    await cluster.until(lambda: not cluster["c:3"].store.promises, "it is settled", 120)
    seen = await read(cluster, "a:1")
    assert seen.value == "v"
    assert seen.version > ballot


@in_cluster
async def test_what_a_replica_refused_is_not_read_there_until_it_has_it(
    cluster: MemoryCluster,
) -> None:
    """The others have acknowledged it; soon the replica sees to it that it has it, too."""
    early = cluster["a:1"].time.tick()
    await promised(cluster, "c:3")
    entry = to_message("k", ("v", early))
    for name in NAMES:
        verdicts = await cluster[name].store.write([entry])
        assert (verdicts[0].name == "REFUSED") == (name == "c:3")
    assert cluster["c:3"].store.get("k") is None
    assert await cluster.get("c:3", "k") == "v"
    assert cluster["c:3"].got(GetRequest(key="k")) is None
    await cluster.until(lambda: not cluster["c:3"].store.promises.behind, "it is settled", 10)
    assert await cluster.get("c:3", "k") == "v"
    assert cluster["c:3"].got(GetRequest(key="k")) is not None


@in_cluster
async def test_who_lost_its_disk_does_not_count_until_nothing_can_be_forgotten(
    cluster: MemoryCluster,
) -> None:
    """It serves, and stores what is decided; for a minute no majority is made of it."""
    await put(cluster, "a:1", "v", ABSENT)
    await cluster.replace_disk("c:3")
    await cluster.until_serving()
    await cluster.until(lambda: cluster.sees("a:1", "c:3") == "ALIVE", "it is back")
    assert (await put(cluster, "a:1", "w", Condition(value="v"))).acknowledged == 3
    await cluster.crash("b:2")
    with pytest.raises(KvError) as caught:
        await put(cluster, "a:1", "x", Condition(value="w"))
    assert isinstance(caught.value, NotReady)
    with pytest.raises(NotReady):
        await read(cluster, "c:3")
    await cluster.start("b:2")
    await cluster.until_voting("c:3")
    await cluster.crash("b:2")
    await cluster.until(lambda: cluster.sees("a:1", "b:2") == "DEAD", "it is missed")
    assert (await put(cluster, "a:1", "y", Condition(value="w"))).acknowledged == 2


@in_cluster
async def test_who_lost_its_disk_and_was_made_whole_does_not_count_when_it_is_started_again(
    cluster: MemoryCluster,
) -> None:
    """Its folder was whole by then, and taken for that of a node which had never counted."""
    await put(cluster, "a:1", "v", ABSENT)
    await cluster.replace_disk("c:3")
    await cluster.until_serving()
    await asyncio.sleep(5)  # until a checkpoint says that it is whole
    for _ in range(2):
        await cluster.stop("c:3")
        await cluster.start("c:3")
        await cluster.until_serving()
        await asyncio.sleep(5)
        assert cluster["c:3"].peering.voting.refusal
    await cluster.until_voting("c:3")
    await cluster.stop("c:3")
    await cluster.start("c:3")
    await cluster.until(lambda: not cluster["c:3"].peering.voting.refusal, "it remembers", 2)


@in_cluster
async def test_who_salvages_what_is_left_has_it_decided_after_a_minute(
    cluster: MemoryCluster,
) -> None:
    """Two of three disks are gone for good; empty folders were waited for as if they were not."""
    await put(cluster, "a:1", "v", ABSENT)
    await cluster.crash("b:2", "c:3")
    for name in ("b:2", "c:3"):
        cluster.disks[name] = FakeDisk()
        await cluster.start_one(name, salvage=True)
    await cluster.until_serving()
    with pytest.raises(NotReady):
        await put(cluster, "a:1", "w", Condition(value="v"))
    await cluster.until_voting()
    assert (await put(cluster, "b:2", "w", Condition(value="v"))).acknowledged == 3


@in_cluster
async def test_nothing_is_decided_where_a_member_would_ignore_it(cluster: MemoryCluster) -> None:
    """A node of an older version would store without looking; the sentence names it."""
    peer = cluster["a:1"].peering.peers["c:3"]
    assert peer.said is not None
    health = cluster["a:1"].health
    assert health(HealthCheckRequest()).decides
    said = HealthCheckResponse()
    said.CopyFrom(peer.said)
    said.responder.ClearField("decides")
    peer.said = said
    for request in (
        PutRequest(key="k", value="v", condition=ABSENT),
        PutRequest(key="k", value="v", ttl_ms=5_000),
        GetRequest(key="k", linearizable=True),
    ):
        with pytest.raises(TooOld, match="c:3 is too old for conditions"):
            await cluster.one("a:1", request)
    assert list(health(HealthCheckRequest()).too_old) == ["c:3"]
    assert await cluster.put("a:1", "k", "v") == 3


@in_cluster
async def test_who_would_lose_what_is_in_use_is_refused(cluster: MemoryCluster) -> None:
    """A member of an older version, once conditions or expiries are: it keeps sessions for ever."""
    beat = cluster["c:3"].peering.heartbeats._own_beat("a:1")
    beat.ClearField("decides")
    cluster["a:1"].health(HealthCheckRequest(sender=beat))
    await cluster.one("a:1", PutRequest(key="k", value="v", ttl_ms=5_000))
    with pytest.raises(ConfigurationDiffers, match="c:3 is too old for conditions and expiries"):
        cluster["a:1"].health(HealthCheckRequest(sender=beat))


@in_cluster
async def test_a_round_that_reaches_too_few_leaves_it_unknown(cluster: MemoryCluster) -> None:
    """What one of three has stored may be chosen yet; the error says in which version."""
    cluster.network.stuck = set(NAMES)
    with pytest.raises(OutcomeUnknown) as caught:
        await put(cluster, "a:1", "v", ABSENT)
    assert len(caught.value.version) == 12
    cluster.network.stuck = set()
    seen = await read(cluster, "b:2")
    assert seen.found == (seen.version >= caught.value.version)
