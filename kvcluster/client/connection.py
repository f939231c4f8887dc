"""The connection to one node: calls go out, answers or `AioRpcError` come back. The client's seam.

Everything behind it is gRPC and its threads; everything before it runs in any event loop. The
simulator has a connection of its own, by which the whole client runs in virtual time.

gRPC connects, and connects again, by itself. Yet it clings to a connection that a cut has silenced,
for as long as TCP does, a quarter of an hour. It can be made to *ping*, and the clients of this
store once did so, each second. But a server or a proxy with gRPC's own defaults bears three pings
without an answer of its own between them; the fourth ends the connection ("Too many pings"), and a
write on its way is unknown. So this connection never pings. Who uses it asks the node how it is
instead, which every server bears, and calls `give_up` when there is no answer: calls on their way
fail, their outcome unknown, and the next one makes a new connection.

Puts, gets, deletes and batches go on a stream (wire/call_stream.py), which takes half the time;
what the stream does not take is a call of its own, as it always was. Questions of health always
are: they must pass a stream that is stuck.

Where TLS is in the way, gRPC says of most that can be wrong that a socket was closed. So where no
connection came about though somebody listens, it is found out (wire/tls_trouble.py), and the error
says it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import grpc

from kvcluster.client.credentials import Credentials, usual
from kvcluster.client.failure import UNREADABLE, refusal_in, tls_error
from kvcluster.wire.call_course import NotTaken, Opening
from kvcluster.wire.delivery import Undelivered, undelivered
from kvcluster.wire.dial import options_of_clients
from kvcluster.wire.outline import exceeds, method_of, outline_of
from kvcluster.wire.tls_trouble import TlsTroubles
from kvcluster.wire.way import Way

import demo_pb2
from demo_pb2 import ScanRequest
from demo_pb2_grpc import KeyValueStub

_LEAST_LOOK_S = 0.5
"""So long a look at what is wrong with TLS may take, however little time is left."""
_ECHO_S = 0.05
"""How long gRPC may take to hear that a call was cancelled."""
_MOST_FIELDS = 1_000_000
"""In an answer; more than any node answers, and parsed in a tenth of a second. Who poses as a node
could stop this program with one answer."""
_ON_STREAM = ("Put", "Get", "Delete", "Batch", "PutMany")
_GIVEN_UP = "it answered nothing, not even how it is, and the connection was given up"


class Stream(Protocol):
    """The answer to a Scan, message by message."""

    async def read(self) -> object:
        """The next message, None if it cannot be read, or `grpc.aio.EOF`. Raises AioRpcError."""

    def cancel(self) -> None:
        """End it, unless it has come to its end."""


class Connection(Protocol):
    """What a client needs of the way to a node."""

    @property
    def busy(self) -> bool:
        """Whether a call is on its way."""

    async def ask(self, request: Any, timeout_s: float) -> object:
        """The answer to any request but a Scan; None if it cannot be read.

        Raises AioRpcError.
        """

    def scan(self, request: ScanRequest, timeout_s: float) -> Stream:
        """Begin a Scan."""

    def give_up(self) -> None:
        """It says nothing: let calls on their way fail, and make a new one for the next."""

    async def close(self) -> None:
        """Let go of it. Nothing may be on its way any more."""


Dial: TypeAlias = Callable[[str], Connection]


async def answer_or_refusal(connection: Connection, request: Any, timeout_s: float) -> Any:
    """The answer of a node to any request but a Scan; a Refusal if there is none to be read."""
    try:
        answer = await connection.ask(request, timeout_s)
    except grpc.aio.AioRpcError as error:
        return refusal_in(error, timeout_s)
    return UNREADABLE if answer is None else answer


class GrpcConnection:
    """A connection by gRPC. Make it inside the event loop; it connects at the first call."""

    def __init__(self, address: str, credentials: Credentials | None = None) -> None:
        """`credentials`: None: those of this program."""
        self._loop = asyncio.get_running_loop()
        self._address = address
        credentials = credentials or usual()
        self._metadata = credentials.metadata
        self._troubles = TlsTroubles(credentials.tls)
        self._calls: dict[Any, None] = {}
        """Those on their way. A call that is cancelled and not among them was given up."""
        self._echoes = False
        """Whether a call was cancelled of which gRPC has still something to report."""
        opening = Opening(self._metadata)
        self._way = Way(address, options_of_clients(), credentials.tls, lambda: opening)
        self._use_way()

    def _use_way(self) -> None:
        self._stub: Any = KeyValueStub(_Parsing(self._way.channel))  # generated without types

    @property
    def busy(self) -> bool:
        """See Connection."""
        return bool(self._calls) or self._way.stream.busy

    async def ask(self, request: Any, timeout_s: float) -> object:
        """See Connection."""
        end_s = self._loop.time() + timeout_s
        try:
            return await self._ask(request, timeout_s)
        except grpc.aio.AioRpcError as error:
            if trouble := await self._trouble(error, end_s - self._loop.time()):
                raise tls_error(trouble) from error
            raise

    async def _trouble(self, error: grpc.aio.AioRpcError, within_s: float) -> str:
        """What is wrong with TLS, if that is why no connection came about."""
        details = error.details() or ""
        if undelivered(error.code().name, details) is not Undelivered.NO_CONNECTION:
            return ""
        # Also where it was refused: that is said of the last of several addresses.
        return await self._troubles.at(self._address, max(within_s, _LEAST_LOOK_S))

    async def _ask(self, request: Any, timeout_s: float) -> object:
        if self._way.renewed():
            self._use_way()
        name = type(request).__name__.removesuffix("Request")
        if name in _ON_STREAM:
            end_s = self._loop.time() + timeout_s
            with contextlib.suppress(NotTaken):
                answer = await self._way.stream.ask(name, request.SerializeToString(), timeout_s)
                return _PARSE[name](answer)
            timeout_s = end_s - self._loop.time()
        method = getattr(self._stub, "CheckHealth" if name == "HealthCheck" else name)
        call = method(request, timeout=timeout_s, metadata=self._metadata)
        self._calls[call] = None
        try:
            return await call
        except asyncio.CancelledError:
            self.raise_if_lost(call)
            raise
        finally:
            self.forget(call)

    def scan(self, request: ScanRequest, timeout_s: float) -> Stream:
        """See Connection."""
        if self._way.renewed():
            self._use_way()
        call = self._stub.Scan(request, timeout=timeout_s, metadata=self._metadata)
        self._calls[call] = None
        return _GrpcStream(self, call)

    def raise_if_lost(self, call: Any) -> None:
        """Raise AioRpcError if it was not the caller of this call who cancelled it."""
        if call not in self._calls:
            nothing = grpc.aio.Metadata()
            unavailable = grpc.StatusCode.UNAVAILABLE
            raise grpc.aio.AioRpcError(unavailable, nothing, nothing, _GIVEN_UP) from None

    def forget(self, call: Any) -> None:
        """A call is over; if it is not, end it."""
        self._calls.pop(call, None)
        self._echoes |= call.cancel()

    def give_up(self) -> None:
        """See Connection. One that is still being made is left to gRPC, which tries on."""
        if self._way.channel.get_state() is not grpc.ChannelConnectivity.READY:
            return
        lost, self._calls = self._calls, {}
        for call in lost:
            call.cancel()
        self._way.give_up(_GIVEN_UP)
        self._echoes = True
        self._use_way()

    async def close(self) -> None:
        """See Connection."""
        await self._way.stream.close()
        if self._echoes or self._way.stream.echoes:
            await asyncio.sleep(_ECHO_S)
        await self._way.close()


class _GrpcStream:
    """A stream by gRPC."""

    def __init__(self, connection: GrpcConnection, call: Any) -> None:
        self._connection = connection
        self._call = call
        self._left = False

    async def read(self) -> object:
        """See Stream."""
        try:
            message: object = await self._call.read()
            return message
        except asyncio.CancelledError:
            if not self._left:  # else nobody would hear of it, and asyncio complain about that
                self._connection.raise_if_lost(self._call)
            raise

    def cancel(self) -> None:
        """See Stream."""
        self._left = True
        self._connection.forget(self._call)


async def stop_quietly(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel tasks that wait for calls, and return when gRPC knows, too.

    Its threads report the end of a cancelled call to the event loop a moment later. If the loop is
    closed by then, they write a traceback into the log of any other loop of the program.
    """
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(_ECHO_S)


