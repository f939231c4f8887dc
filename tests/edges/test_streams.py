"""Calls that are begun and not made: without a message, with half of one, taken back at once.

No credentials are needed for any of it. Others are served meanwhile, and memory stays bounded.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.config import MIB, Settings
from tests.edges.calm import memory_mib
from tests.edges.raw_http2 import RawConnection, resets
from tests.edges.test_flood import small_server
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually, started

PUT, WATCH = "/demo.KeyValue/Put", "/grpc.health.v1.Health/Watch"
SETTINGS = Settings()
BEGUN = b"\0" + (15 * MIB).to_bytes(4, "big")
"""The beginning of a message of 15 MiB."""
NOTHING = bytes(5)
"""A message, with nothing in it."""


@contextlib.contextmanager
def connected(server: Server, count: int = 1) -> Iterator[list[RawConnection]]:
    """Connections that have shaken hands."""
    made = [RawConnection(server.port) for _ in range(count)]
    try:
        for each in made:
            eventually(each.greeted, "the server shakes hands")
        yield made
    finally:
        for each in made:
            each.close()


def push(made: list[RawConnection], size_bytes: int, for_s: float) -> int:
    """Send zeros on every call that is open, as far as the server lets us; how much that was."""
    end_s, sent, piece = time.monotonic() + for_s, 0, bytes(256 * 1024)
    left = {(each, stream): size_bytes for each in made for stream in each.windows}
    while left and time.monotonic() < end_s:
        before = sent
        for each, stream in list(left):
            done = each.send(stream, piece[: left[each, stream]])
            left[each, stream] -= done
            sent += done
            if stream not in each.windows or not left[each, stream]:
                del left[each, stream]
        for each in made:
            each.read(0.001 if sent == before else 0.0)
    return sent


def open_calls(made: list[RawConnection]) -> int:
    """How many calls are not over."""
    for each in made:
        each.read(0.01)
    return sum(len(each.windows) for each in made)


@pytest.mark.parametrize("count", [1, 8])
def test_half_sent_messages_take_bounded_memory(three: Cluster, count: int) -> None:
    """160 calls with 15 MiB of a message took 2.4 GiB. All but a few are turned away, and of them
    no more than that is kept, over one connection or several.
    """
    server = three[0]
    before = memory_mib(server)
    with connected(server, count) as made:
        for number in range(160):
            made[number % count].call(PUT, BEGUN)
        pushing = threading.Thread(target=push, args=(made, 15 * MIB - 100, 5))
        pushing.start()
        while pushing.is_alive():
            assert server.put("beside", "v").acknowledged == 3
            assert memory_mib(server) - before < 20 * SETTINGS.slow_messages + 150
        eventually(lambda: open_calls(made) <= SETTINGS.slow_messages, "the rest is turned away")
    assert server.put("beside", "v").acknowledged == 3


def test_what_follows_the_message_of_a_call_takes_bounded_memory(three: Cluster) -> None:
    """The health of a node is watched for long, and 2 GiB were taken in behind the question."""
    server = three[0]
    before = memory_mib(server)
    with connected(server) as made:
        for _ in range(100):
            made[0].call(WATCH, NOTHING)
        sent = push(made, 15 * MIB, 2)
        assert sent < 20 * MIB
        assert memory_mib(server) - before < 60
        assert open_calls(made) == 100


def test_who_begins_calls_by_the_hundred_turns_away_his_own(three: Cluster) -> None:
    """Another, who needs his time for one large value, is not disturbed."""
    server = three[0]
    with connected(server, 2) as (patient, crowd):
        value = b"\x0a\x01k\x12\x80\x80\x40" + b"v" * MIB
        message = b"\0" + len(value).to_bytes(4, "big") + value
        call = patient.call(PUT, message[:10])
        for _ in range(500):
            crowd.call(PUT)
        eventually(lambda: open_calls([crowd]) < SETTINGS.slow_messages, "the crowd is turned away")
        sent = 10
        while sent < len(message):
            sent += patient.send(call, message[sent:])
            patient.read(0.01)
        eventually(lambda: not open_calls([patient]), "it is answered")
    assert server.get("k").value == "v" * MIB


def test_call_without_a_message_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """Few are patient strangers' as well as slow friends'; each has its time, and no more."""
    with small_server(tmp_path, "message_timeout_s=0.5") as server, connected(server) as made:
        made[0].call(PUT)
        made[0].call(PUT, BEGUN)
        eventually(lambda: not open_calls(made), "both are over")
        assert server.put("k", "v").acknowledged == 1


def test_call_without_a_message_holds_up_no_stop(tmp_path: Path) -> None:
    """It would be waited for as for any call."""
    (port,) = free_ports(1)
    options = ["--set", "drain_timeout_s=600"]
    with started(Server(port, f"localhost:{port}", tmp_path, options)) as server:
        server.wait_serving()
        with connected(server) as made:
            made[0].call(PUT)
            made[0].call(PUT, BEGUN)
            server.signal(signal.SIGINT)
            eventually(made[0].left, "the connection is closed")
            eventually(lambda: not server.running, "the node ends")


def test_rapid_resets_fail_no_call_of_others(three: Cluster) -> None:
    """Two connections with 100,000 calls each, all taken back at once: every Put of others is done
    by all three, where some were CANCELLED (CVE-2023-44487).
    """
    server = three[0]
    before, attack = memory_mib(server), resets(PUT, 100_000)
    with connected(server, 2) as made:
        threads = [threading.Thread(target=each.send_raw, args=(attack,)) for each in made]
        for each in threads:
            each.start()
        count = 0
        while any(each.is_alive() for each in threads) or count < 20:
            count += 1
            assert server.put(f"beside/{count}", "v", timeout_s=20).acknowledged == 3
        assert memory_mib(server) - before < 300


def test_more_calls_than_one_connection_may_have_are_turned_away(three: Cluster) -> None:
    """A client's gRPC waits by itself; who does not is refused before anything is looked at."""
    with connected(three[0]) as made:
        assert made[0].max_streams == SETTINGS.connection_calls
        for _ in range(3 * SETTINGS.connection_calls):
            made[0].call(WATCH, NOTHING)
        eventually(lambda: open_calls(made) <= SETTINGS.connection_calls, "the rest is refused")
    assert three[0].put("beside", "v").acknowledged == 3


def test_idle_connection_is_closed(tmp_path: Path) -> None:
    """Whether or not its other end takes the hint; one with a call is not idle."""
    with small_server(tmp_path, "connection_idle_s=1") as server, connected(server, 2) as made:
        made[1].call(WATCH, NOTHING)
        eventually(made[0].left, "it is closed")
        assert not made[1].left()
        assert server.put("k", "v").acknowledged == 1


def test_connections_past_the_limit_are_closed_at_once(tmp_path: Path) -> None:
    """Those that are there are served, and there is room again when one goes."""
    with small_server(tmp_path, "connections=20") as server:
        server.put("k", "v")
        with connected(server, 10) as made:
            more = [RawConnection(server.port) for _ in range(20)]
            eventually(lambda: any(each.left() for each in more), "some are closed")
            assert not any(each.left() for each in made)
            assert server.put("k", "w").acknowledged == 1
            for each in more:
                each.close()
            eventually(lambda: _is_greeted(server), "there is room again")


def _is_greeted(server: Server) -> bool:
    one = RawConnection(server.port)
    try:
        return one.greeted()
    finally:
        one.close()
