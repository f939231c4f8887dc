"""The library against real nodes that are killed, frozen and cut off while it works."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from kvcluster import AsyncClient, NothingWritten, OutcomeUnknown, Stored
from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.model.members import split_address
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, started
from tests.processes.proxy import Link, Mode, Switchboard

from demo_pb2 import PutRequest
from demo_pb2_grpc import KeyValueStub

_IN_FLIGHT = 2 * 500
"""Two batches may be on their way when a node dies."""
_PATIENT = ["--set", "lame_duck_quiet_s=0.5", "--set", "lame_duck_limit_s=10"]
"""For callers on a machine so busy that they may not run for a while."""


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three servers for all tests of this file; ask for `cluster` instead."""
    with started(Cluster(tmp_path_factory.mktemp("three"), options=_PATIENT)) as made:
        yield made


@pytest.fixture
def cluster(three: Cluster) -> Cluster:
    """Those three, whole, whatever was done to them before."""
    three.mend()
    return three


@pytest.fixture
def switchboard() -> Iterator[Switchboard]:
    """Where a way to a node can be cut."""
    made = Switchboard()
    try:
        yield made
    finally:
        made.close()


async def _node_of(client: AsyncClient, cluster: Cluster) -> Server:
    """The node that a client has chosen; each of three nodes holds every key."""
    served_by = (await client.put("who", "am I")).served_by
    return next(server for server in cluster if server.name == served_by)


async def test_a_node_killed_in_the_middle_of_thousands_of_puts(cluster: Cluster) -> None:
    """Acknowledged is there, refused is not; and a client that knew one address goes on."""
    pairs = {f"killed {number}": f"value {number}" for number in range(6_000)}
    async with AsyncClient(cluster[0].name, timeout_s=20) as client:
        await client.put("before", "1")
        puts = {key: asyncio.ensure_future(client.put(key, pairs[key])) for key in pairs}
        await asyncio.wait(puts.values(), return_when=asyncio.FIRST_COMPLETED)
        cluster[0].kill()
        outcomes = await asyncio.gather(*puts.values(), return_exceptions=True)
        held = dict([pair async for pair in client.get_many(pairs)])
    by_key = dict(zip(pairs, outcomes, strict=True))
    stored = [key for key, outcome in by_key.items() if isinstance(outcome, Stored)]
    refused = [key for key, outcome in by_key.items() if isinstance(outcome, NothingWritten)]
    unknown = [outcome for outcome in outcomes if isinstance(outcome, OutcomeUnknown)]
    assert len(stored) + len(refused) + len(unknown) == len(pairs)
    assert [key for key in stored if held[key] != pairs[key]] == []
    assert [key for key in refused if held[key] is not None] == []
    assert 0 < sum("connection broke" in str(outcome) for outcome in unknown) <= _IN_FLIGHT


async def test_a_scan_survives_the_death_of_its_node(cluster: Cluster) -> None:
    """Every key comes, and comes once; so does what is read key by key."""
    pairs = {f"key {number:05}": str(number) for number in range(6_000)}
    async with AsyncClient(cluster.members, timeout_s=20) as client:
        server = await _node_of(client, cluster)
        assert await client.put_many(pairs) == 6_000
        scanned: list[tuple[str, str]] = []
        read: list[tuple[str, str | None]] = []
        async for pair in client.scan("key "):
            scanned.append(pair)
            if len(scanned) == 1:
                server.kill()
        assert scanned == list(pairs.items())
        server.start()
        server.wait_serving()
        server = await _node_of(client, cluster)
        async for key, value in client.get_many(pairs):
            read.append((key, value))
            if len(read) == 1:
                server.kill()
        assert read == scanned


