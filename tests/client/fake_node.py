"""A fake cluster: real gRPC on real sockets, and nodes that do as they are told.

The nodes share one dict, so replication is perfect until a test says otherwise: a node may fail a
call with any status, stay silent, count too few replicas, or forget what it was given.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any

import grpc

from demo_pb2 import (
    SERVING,
    DeleteRequest,
    DeleteResponse,
    GetRequest,
    GetResponse,
    HealthCheckRequest,
    HealthCheckResponse,
    PeerState,
    PutRequest,
    PutResponse,
)
from demo_pb2_grpc import KeyValueServicer, add_KeyValueServicer_to_server

_PATIENCE_S = 10.0
"""Longer than any test; a handler that hangs ends by `FakeNode.release`."""


class FakeNode(KeyValueServicer):
    """One node. Set its attributes to have it misbehave."""

    def __init__(self, store: dict[str, str]) -> None:
        self.store = store
        self.status: int = SERVING
        self.reason = ""
        self.peers: dict[str, int] = {}
        self.replicas = self.acknowledged = 3
        self.failures: dict[str, tuple[grpc.StatusCode, str]] = {}
        """By method: fail with this status and these details."""
        self.hangs: set[str] = set()
        """Methods that do not answer, until `release` is set."""
        self.forgetful = False
        self.on_health: Callable[[], object] = lambda: None
        self.calls: list[str] = []
        self.arrived = threading.Event()
        """Set when a call that hangs has arrived."""
        self.release = threading.Event()
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        add_KeyValueServicer_to_server(self, self._server)
        self.address = f"localhost:{self._server.add_insecure_port('localhost:0')}"
        self.name = self.address
        self._server.start()

    def stop(self) -> None:
        """Stop listening; calls in flight break."""
        self.release.set()
        self._server.stop(None).wait()

    def Put(self, request: PutRequest, context: Any) -> PutResponse:
        """Store, unless told otherwise."""
        self._take("Put", context)
        if not self.forgetful:
            self.store[request.key] = request.value
        return PutResponse(replicas=self.replicas, acknowledged=self.acknowledged)

    def Get(self, request: GetRequest, context: Any) -> GetResponse:
        """Read the shared dict."""
        self._take("Get", context)
        value = self.store.get(request.key)
        return GetResponse(found=value is not None, value=value or "")

    def Delete(self, request: DeleteRequest, context: Any) -> DeleteResponse:
        """Remove from the shared dict."""
        self._take("Delete", context)
        found = self.store.pop(request.key, None) is not None
        return DeleteResponse(found=found, replicas=self.replicas, acknowledged=self.acknowledged)

    def CheckHealth(self, request: HealthCheckRequest, context: Any) -> HealthCheckResponse:
        """Say what the test wants to hear."""
        self._take("CheckHealth", context)
        self.on_health()
        return HealthCheckResponse(
            status=self.status,  # type: ignore[arg-type]  # also numbers of a later version
            node=self.name,
            keys=len(self.store),
            reason=self.reason,
            peers=[
                PeerState(node=name, state=state)  # type: ignore[arg-type]
                for name, state in self.peers.items()
            ],
        )

    def _take(self, method: str, context: Any) -> None:
        self.calls.append(method)
        if method in self.hangs:
            self.arrived.set()
            self.release.wait(_PATIENCE_S)
        if method in self.failures:
            context.abort(*self.failures[method])


class FakeCluster:
    """Nodes that share a dict and know each other to be alive."""

    def __init__(self, count: int) -> None:
        self.store: dict[str, str] = {}
        self.nodes = [FakeNode(self.store) for _ in range(count)]
        for node in self.nodes:
            node.peers = {n.name: PeerState.ALIVE for n in self.nodes if n is not node}

    @property
    def members(self) -> str:
        """The value of --cluster."""
        return ",".join(self.addresses)

    @property
    def addresses(self) -> Sequence[str]:
        """The addresses of the nodes, in order."""
        return [node.address for node in self.nodes]

    def lose(self, number: int) -> str:
        """Stop a node; the others know. Returns its address."""
        lost = self.nodes[number]
        lost.stop()
        for node in self.nodes:
            node.peers.pop(lost.name, None)
            node.acknowledged -= 1
        return lost.address

    def close(self) -> None:
        """Stop every node."""
        for node in self.nodes:
            node.stop()
