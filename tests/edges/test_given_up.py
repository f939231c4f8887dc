"""Calls that their clients gave up: cancelled, expired, half made. Nothing of them is left over.

What a client gives up may be written or not, but wholly; the group commit that carried it goes on;
no task, no place in a budget and no part of a value stays behind.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from kvcluster.config import Settings
from tests.edges.in_process import count_tasks, make_node, serving, until
from tests.processes.cluster import Cluster

from demo_pb2 import DeleteRequest, GetRequest, PutRequest
from demo_pb2_grpc import KeyValueStub

PLACES = 20
"""The budget is small, so that a place that is not given back is missed at once."""
SETTINGS = Settings(client_calls_in_flight=PLACES, pause_limit_s=20)
LONG = "v" * 1_000


async def give_up(call: Any, after_s: float) -> str:
    """Cancel a call after a while; how it ended."""
    timer = asyncio.get_running_loop().call_later(after_s, call.cancel)
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    except asyncio.CancelledError:
        return "CANCELLED"
    finally:
        timer.cancel()
    return "OK"


async def storm(stub: Any, rng: random.Random, number: int) -> str:
    """One call that is cancelled or expires before, while or after it is written."""
    key, moment_s = f"k{number % 10}", rng.uniform(0, 0.05)
    kinds = [
        (stub.Put, PutRequest(key=key, value=f"{number}:{LONG}")),
        (stub.Delete, DeleteRequest(key=key)),
        (stub.Get, GetRequest(key=key)),
    ]
    method, request = rng.choice(kinds)
    if rng.random() < 0.5:
        return await give_up(method(request, timeout=5), moment_s)
    return await give_up(method(request, timeout=moment_s), 5)


async def test_calls_given_up_leave_no_task_and_no_place_behind(tmp_path: Path) -> None:
    """A thousand calls, cancelled or expired at any moment of a slow commit: all that they took is
    given back, the next writes are stored, and what is in memory is what is on disk.
    """
    rng = random.Random(7)
    node = make_node(tmp_path, SETTINGS, sync_delay_s=0.02)
    async with serving(node) as name:
        before = count_tasks()
        async with grpc.aio.insecure_channel(name) as channel:
            stub = KeyValueStub(channel)
            ends: Counter[str] = Counter()
            for start in range(0, 1_000, 50):
                calls = [storm(stub, rng, number) for number in range(start, start + 50)]
                ends.update(await asyncio.gather(*calls))
            assert ends["CANCELLED"] > 50, ends
            assert ends["DEADLINE_EXCEEDED"] > 50, ends
            assert set(ends) <= {"OK", "CANCELLED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
            puts = [
                stub.Put(PutRequest(key=f"after{n}", value="v"), timeout=5) for n in range(PLACES)
            ]
            assert {put.acknowledged for put in await asyncio.gather(*puts)} == {1}
        await until(lambda: count_tasks() <= before)
        held = dict(node.store.table.items())
    assert {value for value, _ in held.values()} <= {None, "v"} | {
        f"{n}:{LONG}" for n in range(1_000)
    }
    copy = tmp_path.with_suffix(".copy")
    shutil.copytree(tmp_path, copy)
    again = make_node(copy, SETTINGS, name=node.membership.name)
    assert dict(again.store.table.items()) == held


async def test_calls_never_made_leave_no_task_behind(tmp_path: Path) -> None:
    """Calls that are opened and get no message take no place, and end with the connection."""
    node = make_node(tmp_path, SETTINGS)
    async with serving(node) as name:
        before = count_tasks()
        release = asyncio.Event()

        async def nothing() -> AsyncIterator[bytes]:
            await release.wait()
            yield b""

        channel = grpc.aio.insecure_channel(name)
        await channel.channel_ready()
        put: Any = channel.stream_unary("/demo.KeyValue/Put")
        calls = [put(nothing()) for _ in range(5 * PLACES)]
        await until(lambda: count_tasks() >= before + 5 * PLACES, 30)
        async with grpc.aio.insecure_channel(name) as other:
            stub = KeyValueStub(other)
            puts = [stub.Put(PutRequest(key=f"k{n}", value="v"), timeout=20) for n in range(PLACES)]
            assert {put.acknowledged for put in await asyncio.gather(*puts)} == {1}
        await channel.close()
        assert all(call.done() for call in calls)
        release.set()  # the calls' own tasks, on this side, wait for nothing else
        await until(lambda: count_tasks() <= before, 30)


@pytest.mark.parametrize("timeout_s", [1e9, None])
def test_absurd_deadline_is_answered_like_any_other(
    three: Cluster, timeout_s: float | None
) -> None:
    """Thirty years, or none at all: a node has deadlines of its own."""
    put = three[0].stub.Put
    assert put(PutRequest(key="k", value="v"), timeout=timeout_s).acknowledged == 3


async def test_cancelled_writes_are_on_all_replicas_or_on_none(three: Cluster) -> None:
    """Whatever the moment in which the client left, the replicas agree, value by value."""
    rng = random.Random(11)
    keys = [f"left/{number}" for number in range(200)]
    async with grpc.aio.insecure_channel(three[0].name) as channel:
        put = KeyValueStub(channel).Put
        moments_s = itertools.cycle([0.003, 0.1])  # half of them before any disk has answered
        calls = [
            give_up(put(PutRequest(key=key, value=key + LONG)), rng.uniform(0, next(moments_s)))
            for key in keys
        ]
        ends = Counter(await asyncio.gather(*calls))
    assert ends["CANCELLED"] > 10, ends
    three.wait_whole()
    for key in keys:
        answers = [server.get(key) for server in three]
        assert len({answer.version for answer in answers}) == 1, key
        assert {answer.value for answer in answers} <= {key + LONG, ""}
