"""Forwarding: a node that does not hold a key asks one that does, and passes on what it says."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import grpc
import pytest

from kvcluster.config import Settings
from kvcluster.wire.dial import options_of_nodes
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually
from tests.processes.load import Load, read

from demo_pb2 import PeerState, PutRequest
from demo_pb2_grpc import KeyValueStub

Code = grpc.StatusCode

THREADS = 4
WENT_AWAY = "NODE went away before it answered; the write may have happened"


def kill_under_load(cluster: Cluster, prefix: str) -> None:
    """Kill the primary of the keys that a load through all other nodes is about."""
    primary = cluster[0]
    names = [key.rpartition("/")[2] for key in islice(cluster.keys_on(primary, prefix=prefix), 40)]
    with Load(cluster.servers[1:], prefix, THREADS, reads=0.3, keys=names) as load:
        load.goes_on()
        primary.kill()
        load.goes_on(300)
    assert {error[0] for error in load.tally.errors} <= {"put", "delete"}
    assert {error[1:] for error in load.tally.errors} <= {("UNAVAILABLE", WENT_AWAY)}
    assert load.tally.errors.total() <= THREADS
    assert load.tally.judged > 50
    primary.start()
    cluster.wait_whole()
    load.assert_kept(cluster.servers)


def test_kill_of_a_primary_fails_only_writes_in_flight(five: Cluster) -> None:
    """Three of five: whoever was waiting for it hears "unknown", and nobody else hears anything."""
    kill_under_load(five, "primary")


def test_kill_of_a_primary_with_two_replicas_fails_only_writes_in_flight(tmp_path: Path) -> None:
    """Two of three: the replica that is left takes everything."""
    cluster = Cluster(tmp_path, replicas=2)
    try:
        cluster.start()
        kill_under_load(cluster, "primary")
    finally:
        cluster.clean_up()


def test_frozen_primary_costs_a_read_a_second_and_then_nothing(five: Cluster) -> None:
    """A read goes on to the next replica; from the suspicion on no read waits at all."""
    key = "frozen/read"
    primary, *_ = five.replicas_of(key)
    other = five.strangers_to(key)[0]
    other.put(key, "v")
    with primary.frozen():
        answer = other.get(key, timeout_s=4)
        assert answer.value == "v"
        assert answer.served_by != primary.name
        gone = (PeerState.SUSPECT, PeerState.DEAD)
        eventually(lambda: other.thinks(primary) in gone, "it is suspect")
        started_s = time.monotonic()
        assert other.get(key).value == "v"
        assert time.monotonic() - started_s < 1, "to wait for it takes a second"


def test_frozen_primary_and_a_deadline_end_together(five: Cluster) -> None:
    """A client with half a second left hears DEADLINE_EXCEEDED then, not when it is found out."""
    primary = five[0]
    keys = list(islice(five.keys_on(primary, prefix="frozen/write"), 40))
    for key in keys:
        primary.put(key, "old")
    with primary.frozen():
        codes = codes_of_puts_at_once(five, keys, timeout_s=0.5)
        assert codes[Code.DEADLINE_EXCEEDED] > 0  # who holds a key itself needs no primary
        assert set(codes) <= {Code.DEADLINE_EXCEEDED, Code.OK}
        eventually(lambda: five[1].thinks(primary) == PeerState.DEAD, "it is dead")
        for key in keys:
            assert five.strangers_to(key)[0].put(key, "newer").acknowledged == 2
    five.wait_whole()
    assert {read(server, key) for server in five for key in keys} == {"newer"}


def codes_of_puts_at_once(cluster: Cluster, keys: list[str], timeout_s: float) -> Counter[Code]:
    """What happens to writes that go, all in one moment, to nodes that do not hold the keys."""

    async def put(stub: KeyValueStub, key: str) -> Code:
        try:
            await stub.Put(PutRequest(key=key, value="late"), timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            return error.code()
        return Code.OK

    async def all_at_once() -> list[Code]:
        servers = [cluster.strangers_to(key)[0] for key in keys]
        channels = {
            server: grpc.aio.insecure_channel(server.name, options_of_nodes(Settings()))
            for server in servers
        }
        stubs = [KeyValueStub(channels[server]) for server in servers]
        codes = await asyncio.gather(*map(put, stubs, keys))
        for channel in channels.values():
            await channel.close()
        return codes

    return Counter(asyncio.run(all_at_once()))


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Cluster]:
    """Two nodes with one replica of each key; the second takes less than the first."""
    made = Cluster(tmp_path, count=2, replicas=1)
    try:
        made.resize(1)
        made[1].options += ["--set", "value_limit_bytes=10", "--set", "client_calls_in_flight=1"]
        made.start()
        yield made
    finally:
        made.clean_up()


def test_what_a_replica_refuses_passes_through_as_it_is(strict: Cluster) -> None:
    """INVALID_ARGUMENT and RESOURCE_EXHAUSTED of another node, in its own words."""
    keys = list(islice(strict.keys_on(strict[1], prefix="k"), 100))
    with pytest.raises(grpc.RpcError) as caught:
        strict[0].put(keys[0], "v" * 11)
    assert caught.value.code() is Code.INVALID_ARGUMENT
    refused = caught.value.details() or ""
    assert "11 bytes long, allowed are 0 to 10; nothing was written" in refused
    assert strict[0].put(keys[0], "v" * 10).served_by == strict[1].name

    assert overloaded(strict[0], keys) == {
        "1 forwarded calls are in flight already, the most this node takes; nothing was written"
    }


def overloaded(server: Server, keys: list[str]) -> set[str]:
    """The details of those of many writes at once that are refused."""
    calls = [server.stub.Put.future(PutRequest(key=key, value="v"), timeout=5) for key in keys]
    errors = [error for error in (call.exception() for call in calls) if error]
    assert {error.code() for error in errors} == {Code.RESOURCE_EXHAUSTED}
    assert len(errors) < len(calls)
    return {error.details() for error in errors}
