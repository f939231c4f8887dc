"""What the tests of the client share: a fake cluster, other listeners, and the programs."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from kvcluster.client import command_line, health_check
from tests.client.fake_node import FakeCluster

THE_THREE = "localhost:50051,localhost:50052,localhost:50053"


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it said."""

    code: int
    out: str
    err: str


Program = Callable[..., Ended]


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    """Three nodes that work."""
    cluster = FakeCluster(3)
    yield cluster
    cluster.close()


@pytest.fixture
def client(capsys: pytest.CaptureFixture[str]) -> Program:
    """client.py, run in this process."""
    return _program(capsys, lambda arguments: command_line.run(arguments, THE_THREE))


@pytest.fixture
def health(capsys: pytest.CaptureFixture[str]) -> Program:
    """health_check_client.py, run in this process."""
    return _program(capsys, health_check.run)


def _program(capsys: pytest.CaptureFixture[str], run: Callable[[Sequence[str]], int]) -> Program:
    def program(*arguments: str) -> Ended:
        capsys.readouterr()
        try:
            code = run(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else -1
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Ended(code, out, err)

    return program


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    with contextlib.closing(socket.create_server(("localhost", 0))) as listener:
        return f"localhost:{listener.getsockname()[1]}"


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
    with http.server.HTTPServer(("localhost", 0), _Quiet) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"localhost:{server.server_port}"
        server.shutdown()
