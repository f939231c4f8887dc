"""The health check: each way to be unwell reads differently, and nobody waits for anybody."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent import futures

import grpc
import pytest

from kvcluster.commands import health_check
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Program

from demo_pb2 import (
    DRAINING,
    NOT_SERVING,
    STARTING,
    SYNCING,
    HealthCheckResponse,
    PeerState,
    Progress,
)


def test_a_line_for_each_node_in_the_order_given(cluster: FakeCluster, health: Program) -> None:
    """Status, keys, peers and the time of the answer."""
    cluster.store.update({"a": "1", "b": "2"})
    order = [cluster.addresses[number] for number in (2, 0, 1)]
    ended = health(*order)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines] == order
    for line in lines:
        assert "SERVING" in line
        assert " ms " in line
        assert "2 keys" in line
        assert line.count("ALIVE") == 2


def test_columns_are_aligned_and_fit_80_characters(
    cluster: FakeCluster, health: Program, nobody: str
) -> None:
    """A failed neighbour does not push the others out of line."""
    lines = health(*cluster.addresses, nobody).out.splitlines()
    columns = {line.index("0 keys") for line in lines[:3]}
    assert len(columns) == 1
    assert all(len(line) <= 80 for line in lines)


def test_peers_are_shown_with_their_states(cluster: FakeCluster, health: Program) -> None:
    """By their port where the host is the node's own, by their name elsewhere."""
    node = cluster.nodes[0]
    node.peers = {
        "localhost:7": PeerState.SUSPECT,
        "elsewhere:8": PeerState.DEAD,
        "localhost:9": PeerState.ALIVE,
    }
    node.lagging = {"localhost:9"}
    assert "peers 7 SUSPECT, elsewhere:8 DEAD, 9 ALIVE (lagging)" in health(node.address).out


def test_a_node_without_peers_says_so(cluster: FakeCluster, health: Program) -> None:
    """A cluster of one."""
    cluster.nodes[0].peers = {}
    assert "no peers" in health(cluster.addresses[0]).out


def test_a_node_reached_by_another_address_is_shown_with_its_name(
    cluster: FakeCluster, health: Program
) -> None:
    """127.0.0.1 is not how the cluster calls it."""
    address = cluster.addresses[0].replace("localhost", "127.0.0.1")
    assert health(address).out.startswith(f"{address} = {cluster.addresses[0]}  SERVING")


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (STARTING, "STARTING"),
        (SYNCING, "SYNCING"),
        (DRAINING, "DRAINING"),
        (NOT_SERVING, "NOT_SERVING"),
        (0, "STATUS_UNSPECIFIED"),
        (42, "STATUS 42"),
    ],
)
def test_a_node_that_does_not_serve_says_why(
    cluster: FakeCluster, health: Program, status: int, word: str
) -> None:
    """One of three is enough for exit code 1."""
    node = cluster.nodes[1]
    node.status, node.reason = status, "waiting for a peer"
    ended = health(*cluster.addresses)
    assert ended.code == 1
    line = ended.out.splitlines()[1]
    assert line.split("  ")[1] == word
    assert line.endswith("waiting for a peer")


def test_a_node_that_catches_up_says_how_far_it_is(cluster: FakeCluster, health: Program) -> None:
    """From whom, how much of how much."""
    node = cluster.nodes[0]
    node.status, node.reason = SYNCING, "catching up from localhost:50051"
    progress = Progress(source="localhost:50051", entries=12_000, about=50_000)
    node.extra_health = HealthCheckResponse(sync=progress)
    line = health(node.address).out.rstrip()
    assert "  SYNCING  " in line
    assert line.endswith("catching up from localhost:50051, 12,000 of about 50,000 entries")


def test_nobody_there_reads_unreachable(health: Program, nobody: str) -> None:
    """Remedy: start it."""
    ended = health(nobody)
    assert (ended.code, ended.err) == (1, "")
    assert "UNREACHABLE" in ended.out
    assert "connection refused" in ended.out


