"""What the tests of clients share: a fake cluster, and others who listen."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from kvcluster import AsyncClient, Client
from kvcluster.client.background import background
from kvcluster.client.link import ask_once
from tests.client.deciding_node import DecidingCluster
from tests.client.fake_node import FakeCluster
from tests.processes.cluster import PATIENT, Cluster
from tests.processes.harness import started

from demo_pb2 import HealthCheckRequest, HealthCheckResponse


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    """Three nodes that work."""
    cluster = FakeCluster(3)
    yield cluster
    cluster.close()


@pytest.fixture
def client(cluster: FakeCluster) -> Iterator[Client]:
    """A client of three nodes that work."""
    with Client(cluster.members) as client:
        yield client


@pytest.fixture
async def aclient(cluster: FakeCluster) -> AsyncIterator[AsyncClient]:
    """The same for asyncio."""
    async with AsyncClient(cluster.members) as client:
        yield client


@pytest.fixture
def deciders() -> Iterator[DecidingCluster]:
    """Three fakes that carry out conditions, and let keys expire."""
    cluster = DecidingCluster(3)
    yield cluster
    cluster.close()


@pytest.fixture(scope="package")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Three real nodes that do."""
    with started(Cluster(tmp_path_factory.mktemp("servers"), options=PATIENT)) as cluster:
        health = background().run(ask_once(cluster[0].name, HealthCheckRequest(), 5.0), 5.0)
        assert isinstance(health, HealthCheckResponse)
        if not health.decides:
            pytest.skip("these nodes do not decide")
        yield cluster.members


@pytest.fixture(params=["fakes", "servers"])
def members(request: pytest.FixtureRequest) -> str:
    """Nodes of either kind, for what must hold with both. Tests keep to keys of their own."""
    if request.param == "servers":
        return str(request.getfixturevalue("servers"))
    cluster: DecidingCluster = request.getfixturevalue("deciders")
    return cluster.members


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nothing listens, nor comes to listen meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"localhost:{holder.getsockname()[1]}"


@pytest.fixture
def frozen() -> Iterator[str]:
    """An address where connections are accepted and nothing is ever said, as by SIGSTOP."""
    with contextlib.closing(socket.create_server(("localhost", 0))) as listener:
        yield f"localhost:{listener.getsockname()[1]}"


class _Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web_server() -> Iterator[str]:
    """An address where an ordinary web server answers."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Quiet) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
