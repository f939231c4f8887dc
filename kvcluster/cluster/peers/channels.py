"""Channels: the transport over gRPC, one lasting channel a peer, and what failures mean.

Writes, the calls that clients wait for, go to a peer on a stream (wire/call_stream.py), which takes
half the time. What the stream does not take is a call of its own; so are all other questions,
heartbeats above all, for they must pass a stream that is stuck.

With each call that is made alone, and with the opening of each stream, goes what says who this node
is (introduction.py). Where gRPC only says that no connection came about, it is looked at whether
TLS is in the way (wire/tls_trouble.py): a peer that cannot be spoken to for that is not one that is
dead, and is told otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import Message

from kvcluster.cluster.peers.introduction import (
    Identity,
    Introduction,
    answered_by_a_stranger,
)
from kvcluster.cluster.peers.knocking import Knocking
from kvcluster.cluster.peers.surroundings import METHODS
from kvcluster.config import Settings
from kvcluster.errors import (
    OutcomeUnknown,
    PeerBroke,
    PeerRejected,
    PeerSilent,
    PeerUnavailable,
    PeerUnconnected,
    PeerUnreachable,
    Unauthenticated,
    as_told,
)
from kvcluster.wire.call_course import NotTaken
from kvcluster.wire.delivery import undelivered
from kvcluster.wire.dial import options_of_nodes
from kvcluster.wire.error_info import told_in
from kvcluster.wire.failures import named
from kvcluster.wire.parsing import Parse, Unusable, parser_of_answers
from kvcluster.wire.stream_words import PATH as STREAM
from kvcluster.wire.tls_trouble import TlsTroubles
from kvcluster.wire.way import Way

import demo_pb2
from demo_pb2 import ForwardRequest, PrepareRequest, ReadRequest, ReplicateRequest

Method = Callable[..., Any]

_ON_STREAM = (ReplicateRequest, ForwardRequest, ReadRequest, PrepareRequest)


class Channels:
    """The Transport that servers use. Make it inside the running event loop."""

    def __init__(
        self, peers: tuple[str, ...], settings: Settings, identity: Identity | None = None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        options = options_of_nodes(settings)
        self._settings = settings
        identity = identity or Identity()
        self._introduction = Introduction(identity)
        tls, opening = identity.tls, self._introduction.opening
        self._ways = {
            peer: Way(address_of(peer), options, tls, partial(opening, peer, STREAM, None))
            for peer in peers
        }
        self._parsers: dict[type[Message], Parse] = {}
        self._methods: dict[tuple[str, type[Message]], Method] = {}
        self._knocking = Knocking(settings.knock_timeout_s)
        self._troubles = TlsTroubles(tls)
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, peer: str, request: Message, timeout_s: float) -> Awaitable[Any]:
        """See Transport. What goes on a stream takes no task, unless it fails."""
        kind, end_s = type(request), self._loop.time() + timeout_s
        if kind in _ON_STREAM:
            answer: asyncio.Future[Any] = self._loop.create_future()
            waiter = _Waiting(self, answer, peer, request, end_s)
            name, data = METHODS[kind].name, request.SerializeToString()
            self._introduction.note_clock(request)
            if cancel := self._way(peer).stream.begin(name, data, timeout_s, waiter):
                answer.add_done_callback(partial(_give_up, cancel))
                return answer
        return self.ask_alone(peer, request, end_s)

    async def ask_alone(self, peer: str, request: Message, end_s: float) -> Any:
        """The answer to a call of its own. Raises as `ask` does."""
        kind, data, timeout_s = (
            type(request),
            request.SerializeToString(),
            end_s - self._loop.time(),
        )
        self._way(peer)
        self._introduction.note_clock(request)
        opening = self._introduction.opening(peer, path_of(kind), data)
        try:
            method = self._method(peer, kind)
            call = method(data, timeout=timeout_s, metadata=opening.metadata)
            answer = await call
            is_answered = await opening.is_answered_by(call)
        except grpc.aio.AioRpcError as error:
            failure = _failure(error)
        else:
            if not is_answered:
                raise answered_by_a_stranger(peer, kind)
            if not isinstance(answer, Unusable):
                return answer
            failure = PeerRejected(answer.why)
        raise await self.explained(peer, failure, end_s)

    async def explained(self, peer: str, failure: PeerUnavailable, end_s: float) -> PeerUnavailable:
        """A failure, once it is known whether there is nobody."""
        if isinstance(failure, PeerUnconnected):
            address, left_s = address_of(peer), end_s - self._loop.time()
            if await self._knocking.finds_nobody(address, left_s):
                return PeerUnreachable(str(failure))
            if trouble := self._troubles.known_at(address):
                return PeerRejected(Unauthenticated(trouble))
        return failure

    def parse(self, kind: type[Message], data: bytes) -> Any:
        """The answer to such a request, or Unusable."""
        return self._parser(kind)(data)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """See to a call that needs more than to be called back."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """See Transport."""
        await self._knocking.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(way.close() for way in self._ways.values()))

    def _way(self, peer: str) -> Way:
        """The way to a peer, which is another when certificates have changed."""
        way = self._ways[peer]
        if way.renewed():
            self._methods = {at: it for at, it in self._methods.items() if at[0] != peer}
        return way

    def _method(self, peer: str, kind: type[Message]) -> Method:
        """The call of a peer that takes such requests, as bytes."""
        if (peer, kind) not in self._methods:
            self._methods[peer, kind] = self._ways[peer].channel.unary_unary(
                path_of(kind), response_deserializer=self._parser(kind)
            )
        return self._methods[peer, kind]

    def _parser(self, kind: type[Message]) -> Parse:
        """What reads the answers to such requests."""
        if kind not in self._parsers:
            output = METHODS[kind].output_type
            from_string = getattr(demo_pb2, output.name).FromString
            self._parsers[kind] = parser_of_answers(output, from_string, self._settings)
        return self._parsers[kind]


def path_of(kind: type[Message]) -> str:
    """The path of the method that takes such requests."""
    method = METHODS[kind]
    return f"/{method.containing_service.full_name}/{method.name}"


class _Waiting:
    """A call to a peer on a stream: turns what comes back into what a Transport answers."""

    def __init__(
        self,
        channels: Channels,
        answer: asyncio.Future[Any],
        peer: str,
        request: Message,
        end_s: float,
    ) -> None:
        self._channels = channels
        self._answer = answer
        self._peer = peer
        self._request = request
        self._end_s = end_s

    def answered(self, response: bytes) -> None:
        """See Waiter."""
        answer = self._channels.parse(type(self._request), response)
        if isinstance(answer, Unusable):
            self._fail(PeerRejected(answer.why))
        elif not self._answer.done():
            self._answer.set_result(answer)

    def failed(self, error: Exception) -> None:
        """See Waiter."""
        if isinstance(error, grpc.aio.AioRpcError):
            failure = _failure(error)
            if not isinstance(failure, PeerUnconnected):
                self._fail(failure)
                return
            self._channels.spawn(self._explain(failure))
        else:
            assert isinstance(error, NotTaken)
            self._channels.spawn(self._ask_alone())

    async def _explain(self, failure: PeerUnavailable) -> None:
        self._fail(await self._channels.explained(self._peer, failure, self._end_s))

    async def _ask_alone(self) -> None:
        """Nobody has seen it on the stream: make a call of its own of it."""
        asking = self._channels.ask_alone(self._peer, self._request, self._end_s)
        try:
            answer = await asking
        except PeerUnavailable as error:
            self._fail(error)
            return
        if not self._answer.done():
            self._answer.set_result(answer)

    def _fail(self, failure: PeerUnavailable) -> None:
        if not self._answer.done():
            self._answer.set_exception(failure)
            self._answer.exception()  # seen, even if nobody waits any more


def _give_up(cancel: Callable[[], None], answer: asyncio.Future[Any]) -> None:
    """Whoever waited for an answer may have cancelled it."""
    if answer.cancelled():
        cancel()


def address_of(peer: str) -> str:
    """Under which address a peer is reached: its name."""
    return peer


def _failure(error: grpc.aio.AioRpcError) -> PeerUnavailable:
    """What a failed call means. A node names its own error beside the status code."""
    details = error.details() or error.code().name
    if told := told_in(error):
        return PeerRejected(named(told, details))
    details = as_told(details)
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        never_sent = undelivered(error.code().name, details)
        # Of gRPC's chain of reasons only the last is of use in a log line.
        return (PeerUnconnected if never_sent else PeerBroke)(details.rsplit(": ", 1)[-1])
    if error.code() is grpc.StatusCode.CANCELLED:
        return PeerBroke("the call was cancelled on its way")  # nobody here did
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return PeerSilent("no answer in time")
    return PeerRejected(OutcomeUnknown(details))
