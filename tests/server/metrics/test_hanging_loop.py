"""The page beside an event loop that hangs, and beside one that has ended; in one process."""

from __future__ import annotations

import asyncio
import errno
import http.client
import select
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socketserver import TCPServer
from types import SimpleNamespace

import pytest

from kvcluster.cluster.peers.channels import Channels
from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.config import Settings
from kvcluster.node import Node
from kvcluster.server.budgets import Intake
from kvcluster.server.metrics import collector, exposition, web
from tests.edges.in_process import make_node
from tests.processes.harness import eventually


@asynccontextmanager
async def page_of(node: Node) -> AsyncIterator[tuple[exposition.Exposition, int]]:
    """A page of a node that was started, and its port."""
    await node.start(Channels((), node.settings))
    (port,) = free_ports(1)
    made = exposition.Exposition(node, Intake.of(node.settings), ("localhost", port))
    try:
        yield made, port
    finally:
        made.close()
        await node.stop()


def ask(port: int) -> tuple[int, str]:
    """Status and body."""
    connection = http.client.HTTPConnection("localhost", port, timeout=20)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


async def test_a_hanging_loop_is_told_and_does_not_hang_the_page(tmp_path: Path) -> None:
    """That is when somebody looks; and once it is over, so is the complaint."""
    settings = Settings(metrics_patience_s=1.0)
    async with page_of(make_node(tmp_path, settings)) as (_, port):
        status, body = ask(port)  # from the loop itself, which so cannot answer
        assert status == 503
        assert "did not answer in 1 s" in body
        status, body = await asyncio.to_thread(ask, port)
        assert status == 200
        assert "kvcluster_keys 0.0" in body


async def test_a_hanging_loop_gathers_no_crowd(tmp_path: Path) -> None:
    """Scrapers come again and again, and each would leave a thread that waits."""
    most = 8
    settings = Settings(metrics_patience_s=60.0, metrics_connections=most)
    async with page_of(make_node(tmp_path, settings)) as (_, port):
        scrapers = [socket.create_connection(("localhost", port), timeout=20) for _ in range(40)]
        for scraper in scrapers:
            scraper.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        surplus = len(scrapers) - most
        eventually(  # it does not let the loop run meanwhile
            lambda: len(select.select(scrapers, [], [], 0)[0]) >= surplus, "the surplus is ended"
        )
        waiting = [t for t in threading.enumerate() if "process_request" in t.name]
        assert most <= len(waiting) <= 2 * most
        for scraper in scrapers:
            scraper.close()


async def test_a_connection_lives_for_a_while_and_no_longer(tmp_path: Path) -> None:
    """However slowly a stranger goes on talking, which no timeout of a single read would end."""
    settings = Settings(metrics_connection_s=0.2)
    async with page_of(make_node(tmp_path, settings)) as (_, port):
        with socket.create_connection(("localhost", port), timeout=20) as slow:
            slow.sendall(b"GET /metrics HTTP/1.1\r\nslow: ")
            assert await asyncio.to_thread(slow.recv, 1) == b""


async def test_connections_that_cannot_be_taken_are_not_tried_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without open files the thread of the page would take a core from a node in need."""
    rested = threading.Event()

    def refuse(_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    def rest(duration_s: float) -> None:
        rested.set()
        time.sleep(duration_s)

    monkeypatch.setattr(TCPServer, "get_request", refuse)
    monkeypatch.setattr(web, "time", SimpleNamespace(sleep=rest, monotonic=time.monotonic))
    async with page_of(make_node(tmp_path, Settings())) as (_, port):
        with socket.create_connection(("localhost", port), timeout=20):
            assert await asyncio.to_thread(rested.wait, 20), "it tries again without a rest"
            monkeypatch.undo()
            assert (await asyncio.to_thread(ask, port))[0] == 200


async def test_a_closed_page_is_closed(tmp_path: Path) -> None:
    """No thread, no port and no connection is left."""
    settings = Settings(metrics_connection_s=60)
    async with page_of(make_node(tmp_path, settings)) as (made, port):
        silent = socket.create_connection(("localhost", port), timeout=20)
        assert (await asyncio.to_thread(ask, port))[0] == 200
        made.close()
        made.close()
        assert await asyncio.to_thread(silent.recv, 1) == b""
        silent.close()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("localhost", port), timeout=5)
        assert not [t for t in threading.enumerate() if t.name == "metrics"]


async def test_a_bug_in_a_metric_is_a_line_in_the_log_and_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The scraper is told; the node goes on."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    async with page_of(make_node(tmp_path, Settings())) as (_, port):
        monkeypatch.setattr(collector, "journal", broken)
        assert (await asyncio.to_thread(ask, port))[0] == 500
        assert "BUG  the metrics page failed" in caplog.text
        monkeypatch.undo()
        assert (await asyncio.to_thread(ask, port))[0] == 200
