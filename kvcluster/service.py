"""A service: what stands behind the RPCs that clients call.

A node of a cluster is one (node.py). Whatever else answers these eight questions could stand in its
place, and `server.py`, budgets, metrics and clients would not know the difference.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

import demo_pb2 as pb


class Service(Protocol):
    """Carries out what clients ask for. Deadlines are times of the event loop's clock.

    Each raises KvError, of the family in errors.py.
    """

    async def put(self, request: pb.PutRequest, deadline_s: float) -> pb.PutResponse:
        """Store a value under a key."""

    async def get(self, request: pb.GetRequest, deadline_s: float) -> pb.GetResponse:
        """Read a key."""

    async def delete(self, request: pb.DeleteRequest, deadline_s: float) -> pb.DeleteResponse:
        """Remove a key."""

    async def batch(self, request: pb.BatchRequest, deadline_s: float) -> pb.BatchResponse:
        """Many of these three, with a result each."""

    def scan(
        self, request: pb.ScanRequest, deadline_s: float
    ) -> AsyncGenerator[pb.ScanResponse, None]:
        """Keys in order, in pages."""

    def health(self, request: pb.HealthCheckRequest) -> pb.HealthCheckResponse:
        """Say how it is."""

    def status(self) -> pb.StatusResponse:
        """Say everything that it knows of itself and of others."""

    def locate(self, request: pb.LocateRequest) -> pb.LocateResponse:
        """Say where a key lives."""