async def test_a_frozen_node_holds_only_what_it_has(cluster: Cluster) -> None:
    """Reads and new writes go elsewhere after a second; the write in its hands is unknown."""
    async with AsyncClient(cluster.members, timeout_s=10) as client:
        await client.put("a", "1")
        server = await _node_of(client, cluster)
        with server.frozen():
            in_its_hands = asyncio.ensure_future(client.put("b", "1", timeout_s=2))
            assert await client.get("a") == "1"
            assert isinstance(await client.put("c", "1"), Stored)
            with pytest.raises(OutcomeUnknown, match="may have happened"):
                await in_its_hands
            assert isinstance(await client.put("b", "2"), Stored)
    cluster.wait_whole()
    assert {node.get("b").value for node in cluster} == {"2"}


async def test_a_node_that_is_cut_off_is_left(cluster: Cluster, switchboard: Switchboard) -> None:
    """A network that swallows everything looks like a node that thinks; two knocks tell."""
    ways: dict[str, Link] = {
        server.name: switchboard.link(split_address(server.name)) for server in cluster
    }
    seeds = [f"127.0.0.1:{link.port}" for link in ways.values()]
    async with AsyncClient(seeds, timeout_s=10) as client:
        way = ways[(await _node_of(client, cluster)).name]
        switchboard.do(switchboard.change([(way, Mode.LOSE, Mode.LOSE)]))
        swallowed = asyncio.ensure_future(client.put("a", "1", timeout_s=60))
        assert await client.get("who") == "am I"
        assert isinstance(await client.put("b", "1"), Stored)
        with pytest.raises(OutcomeUnknown, match="the connection was given up"):
            await swallowed


async def test_a_node_that_stops_is_not_noticed(cluster: Cluster) -> None:
    """Ctrl+C and a restart, one node after the other, while puts go on: not one may fail."""

    async def write(number: int) -> int:
        for turn in range(1_000_000):
            await client.put(f"stops/{number}/{turn}", "1")
            if stopped.is_set():
                return turn + 1
        raise AssertionError("it was never stopped")

    stopped = asyncio.Event()
    async with AsyncClient(cluster.members, timeout_s=20) as client:
        writing = asyncio.gather(*(write(number) for number in range(20)))
        for server in cluster.servers[:2]:
            server.signal(signal.SIGINT)
            await asyncio.to_thread(server.wait)
            server.start()
            await asyncio.to_thread(server.wait_serving)
        stopped.set()
        counts = await writing
        keys = [key async for key in client.scan_keys("stops/")]
    assert len(keys) == sum(counts)


async def test_calls_that_arrive_as_a_node_stops_are_refused_and_not_cancelled(
    tmp_path: Path,
) -> None:
    """gRPC cancels what it has not looked at yet, and nobody could tell what became of it."""
    port = free_ports(1)[0]
    endings: Counter[str] = Counter()

    async def write(number: int, stub: Any) -> None:
        for turn in itertools.count():
            try:
                await stub.Put(PutRequest(key=f"{number}/{turn}", value="1"), timeout=10)
            except grpc.aio.AioRpcError as error:
                endings[f"{error.code().name}: {error.details()}"] += 1
                return
            called.set()

    called = asyncio.Event()
    with started(Server(port, f"localhost:{port}", tmp_path, _PATIENT)) as server:
        server.wait_serving()
        async with grpc.aio.insecure_channel(server.name) as channel:
            stub = KeyValueStub(channel)
            writing = asyncio.gather(*(write(number, stub) for number in range(60)))
            await called.wait()
            server.signal(signal.SIGINT)
            await writing
        assert await asyncio.to_thread(server.wait) == 0
    assert endings == {"UNAVAILABLE: this node is stopping; nothing was written": 60}


async def test_no_node_is_left(cluster: Cluster) -> None:
    """What was never sent is certainly not done."""
    async with AsyncClient(cluster.members, timeout_s=0.4) as client:
        await client.put("a", "1")
        for server in cluster:
            server.kill()
        with pytest.raises((NothingWritten, OutcomeUnknown)):
            await client.put("a", "2")
        with pytest.raises(NothingWritten, match="nothing was written") as caught:
            await client.put("a", "3")
    assert all(server.name in str(caught.value) for server in cluster)
