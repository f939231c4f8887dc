"""Channels: the transport over gRPC, one lasting channel a peer.

gRPC's defaults are made for services that come and go behind balancers. Here a peer has one
address and returns in a moment, so a channel must not back off for minutes, cling to a connection
that a cut has silenced, go through a proxy, or refuse a page of large values.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc

from kvcluster.cluster.failures import named
from kvcluster.cluster.knocking import Knocking
from kvcluster.cluster.parsing import Unusable, parser_of_answers
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
from kvcluster.model.outline import method_of

from demo_pb2 import (
    CompareRequest,
    CompareResponse,
    ConfirmPullRequest,
    ConfirmPullResponse,
    DropRequest,
    DropResponse,
    ForwardRequest,
    ForwardResponse,
    HealthCheckRequest,
    HealthCheckResponse,
    HoldRequest,
    HoldResponse,
    PullDifferencesRequest,
    PullDifferencesResponse,
    PullRequest,
    PullResponse,
    ReplicateRequest,
    ReplicateResponse,
    ScanPartRequest,
    ScanPartResponse,
)
from demo_pb2_grpc import KeyValueStub, PeerStub

Answer = TypeVar("Answer")

_WINDOW_BYTES = MIB
"""A page fits into it, so that none waits for a second round trip."""


class Channels:
    """The Transport that servers use. Make it inside the running event loop."""

    def __init__(self, peers: tuple[str, ...], settings: Settings) -> None:
        options = channel_options(settings)
        self._channels = {
            peer: grpc.aio.insecure_channel(address_of(peer), options) for peer in peers
        }
        callers = {peer: _Caller(channel, settings) for peer, channel in self._channels.items()}
        # The generated stubs carry no types; the protocol's signatures say what they return.
        self._key_value: dict[str, Any] = {p: KeyValueStub(c) for p, c in callers.items()}
        self._peer: dict[str, Any] = {p: PeerStub(c) for p, c in callers.items()}
        self._knocking = Knocking()

    async def check_health(
        self, peer: str, request: HealthCheckRequest, timeout_s: float
    ) -> HealthCheckResponse:
        """See Transport."""
        return await self._ask(peer, self._key_value[peer].CheckHealth, request, timeout_s)

    async def replicate(
        self, peer: str, request: ReplicateRequest, timeout_s: float
    ) -> ReplicateResponse:
        """See Transport."""
        return await self._ask(peer, self._key_value[peer].Replicate, request, timeout_s)

    async def pull(self, peer: str, request: PullRequest, timeout_s: float) -> PullResponse:
        """See Transport."""
        return await self._ask(peer, self._peer[peer].Pull, request, timeout_s)

    async def confirm_pull(
        self, peer: str, request: ConfirmPullRequest, timeout_s: float
    ) -> ConfirmPullResponse:
        """See Transport."""
        return await self._ask(peer, self._peer[peer].ConfirmPull, request, timeout_s)

    async def forward(
        self, peer: str, request: ForwardRequest, timeout_s: float
    ) -> ForwardResponse:
        """See Transport."""
        return await self._ask(peer, self._peer[peer].Forward, request, timeout_s)

    async def scan_part(
        self, peer: str, request: ScanPartRequest, timeout_s: float
    ) -> ScanPartResponse:
        """See Transport."""
        return await self._ask(peer, self._peer[peer].ScanPart, request, timeout_s)

    async def compare(
        self, peer: str, request: CompareRequest, timeout_s: float
    ) -> CompareResponse:
        """See Transport."""
        return await self._ask(peer, self._peer[peer].Compare, request, timeout_s)

    async def differences(
        self, peer: str, request: PullDifferencesRequest, timeout_s: float
    ) -> PullDifferencesResponse:
        """See Transport."""
        return await self._ask(peer, self._peer[peer].PullDifferences, request, timeout_s)

    async def hold(self, peer: str, request: HoldRequest, timeout_s: float) -> HoldResponse:
        """See Transport."""
        return await self._ask(peer, self._peer[peer].Hold, request, timeout_s)

    async def drop(self, peer: str, request: DropRequest, timeout_s: float) -> DropResponse:
        """See Transport."""
        return await self._ask(peer, self._peer[peer].Drop, request, timeout_s)

    async def close(self) -> None:
        """See Transport."""
        await self._knocking.close()
        for channel in self._channels.values():
            await channel.close()

    async def _ask(
        self, peer: str, method: Callable[..., Awaitable[Answer]], request: object, timeout_s: float
    ) -> Answer:
        """One call. Raises PeerUnavailable, of the fitting kind."""
        now_s = asyncio.get_running_loop().time
        end_s = now_s() + timeout_s
        try:
            answer = await method(request, timeout=timeout_s)
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


class _Caller:
    """Stands between the generated stubs and a channel, and makes parsing safe (parsing.py)."""

    def __init__(self, channel: grpc.aio.Channel, settings: Settings) -> None:
        self._channel = channel
        self._settings = settings

    def unary_unary(self, method: str, *, response_deserializer: Any, **more: Any) -> Any:
        """What a stub makes a method of."""
        kind = method_of(method).output_type
        parse = parser_of_answers(kind, response_deserializer, self._settings)
        return self._channel.unary_unary(method, response_deserializer=parse, **more)

    def unary_stream(self, method: str, **more: Any) -> Any:
        """The same for streams; nodes ask each other for none."""
        return self._channel.unary_stream(method, **more)


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
