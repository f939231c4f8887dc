"""Fewer open files than there are clients: told, survived, and over when they have left."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvcluster.commands.demo.local_cluster import free_ports
from tests.processes.harness import ROOT, Server, eventually

_FEW = 64
_TOO_MANY = "Cannot go on: Too many open files.\n"
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def with_few_files(count: int) -> list[str]:
    """What to put before a command, so that it may have so many files open and no more."""
    return ["sh", "-c", f'ulimit -n {count}; exec "$@"', "sh"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One node that is all its cluster, and may have few files open."""
    (port,) = free_ports(1)
    made = Server(port, f"localhost:{port}", tmp_path)
    try:
        made.start(prefix=with_few_files(_FEW))
        made.wait_serving()
        yield made
    finally:
        made.clean_up()


def test_a_node_outlives_more_connections_than_it_may_have_files(server: Server) -> None:
    """It says that nobody can connect any more, and serves again once they have left."""
    server.put("k", "v")
    with contextlib.ExitStack() as connections:
        for _ in range(2 * _FEW):
            with contextlib.suppress(OSError):
                one = socket.create_connection(("127.0.0.1", server.port), timeout=1)
                connections.enter_context(one)
                one.send(_HTTP2_PREFACE)
        eventually(lambda: "nobody can connect any more" in server.log(), "it says so")
    eventually(lambda: server.put("k", "w").acknowledged == 1, "it takes writes again")
    eventually(lambda: server.json() == {"k": "w"}, "and its JSON follows")
    assert "Traceback" not in server.log()
    assert server.interrupt() == 0


@pytest.mark.parametrize("count", [8, 12, 24])
def test_a_command_with_few_files_is_carried_out_or_told_why_not(
    server: Server, count: int
) -> None:
    """A limit of a whole shell hits everything that is started in it; gRPC itself dies of it."""
    server.put("k", "v")
    for command, shown in (["get", "k"], "v"), (["scan"], "k\tv\n"), (["locate", "k"], None):
        program = [sys.executable, str(ROOT / "client.py"), *command, "--cluster", server.name]
        limited = [*with_few_files(count), *program]
        done = subprocess.run(limited, capture_output=True, text=True, timeout=60, check=False)
        if (done.returncode, done.stdout) != (0, shown or done.stdout):
            assert count < 24
            assert (done.returncode, done.stderr) == (3, _TOO_MANY)
