"""Keys that expire: seen until their time and never after, whoever is asked, by whatever clock."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kvcluster.errors import BadRequest, PeerRefused
from kvcluster.model.entry import Version
from kvcluster.model.slots import slot_of
from tests.cluster.memory import NAMES, START_MS, MemoryCluster, in_cluster
from tests.cluster.test_forwarding import in_parts

from demo_pb2 import (
    BatchRequest,
    DropRequest,
    Entry,
    GetRequest,
    HoldRequest,
    Operation,
    PutRequest,
    ReplicateRequest,
    ScanRequest,
)

HOUR_MS = 3_600_000


def now_ms() -> int:
    """What all clocks say that are right."""
    return START_MS + int(asyncio.get_running_loop().time() * 1000)


async def put(cluster: MemoryCluster, node: str, key: str, ttl_ms: int, value: str = "v") -> Any:
    """Put a key that lives for so long; the answer."""
    return await cluster.one(node, PutRequest(key=key, value=value, ttl_ms=ttl_ms))


async def expiry(cluster: MemoryCluster, node: str, key: str) -> int:
    """When a node says that a key expires; 0: never, or it is not there."""
    answer = await cluster.one(node, GetRequest(key=key))
    return int(answer.expires_ms)


_APART_MS = 5
"""Clocks are told in whole milliseconds, and some time after they were read."""


async def sleep_until(at_ms: int) -> None:
    """Until all clocks that are right say so."""
    await asyncio.sleep((at_ms + _APART_MS - now_ms()) / 1000)


async def scanned(cluster: MemoryCluster, node: str) -> list[str]:
    """All keys that a node gives."""
    deadline_s = asyncio.get_running_loop().time() + 5
    found = []
    async for page in cluster[node].scan(ScanRequest(keys_only=True), deadline_s):
        found += [pair.key for pair in page.pairs]
    return found


async def seen(cluster: MemoryCluster, key: str) -> list[str | None]:
    """What each node that is up shows."""
    return [await cluster.get(name, key) for name in cluster.network.nodes]


def a_key(cluster: MemoryCluster, primary: str) -> str:
    """A key of which this is the primary."""
    replicas = cluster[primary].membership.replicas
    return next(f"k{n}" for n in range(1_000) if replicas(slot_of(f"k{n}"))[0] == primary)


@in_cluster
async def test_a_key_is_seen_until_its_time_and_never_after(cluster: MemoryCluster) -> None:
    """At every node, by every kind of read, to some milliseconds; and the time is told."""
    await put(cluster, "a:1", "k", 5_000)
    await cluster.put("b:2", "other", "v")
    at_ms = await expiry(cluster, "c:3", "k")
    assert 4_900 <= at_ms - now_ms() <= 5_000
    assert {await expiry(cluster, name, "k") for name in NAMES} == {at_ms}
    await sleep_until(at_ms - 2 * _APART_MS)
    assert await seen(cluster, "k") == ["v"] * 3
    assert await scanned(cluster, "b:2") == ["k", "other"]
    await sleep_until(at_ms)
    assert await seen(cluster, "k") == [None] * 3
    for name in NAMES:
        assert await scanned(cluster, name) == ["other"]
        assert await expiry(cluster, name, "k") == 0
    await asyncio.sleep(0.1)
    assert [cluster[name].status().keys for name in NAMES] == [1] * 3


@in_cluster
async def test_nothing_is_written_or_sent_when_keys_expire(cluster: MemoryCluster) -> None:
    """No storm of deletes; whoever misses that second misses nothing."""
    for number in range(50):
        await put(cluster, NAMES[number % 3], f"k{number}", 3_000)
    await asyncio.sleep(0.5)
    before = [cluster[name].store.journal.committed for name in NAMES]
    cluster.network.sent.clear()
    await asyncio.sleep(3)
    assert [cluster[name].status().keys for name in NAMES] == [0] * 3
    assert [cluster[name].store.journal.committed for name in NAMES] == before
    assert {method for _, _, method in cluster.network.sent} <= {"check_health"}


@in_cluster
async def test_values_go_and_the_json_follows_and_at_last_the_tombstones(
    cluster: MemoryCluster,
) -> None:
    """Everywhere, with the expiry; nobody has to write for it."""
    await put(cluster, "a:1", "k", 2_000, "a value")
    await asyncio.sleep(1.9)
    assert cluster["b:2"].status().size_bytes == len("ka value")
    assert cluster["b:2"].status().expiring_keys == 1
    await asyncio.sleep(6)
    for name in NAMES:
        node = cluster[name]
        assert node.status().size_bytes == 0
        assert (node.status().expiring_keys, node.status().expired_keys) == (0, 1)
        assert node.status().tombstones == 1
        assert b"a value" not in cluster.disks[name].read(node.store.path)
    await asyncio.sleep(100)
    for name in NAMES:
        assert cluster[name].status().tombstones == 0
        assert cluster[name].store.table.expires_ms("k") == 0


@pytest.mark.parametrize("mad", NAMES)
@pytest.mark.parametrize("off_ms", [-HOUR_MS, HOUR_MS])
def test_one_mad_clock_of_three_changes_nothing(mad: str, off_ms: int) -> None:
    """Be it that of the node that takes the put, or that is read; before the put or after it."""

    @in_cluster
    async def test(cluster: MemoryCluster) -> None:
        await put(cluster, "a:1", "before", 20_000)
        await cluster.set_clock(mad, off_ms)
        await cluster.until_serving()
        await put(cluster, "a:1", "after", 20_000)
        assert abs(await expiry(cluster, "b:2", "after") - now_ms() - 20_000) < 200
        await asyncio.sleep(18)
        assert await seen(cluster, "before") == await seen(cluster, "after") == ["v"] * 3
        await asyncio.sleep(4)
        assert await seen(cluster, "before") == await seen(cluster, "after") == [None] * 3

    test()


@in_cluster
async def test_a_node_that_is_alone_goes_on_by_the_clocks_of_the_others(
    cluster: MemoryCluster,
) -> None:
    """Behind a cut, with a clock that jumps: what the others had still counts."""
    await put(cluster, "a:1", "k", 60_000)
    cluster.network.isolate("a:1")
    await asyncio.sleep(5)
    await cluster.set_clock("a:1", HOUR_MS)
    await asyncio.sleep(5)
    assert await cluster.get("a:1", "k", timeout_s=10) == "v"


@in_cluster
async def test_a_put_without_a_life_makes_a_key_permanent(cluster: MemoryCluster) -> None:
    """Alone, in a batch, in a block: at every replica."""
    keys = [f"k{number}" for number in range(6)]
    for key in keys:
        await put(cluster, "a:1", key, 2_000)
    await cluster.put("b:2", "k0", "w")
    puts = [Operation(put=PutRequest(key=key, value="w")) for key in keys[1:]]
    deadline_s = asyncio.get_running_loop().time() + 5
    await cluster["c:3"].batch(BatchRequest(operations=puts), deadline_s)
    await asyncio.sleep(5)
    for key in keys:
        assert await seen(cluster, key) == ["w"] * 3
        assert await expiry(cluster, "a:1", key) == 0


@in_cluster
async def test_operations_of_a_batch_see_the_lives_of_those_before_them(
    cluster: MemoryCluster,
) -> None:
    """And the last one counts, as with values."""
    operations = [
        Operation(put=PutRequest(key="k", value="1", ttl_ms=5_000)),
        Operation(get=GetRequest(key="k")),
        Operation(put=PutRequest(key="k", value="2")),
        Operation(get=GetRequest(key="k")),
        Operation(put=PutRequest(key="l", value="1")),
        Operation(put=PutRequest(key="l", value="2", expires_ms=now_ms() + 9_000)),
        Operation(put=PutRequest(key="m", value="", ttl_ms=999)),
    ]
    deadline_s = asyncio.get_running_loop().time() + 5
    answer = await cluster["a:1"].batch(BatchRequest(operations=operations), deadline_s)
    assert abs(answer.results[1].get.expires_ms - now_ms() - 5_000) < 100
    assert (answer.results[3].get.value, answer.results[3].get.expires_ms) == ("2", 0)
    assert "999 ms, allowed are 1,000 to" in answer.results[6].failure.message
    await asyncio.sleep(10)
    assert await seen(cluster, "k") == ["2"] * 3
    assert await seen(cluster, "l") == [None] * 3
    assert await seen(cluster, "m") == [None] * 3


@in_cluster
async def test_lives_over_the_limits_are_refused_with_value_and_limits(
    cluster: MemoryCluster,
) -> None:
    """And nothing is stored."""
    for ttl_ms in (0, 999, 2**63):
        with pytest.raises(BadRequest, match=f"is {ttl_ms:,} ms, allowed are"):
            await put(cluster, "a:1", "k", ttl_ms)
    for expires_ms in (now_ms() // 1_000, now_ms() + 400_000_000_000):
        with pytest.raises(BadRequest, match=f"is {expires_ms:,} ms since 1970, allowed are"):
            await cluster.one("a:1", PutRequest(key="k", value="v", expires_ms=expires_ms))
    assert await seen(cluster, "k") == [None] * 3
    assert not cluster.held("a:1")


@in_parts()
async def test_a_forwarded_put_expires_where_it_lives(cluster: MemoryCluster) -> None:
    """The node that carries it out makes the time of it, and a get through any node tells it."""
    key = "k"
    for node in cluster.members:
        await put(cluster, node, key, 3_000)
        assert abs(await expiry(cluster, node, key) - now_ms() - 3_000) < 200
    await asyncio.sleep(3.2)
    assert await seen(cluster, key) == [None] * len(cluster.members)


@in_cluster
async def test_a_write_that_is_renewed_keeps_its_expiry(cluster: MemoryCluster) -> None:
    """A replica held something newer: the version is another then, and not the time."""
    future = int.from_bytes(cluster["b:2"].time.tick()[:8], "big") + (500 << 16)
    ahead = Version(future.to_bytes(8, "big") + b"\0\0\0\1")
    await cluster["b:2"].store.write([Entry(key="k", value="newer", version=ahead)])
    cluster["b:2"].time._clock.observe(future)
    answer = await put(cluster, "a:1", "k", 4_000)
    assert answer.version > ahead
    assert {await expiry(cluster, name, "k") for name in NAMES} != {0}
    await asyncio.sleep(4.1)
    assert await seen(cluster, "k") == [None] * 3


@in_cluster
async def test_a_node_that_was_away_learns_when_keys_expire(cluster: MemoryCluster) -> None:
    """By catching up; and one that has lost its disk, and one in which damage took an entry."""
    await cluster.crash("c:3")
    await put(cluster, "a:1", "k", 60_000)
    await cluster.start("c:3")
    await cluster.until_serving()
    at_ms = cluster["a:1"].store.table.expires_ms("k")
    assert cluster["c:3"].store.table.expires_ms("k") == at_ms
    await cluster.replace_disk("b:2")
    await cluster.until_serving()
    assert cluster["b:2"].store.table.expires_ms("k") == at_ms
    version = Version(cluster.held("a:1")["k"][1])
    cluster["a:1"].store.table.drop("k", version)
    await cluster.until_equal()
    assert cluster["a:1"].store.table.expires_ms("k") == at_ms
    await sleep_until(at_ms)
    assert await seen(cluster, "k") == [None] * 3


@in_cluster
async def test_a_node_that_was_away_brings_back_nothing_that_has_expired(
    cluster: MemoryCluster,
) -> None:
    """It missed the put that let the key expire, and has the value from before."""
    await cluster.put("a:1", "k", "old")
    await cluster.crash("c:3")
    await put(cluster, "a:1", "k", 2_000, "new")
    await asyncio.sleep(200)
    assert cluster["a:1"].status().tombstones == 1, "it waits for who is away"
    await cluster.start("c:3")
    await cluster.until_serving()
    assert await seen(cluster, "k") == [None] * 3
    await asyncio.sleep(100)
    assert await seen(cluster, "k") == [None] * 3
    assert [cluster[name].status().tombstones for name in NAMES] == [0] * 3


@in_cluster
async def test_a_primary_with_a_mad_clock_deletes_nobodys_live_values(
    cluster: MemoryCluster,
) -> None:
    """It takes a key for expired, lets go of the value, and has the others hold and drop that: each
    judges by its own clock, confirms nothing, and at last gives it the value back.
    """
    key = a_key(cluster, "a:1")
    await put(cluster, "b:2", key, 10 * 60_000)
    lives = cluster["a:1"].store.table.lives
    right_ms, lives.town_ms = lives.town_ms, lambda: right_ms() + HOUR_MS
    await asyncio.sleep(150)
    assert cluster["a:1"].store.table.slot(slot_of(key))[key][0] is None, "it has let go of it"
    assert "hold" in {method for _, _, method in cluster.network.sent}
    assert [await cluster.get(name, key) for name in NAMES] == [None, "v", "v"]
    assert cluster["a:1"].status().tombstones == 1
    lives.town_ms = right_ms
    await asyncio.sleep(60)
    assert await seen(cluster, key) == ["v"] * 3
    assert [cluster[name].status().conflicts for name in NAMES] == [0] * 3


@in_cluster
async def test_a_tombstone_is_confirmed_and_dropped_only_after_its_time(
    cluster: MemoryCluster,
) -> None:
    """Whatever a peer says, the clock here decides; and a value is never dropped as one."""
    answer = await put(cluster, "a:1", "k", 5_000)
    version, at_ms = answer.version, await expiry(cluster, "a:1", "k")
    dead = Entry(key="k", deleted=True, version=version, expires_ms=at_ms)
    deadline_s = asyncio.get_running_loop().time() + 100
    node = cluster["b:2"]

    async def hold(key: str) -> list[int]:
        entry = Entry(key=key, deleted=True, version=version, expires_ms=at_ms)
        request = cluster.stamped(HoldRequest(entries=[entry]), "a:1", node.time.now())
        return list((await node.writing.replica.hold(request, deadline_s)).superseded)

    async def drop() -> None:
        request = cluster.stamped(DropRequest(tombstones=[dead]), "a:1", node.time.now())
        await node.writing.replica.drop(request, deadline_s)

    assert await hold("k") == [0]
    assert await hold("not here") == [0], "it is stored, and no tombstone yet"
    with pytest.raises(PeerRefused):
        await drop()
    assert await cluster.get("b:2", "k") == "v"
    await sleep_until(at_ms)
    assert await hold("k") == await hold("not here") == []
    await drop()
    assert "k" not in cluster.held("b:2")


@in_cluster
async def test_a_copy_that_comes_after_its_time_is_no_conflict_and_no_value(
    cluster: MemoryCluster,
) -> None:
    """A network repeats a put after its key expired, after the sweep, after the tombstone went."""
    answer = await put(cluster, "a:1", "k", 2_000)
    at_ms = await expiry(cluster, "a:1", "k")
    copy = Entry(key="k", value="v", version=answer.version, expires_ms=at_ms)
    for pause_s in (2.1, 3, 10):
        await asyncio.sleep(pause_s)
        request = cluster.stamped(
            ReplicateRequest(entries=[copy]), "a:1", cluster["b:2"].time.now()
        )
        await cluster["b:2"].writing.replica.replicate(
            request, asyncio.get_running_loop().time() + 5
        )
        assert await seen(cluster, "k") == [None] * 3
    assert cluster["b:2"].status().conflicts == 0
    cluster["b:2"].store.table.drop("k", Version(answer.version))
    await cluster["b:2"].store.write([copy])
    assert await cluster.get("b:2", "k") is None


@in_cluster
async def test_counts_and_scans_are_right_while_the_sweep_lags(cluster: MemoryCluster) -> None:
    """A node that is too busy to sweep shows nothing that has expired, and counts it nowhere."""
    for name in NAMES:
        cluster[name].store.table.sweep = lambda count: 0  # type: ignore[method-assign]
    for number in range(40):
        await put(cluster, "a:1", f"k{number:02}", 2_000 if number % 2 else 60_000)
    await asyncio.sleep(2.2)
    for name in NAMES:
        assert len(await scanned(cluster, name)) == 20
        status = cluster[name].status()
        assert (status.keys, status.tombstones, status.expired_keys) == (20, 20, 20)
        assert status.expiring_keys == 20


@in_cluster
async def test_a_node_that_starts_again_keeps_every_expiry(cluster: MemoryCluster) -> None:
    """After a power cut and a clean stop; what expired meanwhile is gone when it is up again."""
    await put(cluster, "a:1", "soon", 3_000)
    await put(cluster, "a:1", "later", 120_000)
    at_ms = await expiry(cluster, "a:1", "later")
    await cluster.crash(*NAMES)
    await asyncio.sleep(4)
    await cluster.start()
    await cluster.until_serving()
    assert await seen(cluster, "soon") == [None] * 3
    await cluster.stop()
    await cluster.start()
    await cluster.until_serving()
    assert await seen(cluster, "later") == ["v"] * 3
    assert {await expiry(cluster, name, "later") for name in NAMES} == {at_ms}
