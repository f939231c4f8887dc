"""The transport: what one node can ask another. The seam between the cluster and the network.

Messages are those of demo.proto on both sides; only their way differs. `channels.py` sends them
by gRPC, the tests' transport hands them over in memory, late, twice or not at all.

Four ways to fail, because they call for different answers: nobody is there (PeerUnreachable), the
connection broke (PeerBroke), somebody is there and silent (PeerSilent), somebody said no
(PeerRejected). Only the first says that a peer cannot be asked again; whether a call may have been
carried out is another question (`nothing_delivered`).
"""

from __future__ import annotations

from typing import Protocol

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


class Transport(Protocol):
    """Calls to a peer, by its name. Each raises PeerUnavailable, of the fitting kind."""

    async def check_health(
        self, peer: str, request: HealthCheckRequest, timeout_s: float
    ) -> HealthCheckResponse:
        """Exchange heartbeats."""

    async def replicate(
        self, peer: str, request: ReplicateRequest, timeout_s: float
    ) -> ReplicateResponse:
        """Have the peer store new entries durably."""

    async def forward(
        self, peer: str, request: ForwardRequest, timeout_s: float
    ) -> ForwardResponse:
        """Have the peer carry out a client's operation."""

    async def scan_part(
        self, peer: str, request: ScanPartRequest, timeout_s: float
    ) -> ScanPartResponse:
        """Fetch a page of keys in order."""

    async def pull(self, peer: str, request: PullRequest, timeout_s: float) -> PullResponse:
        """Fetch a page of what was missed."""

    async def confirm_pull(
        self, peer: str, request: ConfirmPullRequest, timeout_s: float
    ) -> ConfirmPullResponse:
        """Tell the peer that everything pulled is durable here."""

    async def compare(
        self, peer: str, request: CompareRequest, timeout_s: float
    ) -> CompareResponse:
        """Learn which slots differ."""

    async def differences(
        self, peer: str, request: PullDifferencesRequest, timeout_s: float
    ) -> PullDifferencesResponse:
        """Fetch a page of what the peer holds and this node does not."""

    async def hold(self, peer: str, request: HoldRequest, timeout_s: float) -> HoldResponse:
        """Have the peer store entries of any age durably."""

    async def drop(self, peer: str, request: DropRequest, timeout_s: float) -> DropResponse:
        """Have the peer forget tombstones."""

    async def close(self) -> None:
        """Let go of every connection."""
