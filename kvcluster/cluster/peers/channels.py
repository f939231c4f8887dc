"""Channels: the transport over gRPC, one lasting channel a peer, and what failures mean.

Writes, the calls that clients wait for, go to a peer on a stream (wire/call_stream.py), which takes
half the time. What the stream does not take is a call of its own; so are all other questions,
heartbeats above all, for they must pass a stream that is stuck.

Who this node is, a peer sees by its certificate where there is TLS, and by a proof with the secret
of the cluster where there is one (security/proof.py): a proof goes along with each call that is
made alone, over the bytes of its message, and with the opening of each stream. Who answers proves
as much: else whoever listens at the address of a peer that is down could say that he has stored
what it missed. Where gRPC only says that no connection came about, it is looked at whether TLS is
in the way (wire/tls_trouble.py): a peer that cannot be spoken to for that is not one that is dead,
and is told otherwise.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import Message

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
from kvcluster.security.proof import ANSWER, HEADER, NONCE_BYTES, Claim, Secrets
from kvcluster.wire.call_course import NOTHING, NotTaken, Opening
from kvcluster.wire.delivery import undelivered
from kvcluster.wire.dial import options_of_nodes
from kvcluster.wire.error_info import told_in
from kvcluster.wire.failures import named
from kvcluster.wire.kept_files import KeptFiles
from kvcluster.wire.parsing import Parse, Unusable, parser_of_answers
from kvcluster.wire.stream_words import PATH as STREAM
from kvcluster.wire.tls_trouble import TlsTroubles
from kvcluster.wire.way import Way

if TYPE_CHECKING:
    from kvcluster.wire.tls import TlsFiles

import demo_pb2
from demo_pb2 import ForwardRequest, HealthCheckRequest, ReplicateRequest

Method = Callable[..., Any]

_ON_STREAM = (ReplicateRequest, ForwardRequest)


@dataclass(frozen=True)
class Identity:
    """By what a node shows peers who it is."""

    name: str = ""
    """Its own, in the member list."""
    tls: TlsFiles | None = None
    secrets: KeptFiles[Secrets] | None = None


class Channels:
    """The Transport that servers use. Make it inside the running event loop."""

    def __init__(
        self, peers: tuple[str, ...], settings: Settings, identity: Identity | None = None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        options = options_of_nodes(settings)
        self._settings = settings
        self._identity = identity or Identity()
        self._clock = 0
        """That of the request that was sent last."""
        tls = self._identity.tls
        self._ways = {
            peer: Way(address_of(peer), options, tls, partial(self._opening, peer, STREAM, None))
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
            self._note_clock(request)
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
        self._note_clock(request)
        opening = self._opening(peer, path_of(kind), data)
        try:
            method = self._method(peer, kind)
            call = method(data, timeout=timeout_s, metadata=opening.metadata)
            answer = await call
            is_answered = await opening.is_answered_by(call)
        except grpc.aio.AioRpcError as error:
            failure = _failure(error)
        else:
            if not is_answered:
                raise _answered_by_a_stranger(peer, kind)
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

    def _note_clock(self, request: Any) -> None:
        """For the proof of the stream that may be opened for it."""
        if self._identity.secrets:
            beat = isinstance(request, HealthCheckRequest)
            self._clock = request.sender.clock if beat else request.clock

    def _opening(self, peer: str, path: str, message: bytes | None) -> Opening:
        """What goes along with a call, and what must come back. A stream is opened for a call, so
        its clock is that of one.
        """
        kept = self._identity.secrets
        if not kept:
            return NOTHING
        nonce = secrets.token_hex(NONCE_BYTES)
        claim = Claim(self._identity.name, peer, self._clock, nonce)
        ours = kept.now()
        line = ours.prove(claim, path, message)

        def is_answered(said: grpc.aio.Metadata) -> bool:
            return ours.answered(line, str(said.get(ANSWER, "")))

        return Opening(((HEADER, line),), is_answered)

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


def _answered_by_a_stranger(peer: str, kind: type[Message]) -> PeerRejected:
    """Of a heartbeat nothing depends on whether it came to anybody. Of anything else nobody knows:
    it may be a peer that was started without the secret, and has done it.
    """
    why = f"whoever answers at {peer} has not shown that it has the secret of this cluster"
    return PeerRejected(Unauthenticated(why) if kind is HealthCheckRequest else OutcomeUnknown(why))


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
