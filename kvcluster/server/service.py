"""What stands behind the handlers: whoever carries out what clients ask for.

A node of a cluster is a Service (kvcluster/node.py), and so is a gateway to somebody else's store
(kvcluster/gateway/gateway.py). Budgets, audit, metrics and clients do not know the difference.

What is served is one or the other, as the options say: made here, and put behind sockets by
server.py.
"""

from __future__ import annotations

import logging
import os
from argparse import Namespace
from collections.abc import AsyncGenerator
from typing import Any, Protocol

from google.protobuf.message import Message

from kvcluster.config import Settings
from kvcluster.gateway.gateway import Gateway, gateway_at
from kvcluster.model.members import Cluster
from kvcluster.node import Node
from kvcluster.server.private_files import keep_private

import demo_pb2 as pb

log = logging.getLogger("kvcluster")


class Service(Protocol):
    """Carries out what clients ask for. Deadlines are times of the event loop's clock.

    Each raises KvError, of the family in kvcluster/errors.py.
    """

    async def one(self, request: Message, deadline_s: float) -> Any:
        """One operation, a Put, Get or Delete: what its call is answered with."""

    def got(self, request: pb.GetRequest) -> pb.GetResponse | None:
        """The answer to a Get, if it is here and current; None: see `one`."""

    async def batch(self, request: pb.BatchRequest, deadline_s: float) -> pb.BatchResponse:
        """Many operations, with a result each."""

    async def put_many(self, request: pb.PutManyRequest, deadline_s: float) -> pb.PutManyResponse:
        """Many puts in columns, with a result each that is not as those of all others."""

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

    async def replicate(
        self, request: pb.ReplicateRequest, deadline_s: float
    ) -> pb.ReplicateResponse:
        """Store durably what another node coordinated. A gateway refuses: it holds nothing."""


def made_by(options: Namespace, cluster: Cluster, settings: Settings) -> Node | Gateway:
    """A gateway, or a node whose files are locked and loaded. Raises CannotStart."""
    if options.engine:
        return gateway_at(options.engine, os.environ, cluster, settings)
    fsync, salvage = options.fsync == "always", options.salvage
    node = Node(cluster, options.data_dir, settings, fsync=fsync, salvage=salvage)
    for remark in keep_private(node.store.path):
        log.warning("DATA  %s", remark)
    node.open()
    return node
