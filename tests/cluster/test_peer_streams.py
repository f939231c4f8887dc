"""What a peer says on a stream of calls, right and wrong, and what is made of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest

from kvcluster.client.failure import refusal_in
from kvcluster.cluster.peers.channels import Channels
from kvcluster.config import MIB, Settings
from kvcluster.errors import NotReady, OutcomeUnknown, PeerBroke, PeerRejected, PeerUnavailable
from kvcluster.wire.stream_words import error_of_end
from tests.edges.in_process import until

from demo_pb2 import (
    CallAnswer,
    CallsRequest,
    CallsResponse,
    Failure,
    ForwardRequest,
    Goodbye,
    ReplicateRequest,
    ReplicateResponse,
)

STORED = ReplicateResponse(clock=7)
Peer = Callable[[CallsRequest, Any], Awaitable[None]]
"""What a peer does with the first message of a stream."""


def said(*answers: CallAnswer, **more: Any) -> bytes:
    """A message of the stream."""
    return CallsResponse(answers=answers, **more).SerializeToString()


@contextlib.asynccontextmanager
async def beside(peer: Peer | None) -> AsyncIterator[tuple[Channels, str, list[str]]]:
    """A way to a peer that does so on a stream, and stores by calls alone; what it was called.

    None: it is an older one, and knows no streams.
    """
    called: list[str] = []

    async def calls(_: object, context: Any) -> None:
        assert peer
        await context.write(said())
        await peer(CallsRequest.FromString(await context.read()), context)

    async def alone(_: bytes, context: Any) -> bytes:
        called.append("Replicate")
        return STORED.SerializeToString()

    server = grpc.aio.server()
    handlers: dict[str, Any] = {"Replicate": grpc.unary_unary_rpc_method_handler(alone)}
    if peer:
        handlers["Calls"] = grpc.stream_stream_rpc_method_handler(calls)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("demo.KeyValue", handlers),)
    )
    name = f"localhost:{server.add_insecure_port('localhost:0')}"
    await server.start()
    channels = Channels((name,), Settings())
    try:
        for _ in range(2):
            assert await channels.ask(name, ReplicateRequest(), 5) == STORED
        await until(lambda: not peer or channels._ways[name].stream.ready)
        called.clear()
        yield channels, name, called
    finally:
        await channels.close()
        await server.stop(None)


async def failure_of(peer: Peer) -> PeerUnavailable:
    """What comes of a Replicate to such a peer."""
    async with beside(peer) as (channels, name, _):
        with pytest.raises(PeerUnavailable) as caught:
            await channels.ask(name, ReplicateRequest(), 5)
        return caught.value


async def test_an_answer_on_a_stream_is_that_of_its_call() -> None:
    """They may come in any order, and may be for nobody."""

    async def answer(frame: CallsRequest, context: Any) -> None:
        (call,) = frame.calls
        assert call.method == "Replicate"
        assert 4_000 < call.timeout_ms <= 5_000
        stranger = CallAnswer(id=99, response=b"\xff")
        await context.write(
            said(stranger, CallAnswer(id=call.id, response=STORED.SerializeToString()))
        )
        await context.read()

    async with beside(answer) as (channels, name, called):
        assert await channels.ask(name, ReplicateRequest(), 5) == STORED
        assert not called


@pytest.mark.parametrize("certain", [True, False])
async def test_a_failure_on_a_stream_is_the_error_that_the_peer_named(certain: bool) -> None:
    """As it would be by the trailer of a call alone."""

    async def refuse(frame: CallsRequest, context: Any) -> None:
        failure = Failure(code=14, message="no", reason="NOT_READY", nothing_written=certain)
        await context.write(said(CallAnswer(id=1, failure=failure)))
        await context.read()

    error = await failure_of(refuse)
    assert isinstance(error, PeerRejected)
    assert isinstance(error.reason, NotReady if certain else OutcomeUnknown)


async def test_a_stream_that_ends_without_an_answer_is_a_broken_connection() -> None:
    """In good order or not: what was on its way is unknown, and what may be repeated is."""

    async def end(frame: CallsRequest, context: Any) -> None:
        pass

    assert isinstance(await failure_of(end), PeerBroke)


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.value[0]])
@pytest.mark.parametrize(
    "details",
    [
        "nothing was written",
        "failed to connect to all addresses",
        "SERVER: Received message larger than max (2 vs. 1)",
        "Received http2 header with status: 404",
    ],
)
async def test_what_ends_a_stream_is_no_word_about_a_call(
    code: grpc.StatusCode, details: str
) -> None:
    """It may have been carried out, whatever the status says of something else."""

    async def abort(frame: CallsRequest, context: Any) -> None:
        await context.abort(code, details)

    refusal = refusal_in(error_of_end(code, details), 5)
    assert not refusal.nothing_written
    error = await failure_of(abort)
    assert not error.nothing_delivered
    assert isinstance(error, PeerBroke) or isinstance(error.reason, OutcomeUnknown)  # type: ignore[attr-defined]


@pytest.mark.parametrize("rubbish", [b"\xff\xff", b"\x0a\0" * 5 * MIB], ids=["bytes", "a bomb"])
async def test_rubbish_on_a_stream_is_no_answer(rubbish: bytes) -> None:
    """Somebody may listen under the name of a peer."""

    async def babble(frame: CallsRequest, context: Any) -> None:
        await context.write(rubbish)
        await context.read()

    error = await failure_of(babble)
    assert isinstance(error, PeerBroke)
    assert not error.nothing_delivered
    assert "no answer" in str(error)


@pytest.mark.parametrize("rubbish", [b"\xff", b"", b"\x78\1" * 5 * MIB])
async def test_an_answer_that_is_none_is_not_believed(rubbish: bytes) -> None:
    """An empty one names no clock: it comes from no node."""

    async def babble(frame: CallsRequest, context: Any) -> None:
        await context.write(said(CallAnswer(id=1, response=rubbish)))
        await context.read()

    error = await failure_of(babble)
    assert isinstance(error, PeerRejected)
    assert isinstance(error.reason, OutcomeUnknown)


async def test_what_lies_behind_a_goodbye_is_called_alone() -> None:
    """The peer says that it did not look at it."""

    async def leave(frame: CallsRequest, context: Any) -> None:
        await context.write(said(goodbye=Goodbye(last=0)))

    async with beside(leave) as (channels, name, called):
        assert await channels.ask(name, ReplicateRequest(), 5) == STORED
        assert called == ["Replicate"]


async def test_a_peer_that_knows_no_streams_is_called_alone() -> None:
    """An older one. It hears of streams no more."""

    async with beside(None) as (channels, name, called):
        for _ in range(3):
            assert await channels.ask(name, ReplicateRequest(), 5) == STORED
            await asyncio.sleep(0.05)
        assert called == ["Replicate"] * 3
        assert not channels._ways[name].stream.ready


async def test_a_forward_whose_stream_breaks_may_have_been_carried_out() -> None:
    """So nobody sends it again."""

    async def end(frame: CallsRequest, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")

    async with beside(end) as (channels, name, called):
        with pytest.raises(PeerBroke) as caught:
            await channels.ask(name, ForwardRequest(), 5)
        assert not caught.value.nothing_delivered
        assert not called
