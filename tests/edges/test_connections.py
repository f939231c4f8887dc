"""What comes to the port and is no call: other protocols, silence, half a call; and many of each.

Raw sockets, because no gRPC client would send this.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from kvcluster.config import Settings
from tests.edges.calm import memory_mib
from tests.edges.raw_http2 import PREFACE, SETTINGS_FRAME
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually

NOISE = random.Random(2).randbytes
MANY = 1_000

FOREIGN = {
    "HTTP/1": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "noise": NOISE(5_000),
    "NULs": bytes(5_000),
    "TLS": bytes.fromhex("16030100c8010000c40303") + NOISE(200),
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "a megabyte of a": b"a" * 1_000_000,
    "noise behind the preface": PREFACE + NOISE(5_000),
    "noise behind the settings": PREFACE + SETTINGS_FRAME + NOISE(5_000),
    "a frame too long": PREFACE
    + SETTINGS_FRAME
    + b"\xff\xff\xff\x00\x01\0\0\0\x01"
    + b"x" * 50_000,
}


@contextlib.contextmanager
def connections(server: Server, count: int, opening: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections, each of which has sent this."""
    made: list[socket.socket] = []
    try:
        for _ in range(count):
            made.append(socket.create_connection(("localhost", server.port), timeout=20))
            made[-1].sendall(opening)
        yield made
    finally:
        for each in made:
            each.close()


def open_files(server: Server) -> int:
    """How many files and sockets the server has open."""
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


def until_closed(connection: socket.socket) -> None:
    """Read until the other end has had enough."""
    with contextlib.suppress(ConnectionError):
        while connection.recv(65_536):
            pass


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_protocol_on_the_port_is_hung_up_on(three: Cluster, kind: str) -> None:
    """The connection is closed, and the node serves the next who comes."""
    with contextlib.suppress(ConnectionError), connections(three[0], 1, FOREIGN[kind]) as made:
        until_closed(made[0])
    assert three[0].put("after", kind).acknowledged == 3


def test_thousand_idle_connections_cost_little_and_are_let_go(three: Cluster) -> None:
    """Calls are answered beside them; when they go, so do their sockets."""
    server = three[0]
    files, memory = open_files(server), memory_mib(server)
    with connections(server, MANY, PREFACE + SETTINGS_FRAME):
        eventually(lambda: open_files(server) >= files + MANY, "all are accepted")
        assert server.put("beside", "a thousand").acknowledged == 3
        assert memory_mib(server) - memory < 60
    eventually(lambda: open_files(server) < files + 10, "their sockets are closed")


def test_thousand_connections_that_say_nothing_are_hung_up_on(three: Cluster) -> None:
    """Nobody holds a socket for long who never begins to talk."""
    server = three[1]
    files = open_files(server)
    with connections(server, MANY, PREFACE[:5]) as made:
        assert server.put("beside", "silence").acknowledged == 3
        for each in made:
            until_closed(each)
    eventually(lambda: open_files(server) < files + 10, "their sockets are closed")


def test_call_that_is_opened_and_never_made_holds_nobody_up(three: Cluster) -> None:
    """Hundreds of calls without a message: others are served, all but a few are turned away, and
    hanging up ends these.
    """
    server, release = three[0], threading.Event()
    files, memory = open_files(server), memory_mib(server)

    def nothing() -> Iterator[bytes]:
        release.wait(30)
        yield from ()

    with ThreadPoolExecutor(1) as pool, grpc.insecure_channel(server.name) as channel:
        try:
            grpc.channel_ready_future(channel).result(10)
            begin = pool.submit(lambda: [_half(channel, nothing) for _ in range(200)])
            calls = begin.result(20)
            for number in range(50):
                assert server.put(f"beside/{number}", "v").acknowledged == 3
            assert memory_mib(server) - memory < 60
            most = Settings().slow_messages
            eventually(lambda: sum(not call.done() for call in calls) <= most, "they are refused")
            refused = {(call.code(), call.details()) for call in calls if call.done()}
            assert [code for code, _ in refused] == [grpc.StatusCode.RESOURCE_EXHAUSTED]
            assert all(details.endswith("nothing was written") for _, details in refused)
        finally:
            release.set()
    eventually(lambda: open_files(server) < files + 10, "their sockets are closed")


def _half(channel: grpc.Channel, nothing: Any) -> Any:
    return channel.stream_unary("/demo.KeyValue/Put").future(nothing(), timeout=60)
