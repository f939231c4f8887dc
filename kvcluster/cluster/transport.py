"""The transport: what one node can ask another. The seam between the cluster and the network.

Messages are those of demo.proto on both sides; only their way differs. `channels.py` sends them
by gRPC, the tests' transport hands them over in memory, late, twice or not at all.

Three ways to fail, because they call for different answers: nobody is there (PeerUnreachable),
somebody is there and silent (PeerSilent), somebody said no (PeerRejected).
"""

from __future__ import annotations

from typing import Protocol

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


class Transport(Protocol):
    """Calls to a peer, by its name. Each raises PeerUnavailable, of the fitting kind."""

    async def check_health(
        self, peer: str, request: HealthCheckRequest, timeout_s: float
    ) -> HealthCheckResponse:
        """Exchange heartbeats."""

    async def replicate(
        self, peer: str, request: ReplicateRequest, timeout_s: float
    ) -> ReplicateResponse:
        """Have the peer store entries durably."""

    async def pull(self, peer: str, request: PullRequest, timeout_s: float) -> PullResponse:
        """Fetch a page of the peer's entries."""

    async def confirm_pull(
        self, peer: str, request: ConfirmPullRequest, timeout_s: float
    ) -> ConfirmPullResponse:
        """Tell the peer that everything pulled is durable here."""

    async def close(self) -> None:
        """Let go of every connection."""