class _Parsing:
    """Stands between the stub and its channel: what cannot be parsed, or is dear to, is None.

    gRPC would write one into the log of the program that uses this library.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    def unary_unary(self, method: str, *, response_deserializer: Any, **more: Any) -> Any:
        """What the stub makes a method of."""
        parse = _or_none(method, response_deserializer)
        return self._channel.unary_unary(method, response_deserializer=parse, **more)

    def unary_stream(self, method: str, *, response_deserializer: Any, **more: Any) -> Any:
        """The same for streams."""
        parse = _or_none(method, response_deserializer)
        return self._channel.unary_stream(method, response_deserializer=parse, **more)

    def stream_stream(self, method: str, **more: Any) -> Any:
        """Nobody asks this of the stub: the stream of calls is opened by CallStream."""
        return self._channel.stream_stream(method, **more)


def _or_none(method: str, parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    outline = outline_of(method_of(method).output_type)

    def parse_or_none(data: bytes) -> Any:
        if exceeds(data, outline, _MOST_FIELDS):
            return None
        try:
            return parse(data)
        except Exception:  # protobuf's own error type differs between its versions
            return None

    return parse_or_none


_PARSE = {
    name: _or_none(f"/demo.KeyValue/{name}", getattr(demo_pb2, f"{name}Response").FromString)
    for name in _ON_STREAM
}
