"""Calls on a stream: each is what it would be alone, and a stream is no way round any limit."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from kvcluster import AsyncClient
from kvcluster.config import KIB, MIB, Settings
from kvcluster.server.budgets import Intake
from kvcluster.server.streamed import _now_ms
from kvcluster.wire.call_course import NotTaken
from kvcluster.wire.call_stream import CallStream
from kvcluster.wire.error_info import Told, told_in
from kvcluster.wire.stream_words import PATH
from tests.edges.in_process import make_node, serving, until
from tests.edges.test_traffic import counted, traffic_of

from demo_pb2 import (
    BatchRequest,
    Call,
    CallAnswer,
    CallsRequest,
    CallsResponse,
    GetRequest,
    GetResponse,
    Operation,
    PutRequest,
    PutResponse,
)
from demo_pb2_grpc import KeyValueStub

SETTINGS = Settings(pause_limit_s=60)
OK, CANCELLED, INVALID_ARGUMENT = 0, 1, 3


class Door:
    """A node, and the ways into it."""

    def __init__(self, address: str, channel: grpc.aio.Channel, intake: Intake) -> None:
        self.address = address
        self.channel = channel
        self.intake = intake
        self.stub: Any = KeyValueStub(channel)
        self.stream = CallStream(channel)

    def open(self) -> Any:
        """A stream on which anything can be written."""
        open_call: Any = self.channel.stream_stream(
            PATH, response_deserializer=CallsResponse.FromString
        )
        return open_call(timeout=20)

    async def put(self, key: str, value: str = "v", timeout_s: float = 10) -> PutResponse:
        """A Put on the stream."""
        request = PutRequest(key=key, value=value).SerializeToString()
        return PutResponse.FromString(await self.ask("Put", request, timeout_s))

    async def get(self, key: str) -> GetResponse:
        """A Get on the stream."""
        request = GetRequest(key=key).SerializeToString()
        return GetResponse.FromString(await self.ask("Get", request, 10))

    async def ask(self, method: str, request: bytes, timeout_s: float) -> bytes:
        """Anything on the stream, as soon as there is one."""
        end_s = asyncio.get_running_loop().time() + 5
        while True:
            try:
                return await self.stream.ask(method, request, timeout_s)
            except NotTaken:
                assert asyncio.get_running_loop().time() < end_s, "there is no stream"
                await asyncio.sleep(0.01)


@asynccontextmanager
async def door_of(
    folder: Path, *, sync_delay_s: float = 0.0, **settings: Any
) -> AsyncIterator[Door]:
    """A node with such settings that serves meanwhile."""
    of = dataclasses.replace(SETTINGS, **settings)
    intake, node = Intake.of(of), make_node(folder, of, sync_delay_s=sync_delay_s)
    async with serving(node, intake) as name, grpc.aio.insecure_channel(name) as channel:
        door = Door(name, channel, intake)
        yield door
        await door.stream.close()


def frame(*calls: Call) -> bytes:
    """A message of a stream."""
    return CallsRequest(calls=calls).SerializeToString()


def put(number: int, key: str = "k", **more: Any) -> Call:
    """A Put on a stream."""
    request = PutRequest(key=key, value="v").SerializeToString()
    told: dict[str, Any] = {"now_ms": _now_ms(), **more}
    return Call(id=number, method="Put", request=request, **told)


async def answers(stream: Any, count: int) -> dict[int, CallAnswer]:
    """So many answers, by the number of their call."""
    found: dict[int, CallAnswer] = {}
    while len(found) < count:
        message = await stream.read()
        assert message is not grpc.aio.EOF
        found.update({each.id: each for each in message.answers})
    return found


async def test_calls_on_a_stream_are_counted_as_calls_of_their_own(tmp_path: Path) -> None:
    """A rate that leaves them out would be that of an idle node."""
    async with door_of(tmp_path) as door:
        await asyncio.gather(*(door.put(f"key/{number}") for number in range(20)))
        assert (await door.get("key/7")).value == "v"
        traffic = await traffic_of(door.stub)
    assert counted(traffic) == {"Put": {OK: 20}, "Get": {OK: 1}}
    assert (traffic.puts, traffic.gets) == (20, 1)


async def test_a_failure_on_a_stream_says_what_it_says_alone(tmp_path: Path) -> None:
    """Code, details, reason, whether anything was written, how large a value may be."""
    async with door_of(tmp_path, value_limit_bytes=10 * KIB) as door:
        wrong = PutRequest(key="k", value="v" * 10 * KIB + "v")
        told = []
        for ask in (
            door.stub.Put(wrong, timeout=10),
            door.ask("Put", wrong.SerializeToString(), 10),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ask
            error = caught.value
            told.append((error.code(), error.details(), told_in(error)))
        assert told[0] == told[1]
        assert told[1][2] == Told("BAD_REQUEST", True, 10 * KIB)


async def test_a_request_on_a_stream_is_measured_before_it_is_parsed(tmp_path: Path) -> None:
    """Else a Get of sixteen megabytes could come in behind the number of a call."""
    async with door_of(tmp_path) as door:
        stream = door.open()
        bomb = b"\x78\1" * MIB
        await stream.write(frame(Call(id=1, method="Get", request=bomb, now_ms=_now_ms()), put(2)))
        found = await answers(stream, 2)
        assert "fields, allowed are" in found[1].failure.message
        assert found[2].response
        stream.cancel()


async def test_a_method_that_is_none_is_refused_and_the_stream_goes_on(tmp_path: Path) -> None:
    """A later version may ask for more."""
    async with door_of(tmp_path) as door:
        stream = door.open()
        await stream.write(frame(Call(id=1, method="Scan"), Call(id=2, method="__class__"), put(3)))
        found = await answers(stream, 3)
        for number in (1, 2):
            assert found[number].failure.code == grpc.StatusCode.UNIMPLEMENTED.value[0]
            assert found[number].failure.nothing_written
        assert found[3].response
        stream.cancel()


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\xff\xff\xff",
        b"\x0a\0" * 3 * MIB,
        frame(*(put(number) for number in range(1, 3_000))),
        frame(put(2), put(2)),
        frame(put(0)),
    ],
    ids=["no message", "empty calls", "too many", "twice", "no number"],
)
async def test_rubbish_ends_a_stream_and_no_other(tmp_path: Path, rubbish: bytes) -> None:
    """With INVALID_ARGUMENT. Of a call before it nothing is said that may be wrong."""
    async with door_of(tmp_path, sync_delay_s=0.2) as door:
        stream = door.open()
        await stream.write(frame(put(1)))
        await until(lambda: door.intake.clients.running == 1)
        await stream.write(rubbish)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await answers(stream, 2)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert told_in(caught.value) == Told("BAD_REQUEST", False)
        assert "nothing was written" not in (caught.value.details() or "")
        assert (await door.put("beside")).acknowledged == 1
        await until(lambda: door.intake.clients.running == 0)


async def test_calls_on_streams_take_places_in_their_budget(tmp_path: Path) -> None:
    """And are refused for certain when there are none, as calls alone."""
    async with door_of(tmp_path, client_calls_in_flight=4) as door:
        await door.put("a")
        with ExitStack() as places:
            for _ in range(4):
                places.enter_context(door.intake.clients.admit(0))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await door.put("a")
        assert told_in(caught.value) == Told("OVERLOADED", True)


async def test_past_the_streams_that_a_node_takes_calls_are_made_alone(tmp_path: Path) -> None:
    """Whoever fills the streams makes others slower, and nothing else."""
    async with door_of(tmp_path, streams=1) as door:
        stream = door.open()
        await stream.write(frame(put(1)))
        await answers(stream, 1)
        for _ in range(5):
            with pytest.raises(NotTaken):
                await door.stream.ask("Put", b"", 10)
            await asyncio.sleep(0.02)
        async with AsyncClient(door.address) as client:
            assert (await client.put("a", "1")).acknowledged == 1
        stream.cancel()


async def test_no_more_is_read_while_answers_are_not_taken(tmp_path: Path) -> None:
    """Else a caller who reads nothing has a node keep gigabytes for him."""
    async with door_of(tmp_path) as door:
        await door.stub.Put(PutRequest(key="k", value="v" * MIB), timeout=10)
        stream = door.open()
        gets = Call(method="Get", request=GetRequest(key="k").SerializeToString())

        async def flood() -> None:
            for number in range(1, 100_000):
                gets.id, gets.now_ms = number, _now_ms()
                await stream.write(frame(gets))

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(1)
        assert not flooding.done()
        asked = door.intake.clients.asked
        assert asked < 3_000
        await asyncio.sleep(0.5)
        assert door.intake.clients.asked == asked
        assert (await door.put("beside")).acknowledged == 1
        flooding.cancel()
        await asyncio.wait({flooding})
        stream.cancel()


async def test_an_idle_stream_is_ended_in_good_order(tmp_path: Path) -> None:
    """Who holds it open may have begun with sixteen megabytes; who is honest opens another."""
    async with door_of(tmp_path, message_timeout_s=0.3) as door:
        for number in range(3):
            assert (await door.put("a", str(number))).acknowledged == 1
            await until(lambda: door.intake.streams.running == 0)
        assert counted(await traffic_of(door.stub)) == {"Put": {OK: 3}, "Calls": {OK: 3}}


async def test_what_comes_while_a_stream_is_ended_is_certainly_not_done(tmp_path: Path) -> None:
    """So that it can be made elsewhere. Calls before the goodbye are answered."""
    async with door_of(tmp_path, sync_delay_s=0.5, message_timeout_s=0.2) as door:
        stream = door.open()
        await stream.write(frame(put(1)))
        assert (await stream.read()).now_ms
        goodbye = await stream.read()
        assert goodbye.HasField("goodbye")
        assert goodbye.goodbye.last == 1
        await stream.write(frame(put(2, "late")))
        assert (await stream.read()).answers[0].response
        assert await stream.read() is grpc.aio.EOF
        assert not (await door.get("late")).found


async def test_a_call_that_is_cancelled_on_a_stream_is_cancelled_at_the_node(
    tmp_path: Path,
) -> None:
    """It holds a place; and its caller's other calls go on."""
    async with door_of(tmp_path, sync_delay_s=0.3) as door:
        asked = asyncio.create_task(door.put("a"))
        await until(lambda: door.intake.clients.running == 1)
        asked.cancel()
        await until(lambda: door.intake.clients.running == 0)
        assert (await door.put("b")).acknowledged == 1
        assert counted(await traffic_of(door.stub))["Put"] == {CANCELLED: 1, OK: 1}


