"""Channels: the transport over gRPC, one lasting channel a peer, and what failures mean.

Writes, the calls that clients wait for, go to a peer on a stream (wire/call_stream.py), which takes
half the time. What the stream does not take is a call of its own; so are all other questions,
heartbeats above all, for they must pass a stream that is stuck.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

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
    as_told,
)
from kvcluster.wire.call_stream import CallStream, NotTaken
from kvcluster.wire.delivery import undelivered
from kvcluster.wire.dial import dial, options_of_nodes
from kvcluster.wire.error_info import told_in
from kvcluster.wire.failures import named
from kvcluster.wire.parsing import Parse, Unusable, parser_of_answers

import demo_pb2
from demo_pb2 import ForwardRequest, ReplicateRequest

Method = Callable[..., Any]

_ON_STREAM = (ReplicateRequest, ForwardRequest)


class Channels:
    """The Transport that servers use. Make it inside the running event loop."""

    def __init__(self, peers: tuple[str, ...], settings: Settings) -> None:
        options = options_of_nodes(settings)
        self._settings = settings
        self._channels = {peer: dial(address_of(peer), options) for peer in peers}
        self._streams = {peer: CallStream(channel) for peer, channel in self._channels.items()}
        self._parsers: dict[type[Message], Parse] = {}
        self._methods: dict[tuple[str, type[Message]], Method] = {}
        self._knocking = Knocking(settings.knock_timeout_s)

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
        raise failure

    async def close(self) -> None:
        """See Transport."""
        await self._knocking.close()
        await asyncio.gather(*(stream.close() for stream in self._streams.values()))
        for channel in self._channels.values():
            await channel.close()

    async def _answer(self, peer: str, request: Message, end_s: float) -> Any:
        """What came back: the answer, or Unusable. Raises AioRpcError."""
        kind, now_s = type(request), asyncio.get_running_loop().time
        if kind in _ON_STREAM:
            data, parse = request.SerializeToString(), self._parser(kind)
            with contextlib.suppress(NotTaken):
                name = METHODS[kind].name
                return parse(await self._streams[peer].ask(name, data, end_s - now_s()))
        return await self._method(peer, kind)(request, timeout=end_s - now_s())

    def _method(self, peer: str, kind: type[Message]) -> Method:
        """The call of a peer that takes such requests."""
        if (peer, kind) not in self._methods:
            method = METHODS[kind]
            self._methods[peer, kind] = self._channels[peer].unary_unary(
                f"/{method.containing_service.full_name}/{method.name}",
                request_serializer=kind.SerializeToString,
                response_deserializer=self._parser(kind),
            )
        return self._methods[peer, kind]

    def _parser(self, kind: type[Message]) -> Parse:
        """What reads the answers to such requests."""
        if kind not in self._parsers:
            output = METHODS[kind].output_type
            from_string = getattr(demo_pb2, output.name).FromString
            self._parsers[kind] = parser_of_answers(output, from_string, self._settings)
        return self._parsers[kind]


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
