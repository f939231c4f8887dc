"""Resets: connections between nodes break, by an RST from a TCP proxy, and both ends live.

A node that catches up knows that it missed something, one that starts will be told. Neither may
take a broken connection for the end of the other, and answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually, started
from tests.processes.proxy import Mode

from demo_pb2 import STARTING, SYNCING

_MISSED = 400


@pytest.fixture(scope="module")
def lasting_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two servers that catch up in small pages, and so for long; ask for `pair` instead."""
    small = ["--set", "pull_page_bytes=200"]
    folder: Path = tmp_path_factory.mktemp("pair")
    with started(Cluster(folder, 2, small, replicas=2, linked=True)) as made:
        yield made


@pytest.fixture
def pair(lasting_pair: Cluster) -> Iterator[Cluster]:
    """Those two: the second is down, missed much, and behind a slow way."""
    lasting_pair.mend()
    writer, reader = lasting_pair
    writer.put("k", "old")
    reader.kill()
    for number in range(_MISSED):
        writer.put(f"missed {number}", f"{time.time()}" + "x" * 60)
    writer.put("k", "new")
    lasting_pair.network.slow_down(0.02)
    yield lasting_pair
    lasting_pair.mend()


@contextmanager
def no_old_value(reader: Server) -> Iterator[None]:
    """Reads one key of a node as fast as it can: it is never answered with what was overwritten."""
    seen: set[str] = set()
    ends = threading.Event()

    def read() -> None:
        while not ends.is_set():
            try:
                seen.add(reader.get("k", timeout_s=1).value)
            except (grpc.RpcError, ValueError):
                time.sleep(0.005)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ends.set()
        for thread in threads:
            thread.join(10)
    assert seen <= {"new"}


def resets(pair: Cluster) -> None:
    """The connections break, twenty times; new ones are welcome at once."""
    for _ in range(20):
        pair.network.reset(pair[1].name)
        time.sleep(0.05)


def handshakes_that_break(pair: Cluster) -> None:
    """No connection comes about for half a second, and then for another."""
    for _ in range(2):
        pair.network.cut_off(pair[1].name, Mode.RESET)
        time.sleep(0.5)
        pair.network.heal()
        time.sleep(0.3)


@pytest.mark.parametrize("breaks", [resets, handshakes_that_break])
def test_node_that_catches_up_answers_nothing_old_because_connections_break(
    pair: Cluster, breaks: Callable[[Cluster], None]
) -> None:
    """It knows what it missed, and goes on fetching it over new connections."""
    reader = pair[1]
    reader.start()
    eventually(lambda: reader.health().status == SYNCING, "it catches up")
    with no_old_value(reader):
        breaks(pair)
        pair.network.slow_down(0)
        pair.wait_whole()


@pytest.mark.parametrize("breaks", [resets, handshakes_that_break])
def test_node_that_starts_answers_nothing_old_because_connections_break(
    pair: Cluster, breaks: Callable[[Cluster], None]
) -> None:
    """Its first heartbeats break: it asks again before it believes itself alone."""
    reader = pair[1]
    pair.network.cut_off(reader.name, Mode.RESET)
    reader.start()
    eventually(lambda: reader.health().status == STARTING, "it starts")
    with no_old_value(reader):
        time.sleep(0.5)
        pair.network.heal()
        breaks(pair)
        pair.network.slow_down(0)
        pair.wait_whole()


def test_peer_whose_connections_break_answers_nothing_older_than_acknowledged(
    pair: Cluster,
) -> None:
    """It gets each write over a new connection, or hears over one that it missed it."""
    writer, reader = pair
    reader.start()
    pair.network.slow_down(0.002)  # so that something is always on its way
    pair.wait_whole()
    ends = threading.Event()

    def reset() -> None:
        while not ends.wait(0.1):
            pair.network.reset(reader.name)

    thread = threading.Thread(target=reset)
    thread.start()
    try:
        for turn in range(200):
            writer.put("k", f"turn {turn}")
            assert reader.get("k").value == f"turn {turn}"
    finally:
        ends.set()
        thread.join(10)
