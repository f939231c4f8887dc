"""What a node counts of the calls that it gets: each once, under the code that its caller saw."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from kvcluster.config import Settings
from kvcluster.node import Node
from kvcluster.server.budgets import Intake
from tests.edges.in_process import make_node, serving, until

from demo_pb2 import (
    BatchRequest,
    DeleteRequest,
    GetRequest,
    Operation,
    PutRequest,
    ScanRequest,
    StatusRequest,
    Traffic,
)
from demo_pb2_grpc import KeyValueStub

SETTINGS = Settings(pause_limit_s=60, client_calls_in_flight=4)
OK, CANCELLED, INVALID_ARGUMENT, RESOURCE_EXHAUSTED = 0, 1, 3, 8


def counted(traffic: Traffic) -> dict[str, dict[int, int]]:
    """Calls by method and code."""
    return {method.method: dict(method.calls) for method in traffic.methods}


@asynccontextmanager
async def stub_of(node: Node, intake: Intake | None = None) -> AsyncIterator[Any]:
    """A client's stub for a node that serves meanwhile."""
    async with serving(node, intake) as name, grpc.aio.insecure_channel(name) as channel:
        yield KeyValueStub(channel)


async def traffic_of(stub: Any) -> Traffic:
    """What the node says that it was asked."""
    traffic: Traffic = (await stub.Status(StatusRequest(), timeout=10)).traffic
    return traffic


async def test_each_call_is_counted_once_under_its_code(tmp_path: Path) -> None:
    """A rate that leaves out failures, or counts them as done, hides what is wrong."""
    async with stub_of(make_node(tmp_path, SETTINGS)) as stub:
        for key in ("a", "b"):
            await stub.Put(PutRequest(key=key, value="v"), timeout=10)
        await stub.Get(GetRequest(key="a"), timeout=10)
        for _ in range(3):
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.Delete(DeleteRequest(key=""), timeout=10)
        assert [page async for page in stub.Scan(ScanRequest(), timeout=10)]
        traffic = await traffic_of(stub)
    assert counted(traffic) == {
        "Put": {OK: 2},
        "Get": {OK: 1},
        "Delete": {INVALID_ARGUMENT: 3},
        "Scan": {OK: 1},
    }
    for method in traffic.methods:
        assert len(method.durations) == len(traffic.within_s) + 1
        assert sum(method.durations) == sum(method.calls.values())
        assert method.total_s > 0
    assert (traffic.puts, traffic.gets, traffic.deletes) == (2, 1, 3)


async def test_the_operations_of_a_batch_are_counted_one_by_one(tmp_path: Path) -> None:
    """One call may be a thousand writes."""
    put = Operation(put=PutRequest(key="a", value="v"))
    get = Operation(get=GetRequest(key="a"))
    async with stub_of(make_node(tmp_path, SETTINGS)) as stub:
        await stub.Batch(BatchRequest(operations=[put, get, get, get]), timeout=10)
        await stub.Get(GetRequest(key="a"), timeout=10)
        traffic = await traffic_of(stub)
    assert counted(traffic) == {"Batch": {OK: 1}, "Get": {OK: 1}}
    assert (traffic.puts, traffic.gets, traffic.deletes) == (1, 4, 0)


async def test_what_an_answer_has_no_room_for_is_no_failure(tmp_path: Path) -> None:
    """A program that reads many large values would set off an alarm in a node that is well."""
    settings = dataclasses.replace(SETTINGS, batch_bytes=10_000)
    get = Operation(get=GetRequest(key="a"))
    async with stub_of(make_node(tmp_path, settings)) as stub:
        await stub.Put(PutRequest(key="a", value="v" * 4_000), timeout=10)
        answer = await stub.Batch(BatchRequest(operations=[get] * 5), timeout=10)
        assert {it.failure.reason for it in answer.results if it.HasField("failure")} == {
            "ANSWER_FULL"
        }
        traffic = await traffic_of(stub)
    assert not traffic.batch_failures
    assert traffic.gets == 5


async def test_the_operations_of_a_batch_that_is_refused_are_counted(tmp_path: Path) -> None:
    """As a lone Put is; else a node would seem to be asked for less the more it refuses."""
    get = Operation(get=GetRequest(key="a"))
    intake = Intake.of(SETTINGS)
    async with stub_of(make_node(tmp_path, SETTINGS), intake) as stub:
        with ExitStack() as places:
            for _ in range(SETTINGS.client_calls_in_flight):
                places.enter_context(intake.clients.admit(0))
            for _ in range(2):
                with pytest.raises(grpc.aio.AioRpcError):
                    await stub.Batch(BatchRequest(operations=[get] * 3), timeout=10)
        traffic = await traffic_of(stub)
    assert counted(traffic) == {"Batch": {RESOURCE_EXHAUSTED: 2}}
    assert traffic.gets == 6


async def test_a_call_that_was_given_up_is_counted_as_cancelled(tmp_path: Path) -> None:
    """Clients that give up are the first sign of a slow disk."""
    intake = Intake.of(SETTINGS)
    async with stub_of(make_node(tmp_path, SETTINGS, sync_delay_s=0.1), intake) as stub:
        call = stub.Put(PutRequest(key="a", value="v"), timeout=20)
        await until(lambda: intake.clients.running == 1)
        call.cancel()
        await until(lambda: intake.clients.running == 0)
        assert counted(await traffic_of(stub)) == {"Put": {CANCELLED: 1}}