async def test_a_call_on_a_stream_has_its_deadline(tmp_path: Path) -> None:
    """At both ends, and the stream outlives it."""
    async with door_of(tmp_path, sync_delay_s=0.5) as door:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await door.put("a", timeout_s=0.1)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: door.intake.clients.running == 0)


@pytest.mark.parametrize("told", [{"timeout_ms": 300, "now_ms": 500}, {"now_ms": 6_000}, {}])
async def test_a_call_that_is_older_than_its_timeout_is_refused(
    tmp_path: Path, told: dict[str, Any]
) -> None:
    """Its caller has given it up, and what it says of that stands in line behind it."""
    async with door_of(tmp_path) as door:
        stream = door.open()
        age_ms = told.get("now_ms", _now_ms())
        old = put(1, **{**told, "now_ms": _now_ms() - age_ms})
        await stream.write(frame(old, put(2, "other")))
        found = await answers(stream, 2)
        assert found[1].failure.reason == "TOO_LATE"
        assert found[1].failure.nothing_written
        assert found[2].response
        assert not (await door.get("k")).found
        stream.cancel()


async def test_calls_of_a_caller_who_goes_are_cancelled(tmp_path: Path) -> None:
    """As those that he made alone would be."""
    async with door_of(tmp_path, sync_delay_s=0.3) as door:
        stream = door.open()
        await stream.write(frame(put(1), put(2, "b")))
        await until(lambda: door.intake.clients.running == 2)
        stream.cancel()
        await until(lambda: door.intake.clients.running == 0)
        await until(lambda: door.intake.streams.running == 0)


async def test_batches_go_on_streams_too(tmp_path: Path) -> None:
    """With their operations counted one by one."""
    async with door_of(tmp_path) as door:
        get = Operation(get=GetRequest(key="a"))
        request = BatchRequest(operations=[get] * 3).SerializeToString()
        await door.ask("Batch", request, 10)
        assert (await traffic_of(door.stub)).gets == 3
