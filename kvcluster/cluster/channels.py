"""Channels: the transport over gRPC, one lasting channel a peer.

gRPC's defaults are made for services that come and go behind balancers. Here a peer has one
address and returns in a moment, so a channel must not back off for minutes, go through a proxy,
or refuse a page of large values.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

import grpc

from kvcluster.config import Settings
from kvcluster.errors import (
    PeerRejected,
    PeerSilent,
    PeerUnavailable,
    PeerUnreachable,
)

from demo_pb2 import (
    ConfirmPullRequest,
    ConfirmPullResponse,
    HealthCheckRequest,
    HealthCheckResponse,
    PullRequest,
    PullResponse,
    ReplicateRequest,
    ReplicateResponse,
)
from demo_pb2_grpc import KeyValueStub, PeerStub

Answer = TypeVar("Answer")

_FAILURES: dict[grpc.StatusCode, type[PeerUnavailable]] = {
    grpc.StatusCode.UNAVAILABLE: PeerUnreachable,
    grpc.StatusCode.DEADLINE_EXCEEDED: PeerSilent,
    grpc.StatusCode.CANCELLED: PeerSilent,
}
"""Every other code is an answer, and the answer is no: PeerRejected."""


class Channels:
    """The Transport that servers use. Make it inside the running event loop."""

    def __init__(self, peers: tuple[str, ...], settings: Settings) -> None:
        options = channel_options(settings)
        self._channels = {peer: grpc.aio.insecure_channel(peer, options) for peer in peers}
        # The generated stubs carry no types; the protocol's signatures say what they return.
        self._key_value: dict[str, Any] = {p: KeyValueStub(c) for p, c in self._channels.items()}
        self._peer: dict[str, Any] = {p: PeerStub(c) for p, c in self._channels.items()}

    async def check_health(
        self, peer: str, request: HealthCheckRequest, timeout_s: float
    ) -> HealthCheckResponse:
        """See Transport."""
        return await _answer(self._key_value[peer].CheckHealth(request, timeout=timeout_s))

    async def replicate(
        self, peer: str, request: ReplicateRequest, timeout_s: float
    ) -> ReplicateResponse:
        """See Transport."""
        return await _answer(self._key_value[peer].Replicate(request, timeout=timeout_s))

    async def pull(self, peer: str, request: PullRequest, timeout_s: float) -> PullResponse:
        """See Transport."""
        return await _answer(self._peer[peer].Pull(request, timeout=timeout_s))

    async def confirm_pull(
        self, peer: str, request: ConfirmPullRequest, timeout_s: float
    ) -> ConfirmPullResponse:
        """See Transport."""
        return await _answer(self._peer[peer].ConfirmPull(request, timeout=timeout_s))

    async def close(self) -> None:
        """See Transport."""
        for channel in self._channels.values():
            await channel.close()


def channel_options(settings: Settings) -> list[tuple[str, int]]:
    """Options for a channel to a node, where gRPC's own defaults are wrong for a store."""
    backoff_ms = int(settings.reconnect_backoff_s * 1000)
    return [
        ("grpc.initial_reconnect_backoff_ms", min(100, backoff_ms)),
        # This one is also how long an attempt to connect may take.
        ("grpc.min_reconnect_backoff_ms", int(settings.connect_timeout_s * 1000)),
        ("grpc.max_reconnect_backoff_ms", backoff_ms),
        ("grpc.max_send_message_length", settings.message_limit_bytes),
        ("grpc.max_receive_message_length", settings.message_limit_bytes),
        ("grpc.enable_http_proxy", 0),
    ]


async def _answer(call: Awaitable[Answer]) -> Answer:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        failure = _FAILURES.get(error.code(), PeerRejected)
        raise failure(_why(error)) from None


def _why(error: grpc.aio.AioRpcError) -> str:
    """What went wrong, for a log line: of gRPC's chain of reasons only the last."""
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "no answer in time"
    details = error.details() or error.code().name
    return details.rsplit(": ", 1)[-1] if error.code() is grpc.StatusCode.UNAVAILABLE else details
