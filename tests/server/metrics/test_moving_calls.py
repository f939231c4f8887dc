"""What a call moves, as gRPC's border sees it: counts by method and code, durations, budgets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.server.metrics.scene import Scene, provokes

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
    Failure,
    GetRequest,
    Operation,
    PutRequest,
    Result,
)


class Aborted(Exception):
    """The call ended with an error."""


class Context:
    """What gRPC hands to a handler, as far as ours look at it."""

    def time_remaining(self) -> float:
        """The client's deadline."""
        return 5.0

    async def abort(self, code: Any, details: str, trailer: Any) -> None:
        """End the call."""
        raise Aborted(details)


@provokes("calls_total", "call_duration_seconds", "operations_total")
async def test_calls_are_counted_by_how_they_end(scene: Scene) -> None:
    """An error rate, a latency and a request rate: what every service is asked for first."""
    front: Any = scene.watched().front
    await front.Put(PutRequest(key="k", value="v"), Context())
    await front.Get(GetRequest(key="k"), Context())
    with pytest.raises(Aborted):
        await front.Put(PutRequest(key="", value="v"), Context())
    operations = [Operation(get=GetRequest(key="k")), Operation(put=PutRequest(key="l", value="v"))]
    await front.Batch(BatchRequest(operations=operations), Context())
    now = scene.look()
    assert now("calls_total", method="Put", code="OK") == 1
    assert now("calls_total", method="Put", code="INVALID_ARGUMENT") == 1
    assert now("calls_total", method="Batch", code="OK") == 1
    assert now("call_duration_seconds_count", method="Put") == 2
    assert now("call_duration_seconds_bucket", method="Put", le="0.001") == 1
    assert now("call_duration_seconds_bucket", method="Put", le="0.005") == 2
    assert now("operations_total", operation="put") == 3
    assert now("operations_total", operation="get") == 2


@provokes("batch_failures_total")
async def test_operations_that_fail_in_a_batch_are_counted(scene: Scene) -> None:
    """Its call is OK: without this, a node that refuses every write of a library looks well."""
    front: Any = scene.watched().front
    operations = [
        Operation(put=PutRequest(key="", value="v")),
        Operation(put=PutRequest(key="k", value="v")),
        Operation(get=GetRequest(key="")),
    ]
    await front.Batch(BatchRequest(operations=operations), Context())
    now = scene.look()
    assert now("batch_failures_total", code="INVALID_ARGUMENT") == 2
    assert now("calls_total", method="Batch", code="OK") == 1
    rubbish = BatchResponse(results=[Result(failure=Failure(code=99))])  # as a peer may send it
    front.intake.traffic.ended("Batch", 0, 0.001, BatchRequest(), rubbish)
    assert scene.look()("batch_failures_total", code="99") == 1


@provokes("calls_in_flight", "calls_in_flight_bytes", "calls_total")
async def test_calls_are_seen_while_they_wait(scene: Scene) -> None:
    """A node near its budgets is about to refuse."""
    scene.cluster.network.stuck.add("c:3")
    front: Any = scene.watched().front
    put = asyncio.create_task(front.Put(PutRequest(key="k", value="v" * 500), Context()))
    given_up = asyncio.create_task(front.Put(PutRequest(key="l", value="v"), Context()))
    await asyncio.sleep(0.5)
    now = scene.look()
    assert now("calls_in_flight", budget="clients") == 2
    assert now("calls_in_flight_bytes", budget="clients") > 500
    assert now("calls_in_flight", budget="peers") == 0
    given_up.cancel()
    await put
    now = scene.look()
    assert now("calls_in_flight", budget="clients") == 0
    assert now("calls_in_flight_bytes", budget="clients") == 0
    assert now("calls_total", method="Put", code="OK") == 1
    assert now("calls_total", method="Put", code="CANCELLED") == 1
    assert now("call_duration_seconds_sum", method="Put") == pytest.approx(1.5, abs=0.3)
