"""Channels: the transport over gRPC, one lasting channel a peer, and what failures mean.

Writes, the calls that clients wait for, go to a peer on a stream (wire/call_stream.py), which takes
half the time. What the stream does not take is a call of its own; so are all other questions,
heartbeats above all, for they must pass a stream that is stuck.

Who this node is, a peer sees by its certificate where there is TLS, and by a proof with the secret
of the cluster where there is one (security/proof.py): a proof goes along with each call that is
made alone, over the bytes of its message, and with the opening of each stream. Where gRPC only says
that no connection came about, it is looked at whether TLS is in the way (wire/tls_trouble.py): a
peer that cannot be spoken to for that is not one that is dead, and is told otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
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
from kvcluster.security.proof import HEADER, NONCE_BYTES, Claim, Secrets
from kvcluster.wire.call_stream import Metadata, NotTaken
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
        options = options_of_nodes(settings)
        self._settings = settings
        self._identity = identity or Identity()
        self._clock = 0
        """That of the request that was sent last."""
        tls = self._identity.tls
        self._ways = {
            peer: Way(address_of(peer), options, tls, partial(self._opening, peer))
            for peer in peers
        }
        self._parsers: dict[type[Message], Parse] = {}
        self._methods: dict[tuple[str, type[Message]], Method] = {}
        self._knocking = Knocking(settings.knock_timeout_s)
        self._troubles = TlsTroubles(tls)

    async def ask(self, peer: str, request: Message, timeout_s: float) -> Any:
        """See Transport."""
        now_s = asyncio.get_running_loop().time
        end_s = now_s() + timeout_s
        try:
            answer = await self._answer(peer, request, end_s)
        except grpc.aio.AioRpcError as error:
            failure = _failure(error)
        else:
            if not isinstance(answer, Unusable):
                return answer
            failure = PeerRejected(answer.why)
        if isinstance(failure, PeerUnconnected):
            address = address_of(peer)
            if await self._knocking.finds_nobody(address, end_s - now_s()):
                raise PeerUnreachable(str(failure))
            if trouble := self._troubles.known_at(address):
                raise PeerRejected(Unauthenticated(trouble))
        raise failure

    async def close(self) -> None:
        """See Transport."""
        await self._knocking.close()
        await asyncio.gather(*(way.close() for way in self._ways.values()))

    async def _answer(self, peer: str, request: Message, end_s: float) -> Any:
        """What came back: the answer, or Unusable. Raises AioRpcError."""
        kind, now_s = type(request), asyncio.get_running_loop().time
        data, way = request.SerializeToString(), self._ways[peer]
        if way.renewed():
            self._methods = {at: it for at, it in self._methods.items() if at[0] != peer}
        if self._identity.secrets:
            self._clock = _clock_of(request)
        if kind in _ON_STREAM:
            parse = self._parser(kind)
            with contextlib.suppress(NotTaken):
                name = METHODS[kind].name
                return parse(await way.stream.ask(name, data, end_s - now_s()))
        metadata = self._proof(peer, path_of(kind), data)
        return await self._method(peer, kind)(data, timeout=end_s - now_s(), metadata=metadata)

    def _opening(self, peer: str) -> Metadata:
        """What a stream brings along. It is opened for a call, so its clock is that of one."""
        return self._proof(peer, STREAM, None)

    def _proof(self, peer: str, path: str, message: bytes | None) -> Metadata:
        if not self._identity.secrets:
            return ()
        nonce = secrets.token_hex(NONCE_BYTES)
        claim = Claim(self._identity.name, peer, self._clock, nonce)
        return ((HEADER, self._identity.secrets.now().prove(claim, path, message)),)

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


def _clock_of(request: Any) -> int:
    clock: int = request.sender.clock if isinstance(request, HealthCheckRequest) else request.clock
    return clock


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
