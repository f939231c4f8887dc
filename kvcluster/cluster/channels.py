"""Channels: the transport over gRPC, one lasting channel a peer.

gRPC's defaults are made for services that come and go behind balancers. Here a peer has one
address and returns in a moment, so a channel must not back off for minutes, cling to a connection
that a cut has silenced, go through a proxy, or refuse a page of large values.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from kvcluster.cluster.failures import named
from kvcluster.cluster.knocking import Knocking
from kvcluster.cluster.parsing import Unusable, parser_of_answers
from kvcluster.cluster.transport import METHODS
from kvcluster.config import MIB, Settings
from kvcluster.delivery import undelivered
from kvcluster.error_info import told_in
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

import demo_pb2

Method = Callable[..., Any]

_WINDOW_BYTES = MIB
"""A page fits into it, so that none waits for a second round trip."""


class Channels:
    """The Transport that servers use. Make it inside the running event loop."""

    def __init__(self, peers: tuple[str, ...], settings: Settings) -> None:
        options = channel_options(settings)
        self._settings = settings
        self._channels = {
            peer: grpc.aio.insecure_channel(address_of(peer), options) for peer in peers
        }
        self._methods: dict[tuple[str, type[Message]], Method] = {}
        self._knocking = Knocking()

    async def ask(self, peer: str, request: Message, timeout_s: float) -> Any:
        """See Transport."""
        now_s = asyncio.get_running_loop().time
        end_s = now_s() + timeout_s
        try:
            answer = await self._method(peer, type(request))(request, timeout=timeout_s)
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
        for channel in self._channels.values():
            await channel.close()

    def _method(self, peer: str, kind: type[Message]) -> Method:
        """The call of a peer that takes such requests; its answers are parsed by parsing.py."""
        if (peer, kind) not in self._methods:
            method = METHODS[kind]
            answer = getattr(demo_pb2, method.output_type.name)
            self._methods[peer, kind] = self._channels[peer].unary_unary(
                f"/{method.containing_service.full_name}/{method.name}",
                request_serializer=kind.SerializeToString,
                response_deserializer=parser_of_answers(
                    method.output_type, answer.FromString, self._settings
                ),
            )
        return self._methods[peer, kind]


def address_of(peer: str) -> str:
    """Under which address a peer is reached: its name."""
    return peer


def channel_options(settings: Settings) -> list[tuple[str, int]]:
    """Options for a channel to a node, where gRPC's own defaults are wrong for a store."""
    backoff_ms = int(settings.reconnect_backoff_s * 1000)
    return [
        ("grpc.initial_reconnect_backoff_ms", min(100, backoff_ms)),
        # This one is also how long an attempt to connect may take.
        ("grpc.min_reconnect_backoff_ms", int(settings.connect_timeout_s * 1000)),
        ("grpc.max_reconnect_backoff_ms", backoff_ms),
        ("grpc.dns_min_time_between_resolutions_ms", int(settings.lookup_interval_s * 1000)),
        ("grpc.keepalive_time_ms", int(settings.ping_interval_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(settings.ping_timeout_s * 1000)),
        ("grpc.http2.ping_timeout_ms", int(settings.ping_timeout_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),  # no limit to them
        ("grpc.max_send_message_length", settings.message_limit_bytes),
        ("grpc.max_receive_message_length", settings.message_limit_bytes),
        # What comes behind an answer is bounded by a window; else it grows to 256 MiB.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", _WINDOW_BYTES),
        ("grpc.enable_http_proxy", 0),
    ]


def _failure(error: grpc.aio.AioRpcError) -> PeerUnavailable:
    """What a failed call means. A node names its own error beside the status code."""
    details = error.details() or error.code().name
    if told := told_in(error):
        reason = named(
            told.reason,
            details,
            nothing_written=told.nothing_written,
            value_limit_bytes=told.value_limit_bytes,
        )
        return PeerRejected(reason)
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
