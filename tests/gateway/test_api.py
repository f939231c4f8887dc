"""The whole API through a gateway, by the library and on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import grpc
import pytest

from kvcluster import BadRequest, ConditionFailed, OutcomeUnknown
from kvcluster.config import Settings
from kvcluster.engines.contract import ReadOutcome
from kvcluster.errors import NotReady, SomeFailed
from kvcluster.model.readiness import Status
from kvcluster.recipes import AsyncCounter, AsyncLock
from kvcluster.server.budgets import Intake
from kvcluster.server.metrics.collector import Collector
from tests.edges.in_process import until
from tests.engines.twin import Twin
from tests.gateway.rig import QUICK, client_of, gateway_to, open_gateway

import demo_pb2 as pb
from demo_pb2_grpc import KeyValueStub, PeerStub


async def test_the_library_cannot_tell_it_from_a_node() -> None:
    """Single calls, many, scans, in order."""
    async with client_of(Twin()) as client:
        written = await client.put("city", "Hà Nội")
        assert (written.acknowledged, written.replicas) == (1, 1)
        assert await client.get("city") == "Hà Nội"
        assert await client.get("city", linearizable=True) == "Hà Nội"
        assert (await client.delete("city")).found
        assert not (await client.delete("city")).found
        assert await client.get("city") is None
        pairs = {f"k{number:05}": str(number) for number in range(5_000)}
        await client.put_many(pairs.items())
        assert [it async for it in client.scan("k")] == sorted(pairs.items())
        assert dict([it async for it in client.get_many(pairs)]) == pairs
        assert (await client.delete_prefix("k0")).found == 5_000


async def test_conditions_and_lives_work_through_it() -> None:
    """Put if absent, if unchanged, a time to live, and what is told of a failure."""
    twin = Twin()
    async with client_of(twin) as client:
        await client.put("k", "1", if_absent=True)
        with pytest.raises(ConditionFailed) as failed:
            await client.put("k", "2", if_absent=True)
        assert failed.value.value == "1"
        await client.put("k", "2", if_version=failed.value.version)
        await client.put("k", "3", if_value="2", ttl_s=60)
        assert twin.held["k"].expires_ms == twin.now_ms + 60_000
        assert await client.persist("k")
        assert twin.held["k"].expires_ms == 0
        twin.now_ms += int(timedelta(hours=1).total_seconds() * 1000)
        assert await client.get("k") == "3"


async def test_recipes_work_through_it() -> None:
    """A counter and a lock."""
    async with client_of(Twin()) as client:
        counter = AsyncCounter(client, "visits")
        assert [await counter.add() for _ in range(3)] == [1, 2, 3]
        lock = AsyncLock(client, "lock", ttl_s=30)
        assert await lock.acquire()
        assert not await AsyncLock(client, "lock", ttl_s=30).acquire(timeout_s=0.1)
        assert await lock.release()


async def test_what_an_engine_says_of_a_write_arrives_as_it_was_said() -> None:
    """An unknown outcome whose sentence sounds like gRPC's own is unknown all the same, and is not
    sent again.
    """
    twin = Twin()
    async with client_of(twin) as client:
        twin.failing["k"] = OutcomeUnknown("etcd: failed to connect to all addresses")
        with pytest.raises(OutcomeUnknown, match="failed to connect"):
            await client.put("k", "v")
        assert [keys for kind, keys in twin.calls if kind == "write"] == [("k",)]
        twin.failing["k"] = NotReady("etcd: no leader")
        with pytest.raises(SomeFailed):
            await client.put_many([("k", "1"), ("other", "2")], timeout_s=0.5)
        assert await client.get("other") == "2"


async def test_what_is_no_argument_is_refused_as_by_a_node() -> None:
    """Key, value, condition, expiry, the size of a batch."""
    async with open_gateway(Twin()) as gateway, grpc.aio.insecure_channel(gateway.name) as channel:
        await until(lambda: gateway.gate.status is Status.SERVING)
        stub: Any = KeyValueStub(channel)
        for method, request, words in (
            (stub.Put, pb.PutRequest(key="", value="v"), "allowed are 1 to 1,024"),
            (stub.Put, pb.PutRequest(key="k", value="v" * ((1 << 20) + 1)), "1,048,577"),
            (stub.Put, pb.PutRequest(key="k", ttl_ms=5), "the time to live is 5 ms"),
            (stub.Put, pb.PutRequest(key="k", condition=pb.Condition()), "says nothing"),
            (stub.Get, pb.GetRequest(key="k" * 1_025), "1,025 bytes long"),
            (stub.Locate, pb.LocateRequest(key=""), "allowed are 1 to 1,024"),
            (
                stub.Batch,
                pb.BatchRequest(operations=[pb.Operation(get=pb.GetRequest(key="k"))] * 1_025),
                "1,025 operations",
            ),
            (stub.PutMany, pb.PutManyRequest(block=pb.Block(keys=["a"])), "1 keys and 0 values"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await method(request)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert words in (refused.value.details() or "")


async def test_a_gateway_is_no_peer() -> None:
    """A node that takes it for one is refused with a sentence; there is no Peer service."""
    async with open_gateway(Twin()) as gateway, grpc.aio.insecure_channel(gateway.name) as channel:
        await until(lambda: gateway.gate.status is Status.SERVING)
        stub: Any = KeyValueStub(channel)
        with pytest.raises(grpc.aio.AioRpcError, match="is a gateway to the twin") as refused:
            await stub.Replicate(pb.ReplicateRequest(sender="n:1"))
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        beat = pb.HealthCheckRequest(sender=pb.Heartbeat(node="n:1"))
        with pytest.raises(grpc.aio.AioRpcError, match="n:1 takes it for a node"):
            await stub.CheckHealth(beat)
        peer: Any = PeerStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await peer.Pull(pb.PullRequest())
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_status_tells_of_the_engine_apart_from_the_peers() -> None:
    """A client that asked its members as nodes would find none."""
    twin = Twin()
    gateway = gateway_to(twin, others=("localhost:1",))
    await gateway.start()
    gateway.gate.state = await twin.probe(0)
    assert list(gateway.status().engine.members) == []  # it is not known how they are now
    gateway.gate.status = Status.SERVING
    status = gateway.status()
    assert status.engine.kind == "the twin"
    assert [(it.name, it.role) for it in status.engine.members] == [("dict", "all there is")]
    assert list(status.members) == []
    assert set(status.configuration.members) == {gateway.name, "localhost:1"}
    health = gateway.health(pb.HealthCheckRequest())
    assert [it.node for it in health.peers] == ["localhost:1"]
    assert health.engine == "the twin 1"
    assert health.decides
    where = gateway.locate(pb.LocateRequest(key="k"))
    assert (where.engine, list(where.replicas)) == ("in the dict", [])
    await gateway.stop()


async def test_its_metrics_tell_of_calls_and_of_the_engine() -> None:
    """And of nothing that a gateway has not."""
    gateway = gateway_to(Twin())
    await gateway.start()
    names = {it.name for it in Collector(gateway, Intake.of(gateway.settings)).look()}
    assert {"kvcluster_engine_up", "kvcluster_keys", "kvcluster_calls"} <= names
    assert not any(name.startswith(("kvcluster_journal", "kvcluster_peer")) for name in names)
    await gateway.stop()


async def test_budgets_hold_for_a_gateway() -> None:
    """What comes past them is refused, not queued before the engine."""

    class Stuck(Twin):
        async def read(
            self, keys: Sequence[str], deadline_s: float, *, linearizable: bool
        ) -> list[ReadOutcome]:
            await asyncio.sleep(3600)
            raise AssertionError

    settings = Settings(client_calls_in_flight=1)
    async with open_gateway(Stuck(), settings) as gateway:
        await until(lambda: gateway.gate.status is Status.SERVING)
        async with grpc.aio.insecure_channel(gateway.name) as channel:
            stub: Any = KeyValueStub(channel)
            twice = [stub.Get(pb.GetRequest(key="k"), timeout=30) for _ in range(2)]
            ended, _ = await asyncio.wait(
                [asyncio.ensure_future(it.code()) for it in twice],
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert [it.result() for it in ended] == [grpc.StatusCode.RESOURCE_EXHAUSTED]


async def test_a_scan_goes_on_behind_pages_that_hold_nothing() -> None:
    """A page may have only keys that expired; and a limit is a limit."""
    twin = Twin()
    async with client_of(twin, QUICK) as client:
        await client.put_many([(f"k{number:03}", "v") for number in range(30)])
        for number in range(10, 20):
            await client.put(f"k{number:03}", "v", ttl_s=1)
        twin.now_ms += 1_000
        keys = [key async for key in client.scan_keys("k")]
        assert keys == [f"k{number:03}" for number in [*range(10), *range(20, 30)]]
        assert len([key async for key in client.scan_keys("k", limit=15)]) == 15


async def test_a_linearizable_read_that_an_engine_cannot_do_is_refused_by_its_name() -> None:
    """A plain one is answered."""
    async with client_of(Twin(linearizable=False)) as client:
        with pytest.raises(BadRequest, match="the twin is asked not to"):
            await client.get("k", linearizable=True)
        assert await client.get("k") is None