def test_an_unknown_host_reads_unreachable_for_another_reason(health: Program) -> None:
    """Remedy: correct the name."""
    ended = health("no-such-host.invalid:50051")
    assert (ended.code, ended.err) == (1, "")
    assert "UNREACHABLE" in ended.out
    assert "connection refused" not in ended.out


def test_a_frozen_node_reads_timed_out(health: Program, frozen: str) -> None:
    """Remedy: look at its process."""
    ended = health(frozen, "--timeout", "0.2")
    assert (ended.code, ended.err) == (1, "")
    assert "TIMED OUT" in ended.out
    assert "no answer within 0.2 s" in ended.out


def test_a_node_that_froze_after_it_took_the_call_reads_timed_out(
    cluster: FakeCluster, health: Program
) -> None:
    """The connection stands, the answer does not come."""
    cluster.nodes[0].hangs.add("CheckHealth")
    assert "TIMED OUT" in health(cluster.addresses[0], "--timeout", "0.2").out


def test_a_web_server_reads_wrong_service(health: Program, web_server: str) -> None:
    """Remedy: correct the port."""
    ended = health(web_server)
    assert (ended.code, ended.err) == (1, "")
    assert "WRONG SERVICE" in ended.out
    assert "no gRPC server" in ended.out


def test_another_grpc_service_reads_wrong_service(health: Program) -> None:
    """It speaks gRPC, and knows nothing of this store."""
    with _empty_grpc_server() as address:
        ended = health(address)
    assert ended.code == 1
    assert "WRONG SERVICE" in ended.out
    assert "not a node of this store" in ended.out


def test_all_are_asked_at_once(cluster: FakeCluster, health: Program) -> None:
    """Each node answers only when all three have been asked."""
    meeting = threading.Barrier(3, timeout=5.0)
    for node in cluster.nodes:
        node.on_health = meeting.wait
    assert health(*cluster.addresses, "--timeout", "5").code == 0


def test_a_silent_node_costs_the_others_no_time(
    cluster: FakeCluster, health: Program, frozen: str
) -> None:
    """The time shown is that of the answer, not of our looking."""
    first, second = health(frozen, cluster.addresses[0], "--timeout", "0.5").out.splitlines()
    assert _milliseconds(first) >= 500
    assert _milliseconds(second) < 500


@pytest.mark.parametrize(
    "arguments",
    [["local host"], ["localhost:0"], ["a:1", "--timeout", "0"], ["a:1", "--timeout", "x"]],
)
def test_bad_usage_exits_with_2(health: Program, arguments: list[str]) -> None:
    """Nothing is asked, nothing stands on standard output."""
    ended = health(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "usage:" in ended.err


def _milliseconds(line: str) -> float:
    words = line.split()
    return float(words[words.index("ms") - 1])


@contextlib.contextmanager
def _empty_grpc_server() -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        yield f"localhost:{port}"
    finally:
        server.stop(None).wait()


def test_without_addresses_the_environment_names_the_nodes(
    cluster: FakeCluster, health: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same variable as for client.py; what is wrong with it is told."""
    monkeypatch.setenv("KV_NODES", cluster.members)
    assert len(health().out.splitlines()) == 3
    assert len(health(cluster.addresses[1]).out.splitlines()) == 1
    monkeypatch.setenv("KV_NODES", "non sense")
    ended = health()
    assert (ended.code, ended.out) == (2, "")
    assert "KV_NODES: not an address: 'non sense'" in ended.err


def test_without_any_word_the_three_of_the_walk_are_asked(
    cluster: FakeCluster, health: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As client.py does; it asked back which nodes were meant."""
    monkeypatch.delenv("KV_NODES", raising=False)
    monkeypatch.setattr(health_check, "DEFAULT_CLUSTER", cluster.members)
    ended = health()
    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines()] == list(cluster.addresses)
