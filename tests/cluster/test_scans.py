"""Scans: every live key once, in order, through any node, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from kvcluster.cluster.requests.scan_pages import ScanPage, from_bits, to_bits
from kvcluster.config import Settings
from kvcluster.errors import BadRequest, NoReplica, NotReady, PeerRefused, TooLate
from kvcluster.model.slots import SLOTS
from tests.cluster.memory import FIVE, MemoryCluster, in_cluster
from tests.cluster.test_forwarding import Decorator, homes, in_parts
from tests.storage.virtual_loop import run

from demo_pb2 import ScanPartRequest, ScanRequest, ScanResponse

KEYS = [f"{letter}{number:03}" for letter in "ab" for number in range(150)]
SMALL = Settings(scan_page_keys=7)


async def messages(
    cluster: MemoryCluster, name: str, timeout_s: float = 5, **request: Any
) -> AsyncIterator[ScanResponse]:
    """What a node streams."""
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    async with aclosing(cluster[name].scan(ScanRequest(**request), deadline_s)) as stream:
        async for message in stream:
            yield message


async def scan(cluster: MemoryCluster, name: str, **request: Any) -> list[str]:
    """The keys; it must be complete."""
    keys = []
    async for message in messages(cluster, name, **request):
        assert not message.missing_slots
        keys += [pair.key for pair in message.pairs]
    return keys


async def fill(cluster: MemoryCluster) -> None:
    """Put every key, through all nodes, all at once."""
    names = itertools.cycle(cluster.members)
    await asyncio.gather(*(cluster.put(next(names), key, key.upper()) for key in KEYS))


def in_small_parts(replicas: int = 3) -> Decorator:
    """As `in_parts`, with pages of a few keys."""
    return in_parts(FIVE, replicas, settings=SMALL)


@in_cluster
async def test_a_scan_gives_live_keys_in_order_with_their_values(cluster: MemoryCluster) -> None:
    """Not the deleted ones, and each once, whatever the pages."""
    await fill(cluster)
    await cluster.delete("b:2", "a007")
    keys = [key for key in KEYS if key != "a007"]
    for name in cluster.members:
        assert await scan(cluster, name) == keys
    pairs = [pair async for m in messages(cluster, "a:1", prefix="b01") for pair in m.pairs]
    assert [(pair.key, pair.value) for pair in pairs] == [(f"b01{n}", f"B01{n}") for n in range(10)]


@in_small_parts()
async def test_a_scan_is_complete_where_nodes_hold_parts(cluster: MemoryCluster) -> None:
    """No node holds all of it; together they do, and no key comes twice."""
    await fill(cluster)
    for name in FIVE:
        assert await scan(cluster, name) == KEYS
    assert await scan(cluster, "a:1", prefix="b", start_after="b090", limit=30) == [
        f"b{number:03}" for number in range(91, 121)
    ]
    assert await scan(cluster, "a:1", limit=1) == KEYS[:1]
    assert await scan(cluster, "a:1", prefix="c") == []
    assert await scan(cluster, "a:1", prefix="a", start_after="b") == []
    only = [m async for m in messages(cluster, "a:1", keys_only=True, prefix="a")]
    assert [pair.value for m in only for pair in m.pairs] == [""] * 150


@in_small_parts()
async def test_a_scan_goes_on_when_a_node_dies_under_it(cluster: MemoryCluster) -> None:
    """Its slots are read from other replicas, behind the last key: none lost, none twice."""
    await fill(cluster)
    keys = []
    async for message in messages(cluster, "a:1"):
        keys += [pair.key for pair in message.pairs]
        if len(keys) > 40 and "b:2" in cluster.network.nodes:
            await cluster.crash("b:2")
        if len(keys) > 150 and "c:3" in cluster.network.nodes:
            await cluster.crash("c:3")
        assert not message.missing_slots
    assert keys == KEYS


@in_small_parts()
async def test_a_scan_goes_on_when_a_node_falls_silent(cluster: MemoryCluster) -> None:
    """A node that is cut off is not waited for longer than for a moment."""
    await fill(cluster)
    keys = []
    async for message in messages(cluster, "a:1", timeout_s=10):
        keys += [pair.key for pair in message.pairs]
        if len(keys) > 40:
            cluster.network.cut("a:1", "d:4")
    assert keys == KEYS


async def crash_seen(cluster: MemoryCluster, name: str) -> list[str]:
    """A node is gone, and a:1 knows; the keys that are left."""
    await cluster.crash(name)
    await cluster.until(lambda: cluster.sees("a:1", name) != "ALIVE", "its death is seen")
    return [key for key in KEYS if homes(cluster, key)[0] != (name,)]


@in_small_parts(replicas=1)
async def test_what_no_live_replica_holds_is_told_with_every_message(
    cluster: MemoryCluster,
) -> None:
    """A client that ends its call before the end must know as well."""
    await fill(cluster)
    left = await crash_seen(cluster, "e:5")
    told = [message async for message in messages(cluster, "a:1")]
    assert [pair.key for message in told for pair in message.pairs] == left
    missing = SLOTS - sum(len(cluster[name].membership.held) for name in FIVE[:-1])
    assert {message.missing_slots for message in told} == {missing}
    assert {tuple(message.missing_nodes) for message in told} == {("e:5",)}
    limited = [message async for message in messages(cluster, "a:1", limit=3)]
    assert [pair.key for message in limited for pair in message.pairs] == left[:3]
    assert {message.missing_slots for message in limited} == {missing}


@in_small_parts(replicas=1)
async def test_a_hole_is_told_before_the_first_pair_behind_it(cluster: MemoryCluster) -> None:
    """Whoever is broken off knows of what came whether it was all there was."""
    await fill(cluster)
    keys: dict[bool, list[str]] = {False: [], True: []}
    async for message in messages(cluster, "a:1"):
        keys[bool(message.missing_slots)] += [pair.key for pair in message.pairs]
        if len(keys[False]) > 40 and "e:5" in cluster.network.nodes:
            await cluster.crash("e:5")
    whole = keys[False]
    assert len(whole) > 40
    assert whole == KEYS[: len(whole)]
    behind = [key for key in KEYS[len(whole) :] if homes(cluster, key)[0] != ("e:5",)]
    assert keys[True] == behind


@in_small_parts(replicas=1)
async def test_a_hole_that_closes_is_read_from_there_on_and_stays_told(
    cluster: MemoryCluster,
) -> None:
    """The keys of a node that returns under a scan come again; those passed by do not."""
    await fill(cluster)
    left = await crash_seen(cluster, "e:5")
    keys, told = [], []
    async for message in messages(cluster, "a:1", timeout_s=60):
        keys += [pair.key for pair in message.pairs]
        told.append(message.missing_slots)
        if len(keys) > 40 and "e:5" not in cluster.network.nodes:
            await cluster.start("e:5")
            await cluster.until(
                lambda: cluster["a:1"].peering.peers["e:5"].serves_reads, "it is back"
            )
            came = len(keys)
    assert keys[:came] == left[:came]
    assert keys[came:] == [key for key in KEYS if key > keys[came - 1]]
    assert len(set(told)) == 1
    assert told[-1] > 0


@in_small_parts(replicas=1)
async def test_a_late_page_is_waited_for_however_long_the_scan_lasts(
    cluster: MemoryCluster,
) -> None:
    """A replica that lives and is slow for a moment leaves no hole, in the tenth minute neither."""
    await fill(cluster)
    loop = asyncio.get_running_loop()
    keys: list[str] = []
    async for message in messages(cluster, "a:1", timeout_s=600):
        assert not message.missing_slots
        keys += [pair.key for pair in message.pairs]
        if len(keys) in range(100, 200):
            await asyncio.sleep(20)  # the reader works on a page
            cluster.network.stuck_methods.add("scan_part")
            loop.call_later(1.5, cluster.network.stuck_methods.discard, "scan_part")
    assert keys == KEYS


@in_cluster
async def test_a_node_that_is_behind_reads_from_one_that_is_not(cluster: MemoryCluster) -> None:
    """What it holds may be old; a scan through it must not be."""
    await fill(cluster)
    await cluster.crash("c:3")
    await cluster.delete("a:1", "a000")
    await cluster.put("a:1", "new", "v")
    cluster.network.stuck_methods.add("pull")  # it cannot catch up
    await cluster.start("c:3")
    await cluster.until(lambda: cluster["c:3"].gate.writable, "c:3 is up")
    assert not cluster["c:3"].gate.readable
    assert await scan(cluster, "c:3") == [*KEYS[1:], "new"]
    cluster.network.cut("c:3", "a:1")
    cluster.network.cut("c:3", "b:2")
    with pytest.raises(NoReplica, match="this node is syncing, and no other can answer"):
        await scan(cluster, "c:3", timeout_s=1)


@in_small_parts(replicas=2)
async def test_keys_that_stay_come_once_whatever_is_written_meanwhile(
    cluster: MemoryCluster,
) -> None:
    """Keys that come and go between pages shift nothing."""
    await fill(cluster)
    seen, turn = [], 0
    async for message in messages(cluster, "b:2"):
        seen += [pair.key for pair in message.pairs]
        turn += 1
        await cluster.put("c:3", f"a{turn:03}!", "new")
        await cluster.delete("d:4", f"b{turn * 2:03}")
        await cluster.put("a:1", "b149", f"{turn}")
    gone = {f"b{number * 2:03}" for number in range(1, turn + 1)}
    assert [key for key in seen if key in KEYS and key not in gone] == [
        key for key in KEYS if key not in gone
    ]
    assert seen == sorted(set(seen))


@in_cluster
async def test_a_scan_ends_at_its_deadline_and_says_how_far_it_came(
    cluster: MemoryCluster,
) -> None:
    """A client that reads slowly must not hold a place for ever."""
    await fill(cluster)
    cluster["a:1"].requests.scans._settings = SMALL
    stream = messages(cluster, "a:1", timeout_s=2)
    assert [pair.key for pair in (await anext(stream)).pairs] == KEYS[:7]
    await asyncio.sleep(3)
    with pytest.raises(TooLate, match="behind the key 'a006'"):
        await anext(stream)


@in_cluster
async def test_impossible_scans_are_refused(cluster: MemoryCluster) -> None:
    """Each by a sentence with the limit; and a stopping node takes none."""
    with pytest.raises(BadRequest, match=r"the prefix 'p+'… is 1,025 bytes long"):
        await scan(cluster, "a:1", prefix="p" * 1025)
    with pytest.raises(BadRequest, match="start_after"):
        await scan(cluster, "a:1", start_after="p" * 1025)
    await cluster["a:1"].drain()
    with pytest.raises(NotReady, match="stopping"):
        await scan(cluster, "a:1")


@in_small_parts()
async def test_a_peer_gives_only_what_it_holds(cluster: MemoryCluster) -> None:
    """Slots that it does not hold would come back empty, and look like keys that are not there."""
    node = cluster["a:1"]
    stranger = next(slot for slot in range(SLOTS) if slot not in node.membership.held)
    request = ScanPartRequest(scan=ScanRequest(), slot_bits=to_bits(frozenset({stranger})))
    with pytest.raises(PeerRefused, match="holds no replica"):
        await node.requests.scans.part(cluster.stamped(request, "b:2", node.time.now()))
    request.slot_bits = b"short"
    with pytest.raises(BadRequest, match="5 bytes, not 512"):
        await node.requests.scans.part(cluster.stamped(request, "b:2", node.time.now()))
    assert from_bits(to_bits(node.membership.held)) == node.membership.held


@pytest.mark.parametrize(
    ("pairs", "reached"),
    [
        ([], "b"),  # a step back would be taken for ever
        ([], "c"),
        ([("c", "", 0)], None),
        ([("e", "", 0), ("d", "", 0)], None),
        ([("d", "", 0), ("d", "", 0)], "e"),
        ([("e", "", 0)], "d"),
        ([("d", "", 0), ("e", "", 0), ("f", "", 0)], None),  # it is full, and there may be more
        ([("d", "", 0), ("e", "", 0), ("f", "", 0), ("g", "", 0)], "g"),  # more than was asked for
    ],
)
def test_rubbish_pages_of_a_peer_are_not_believed(
    pairs: list[tuple[str, str, int]], reached: str | None
) -> None:
    """Keys out of order, out of bounds, or no step forward; an end where there may be none."""
    request = ScanRequest(start_after="c", limit=3)
    assert not ScanPage(pairs, reached).is_sound(request)
    assert ScanPage([("d", "", 0), ("e", "", 0)], "f").is_sound(request)
    assert ScanPage([("d", "", 0), ("e", "", 0)], None).is_sound(request)
    assert ScanPage([("d", "", 0), ("e", "", 0), ("f", "", 0)], "f").is_sound(request)


def test_pages_that_flow_at_once_leave_in_messages_that_grpc_takes() -> None:
    """Large values from many nodes at once are more than one message may carry."""

    async def body() -> None:
        cluster = MemoryCluster(Settings(batch_bytes=3_000), members=FIVE, replicas=1)
        await cluster.start()
        await cluster.until_serving()
        for number in range(20):
            await cluster.put("a:1", f"k{number:02}", "v" * 1_000)
        told = [message async for message in messages(cluster, "a:1")]
        assert [len(message.pairs) for message in told] == [2] * 10
        for node in cluster.network.nodes.values():
            await node.kill()

    run(body())
