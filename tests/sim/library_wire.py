"""What is gRPC to the library, over the simulated network: answers, streams, and its very words.

A node that fails a call says why in the trailer, as the border of a real one does (server/rpc.py).
What the network does to a call is told as gRPC tells it: it has no words for what became of a
request.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

import grpc
from grpc.aio import AioRpcError, Metadata

from kvcluster.errors import PeerRejected, PeerSilent, PeerUnavailable
from kvcluster.node import Node
from kvcluster.server.rpc import status_of
from tests.sim.clients import each_of
from tests.sim.network import Network
from tests.sim.older import UNKNOWN_METHOD

from demo_pb2 import (
    BatchRequest,
    GetRequest,
    HealthCheckRequest,
    PutManyRequest,
    PutRequest,
    PutResponse,
    ScanRequest,
    ScanResponse,
)

Code = grpc.StatusCode
_READ = (GetRequest, HealthCheckRequest, ScanRequest)
_BREAKS = 0.05
"""How often the connection breaks behind some message of a stream."""
_LENGTH_BYTES = 4


class Traffic:
    """What one client has on its way to which node, to tell what its library makes of it.

    It sends nothing about a key while something about it is on its way, but for hedges.
    """

    def __init__(self, seen: Counter[str]) -> None:
        self.seen = seen
        self.stored: dict[str, PutResponse] = {}
        """By value: what a node said of a put that it carried out."""
        self._sent_to: dict[str, str] = {}
        self._on_their_way: dict[tuple[str, str], None] = {}

    def begins(self, node: str, request: Any) -> None:
        """A call leaves."""
        self.seen["puts in columns"] += isinstance(request, PutManyRequest)
        for operation in _operations(request):
            value = getattr(operation, "value", "")
            if value and self._sent_to.setdefault(value, node) != node:
                self.seen["puts tried at another node"] += 1
            if any(key == operation.key for _, key in self._on_their_way):
                self.seen["hedges"] += 1
        self._on_their_way |= {(node, it.key): None for it in _operations(request)}

    def answered(self, request: Any, answer: Any) -> None:
        """A node said what it did."""
        if isinstance(request, PutRequest):
            self.stored[request.value] = answer
        elif isinstance(request, BatchRequest):
            for asked, result in zip(request.operations, answer.results, strict=True):
                if result.HasField("put"):
                    self.stored[asked.put.value] = result.put
        elif isinstance(request, PutManyRequest):
            values = request.block.values
            for value, result in zip(values, each_of(answer, len(values)), strict=True):
                if result.HasField("put"):
                    self.stored[value] = result.put

    def ends(self, node: str, request: Any) -> None:
        """It was answered, or has failed."""
        for operation in _operations(request):
            self._on_their_way.pop((node, operation.key), None)


def _operations(request: Any) -> list[Any]:
    if isinstance(request, HealthCheckRequest):
        return []
    if isinstance(request, PutManyRequest):
        columns = zip(request.block.keys, request.block.values, strict=True)
        return [PutRequest(key=key, value=value) for key, value in columns]
    if not isinstance(request, BatchRequest):
        return [request]
    return [getattr(it, it.WhichOneof("operation") or "get") for it in request.operations]


class SimConnection:
    """A connection of one client to one node (kvcluster/client/connection.py)."""

    def __init__(
        self, network: Network, rng: random.Random, client: str, node: str, traffic: Traffic
    ) -> None:
        self._network = network
        self._rng = rng
        self._client = client
        self._node = node
        self._traffic = traffic
        self._seen = traffic.seen
        self._calls: dict[asyncio.Task[Any], None] = {}

    @property
    def busy(self) -> bool:
        """See Connection."""
        return bool(self._calls)

    async def ask(self, request: Any, timeout_s: float) -> object:
        """See Connection."""
        self._traffic.begins(self._node, request)
        try:
            answer = await self._answer(self._call(request, _carry_out(timeout_s), timeout_s))
            self._traffic.answered(request, answer)
            return answer
        finally:
            self._traffic.ends(self._node, request)

    def scan(self, request: ScanRequest, timeout_s: float) -> SimStream:
        """See Connection."""
        return SimStream(self, request, timeout_s)

    async def messages(self, request: ScanRequest, timeout_s: float) -> Stream:
        """What a node streams in answer to a scan, as far as it comes."""
        call = self._call(request, _collect(timeout_s), timeout_s)
        stream: Stream = await self._answer(call)
        if stream.messages and self._rng.random() < _BREAKS:
            self._seen["streams that broke"] += 1
            stream.cut(self._rng.randrange(len(stream.messages)))
        return stream

    def give_up(self) -> None:
        """See Connection."""
        self._seen["connections given up"] += 1
        lost, self._calls = self._calls, {}
        self._seen["calls given up"] += len(lost)
        for call in lost:
            call.cancel()

    async def close(self) -> None:
        """See Connection."""
        await asyncio.sleep(0.01)  # a scan that was left may still be about to end
        assert not self._calls, "a client was closed while a call was on its way"

    async def _answer(self, work: Coroutine[Any, Any, Any]) -> Any:
        call = asyncio.ensure_future(work)
        self._calls[call] = None
        try:
            return await call
        except asyncio.CancelledError:
            if call not in self._calls:
                raise _failed(Code.UNAVAILABLE, "the connection was given up") from None
            raise
        finally:
            self._calls.pop(call, None)

    async def _call(
        self, request: Any, handle: Callable[[Node, Any], Any], timeout_s: float
    ) -> Any:
        words = re.findall("[A-Z][a-z]+", type(request).__name__.removesuffix("Request"))
        method = "_".join(words).lower()
        try:
            return await self._network.call(
                self._client, self._node, method, request, handle, timeout_s
            )
        except PeerUnavailable as error:
            raise _as_grpc_tells(error, writes=not isinstance(request, _READ)) from None


class SimStream:
    """The messages of a scan, which all came at once."""

    def __init__(self, connection: SimConnection, request: ScanRequest, timeout_s: float) -> None:
        self._coming = asyncio.ensure_future(connection.messages(request, timeout_s))
        self._coming.add_done_callback(lambda it: it.cancelled() or it.exception())  # seen

    async def read(self) -> object:
        """See Stream."""
        stream = await asyncio.shield(self._coming)
        return stream.next()

    def cancel(self) -> None:
        """See Stream."""
        self._coming.cancel()


class Stream:
    """Messages in a row; it travels like one message."""

    def __init__(self, messages: list[ScanResponse]) -> None:
        self.messages = messages
        self._breaks = False

    def cut(self, length: int) -> None:
        """The connection breaks behind so many."""
        self.messages = self.messages[:length]
        self._breaks = True

    def next(self) -> object:
        """The next message, or the end. Raises AioRpcError."""
        if self.messages:
            return self.messages.pop(0)
        if self._breaks:
            raise _failed(Code.UNAVAILABLE, "Socket closed")
        return grpc.aio.EOF

    def SerializeToString(self) -> bytes:
        """As a message does it."""
        parts = [message.SerializeToString() for message in self.messages]
        return b"".join(len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in parts)

    @classmethod
    def FromString(cls, data: bytes) -> Stream:
        """As a message does it."""
        messages = []
        while data:
            end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "big")
            messages.append(ScanResponse.FromString(data[_LENGTH_BYTES:end]))
            data = data[end:]
        return cls(messages)


def _carry_out(timeout_s: float) -> Callable[[Node, Any], Any]:
    """As server.py does it."""

    async def carry_out(node: Node, request: Any) -> Any:
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        if isinstance(request, HealthCheckRequest):
            return node.health(request)
        if isinstance(request, BatchRequest):
            return await node.batch(request, deadline_s)
        if isinstance(request, PutManyRequest):
            return await node.put_many(request, deadline_s)
        return await node.one(request, deadline_s)

    return carry_out


def _collect(timeout_s: float) -> Callable[[Node, Any], Any]:
    async def collect(node: Node, request: ScanRequest) -> Stream:
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        async with aclosing(node.scan(request, deadline_s)) as messages:
            return Stream([message async for message in messages])

    return collect


def _as_grpc_tells(error: PeerUnavailable, *, writes: bool) -> AioRpcError:
    if isinstance(error, PeerRejected) and str(error.reason) == UNKNOWN_METHOD:
        return _failed(Code.UNIMPLEMENTED, "Method not found!")
    if isinstance(error, PeerRejected):
        code, details, trailer = status_of(error.reason, writes=writes)
        return AioRpcError(code, Metadata(), Metadata(*trailer), details)
    if isinstance(error, PeerSilent):
        return _failed(Code.DEADLINE_EXCEEDED, "Deadline Exceeded")
    if error.nothing_delivered:
        chain = "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.1:1: "
        return _failed(Code.UNAVAILABLE, chain + "connect: Connection refused (111)")
    return _failed(Code.UNAVAILABLE, "recvmsg:Connection reset by peer")


def _failed(code: Code, details: str) -> AioRpcError:
    return AioRpcError(code, Metadata(), Metadata(), details)
