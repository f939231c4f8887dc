"""Nodes that were started with different configurations notice it, say so, and do no harm."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from kvcluster.commands.demo.local_cluster import free_ports
from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually

from demo_pb2 import PeerState

Code = grpc.StatusCode


def assert_refuses(server: Server, other: Server, why: str) -> None:
    """The Status and the log of a server say why it and another refuse each other."""

    def says_why() -> bool:
        members = [m for m in server.status().members if m.state.node == other.name]
        return bool(members) and why in members[0].refusal

    eventually(says_why, f"Status of {server.name}: {why}")
    eventually(lambda: why in server.log(), f"the log of {server.name}: {why}")


def assert_serves_nothing(server: Server) -> None:
    """Reads and writes are refused at once, and the reason names the disagreement."""
    for call in (lambda: server.put("k", "from the odd one"), lambda: server.get("k")):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() is Code.FAILED_PRECONDITION
        assert "configuration" in str(caught.value.details())
    with pytest.raises(grpc.RpcError, match="nothing was written"):
        server.put("k", "from the odd one")


@pytest.fixture
def two(unstarted: Cluster) -> tuple[Server, Server]:
    """Two of three servers, which agree and see each other; the third is not started."""
    first, second, _ = unstarted.servers
    for server in (first, second):
        server.start()
    eventually(lambda: first.thinks(second) == PeerState.ALIVE, "the first sees the second")
    eventually(lambda: second.thinks(first) == PeerState.ALIVE, "the second sees the first")
    for server in (first, second):
        server.wait_serving()
    return first, second


def test_other_replica_count_is_refused_by_both_sides(
    unstarted: Cluster, two: tuple[Server, Server]
) -> None:
    """Status and log of either side say what differs; once mended, the newcomer joins."""
    newcomer = unstarted[2]
    newcomer.start("--replicas", "2")
    for server in two:
        ours, theirs = f"{server.name} keeps 3", f"{newcomer.name} keeps 2"
        assert_refuses(server, newcomer, f"{ours} replicas of each key and {newcomer.name} 2")
        assert_refuses(newcomer, server, f"{theirs} replicas of each key and {server.name} 3")
    assert_serves_nothing(newcomer)
    assert two[0].put("k", "v").acknowledged == 2
    assert two[1].get("k").value == "v"
    newcomer.interrupt()
    newcomer.start()
    unstarted.wait_whole()
    assert newcomer.get("k").value == "v"
    assert two[0].put("k", "all").acknowledged == 3
    assert not any(member.refusal for member in two[0].status().members)


def test_other_member_list_is_refused_by_both_sides(
    unstarted: Cluster, two: tuple[Server, Server], tmp_path: Path
) -> None:
    """A node that counts itself a member where nobody knows it serves nothing, and hurts nobody."""
    port = free_ports(1)[0]
    stranger = Server(port, f"{unstarted.members},localhost:{port}", tmp_path)
    try:
        stranger.start()
        for server in two:
            why = f"{stranger.name} counts {stranger.name} as a member and {server.name} does not"
            assert_refuses(server, stranger, why)
            assert_refuses(stranger, server, why)
        assert_serves_nothing(stranger)
        assert two[0].put("k", "v").acknowledged == 2
        assert two[1].get("k").value == "v"
    finally:
        stranger.clean_up()


def test_settings_that_contradict_are_refused_and_those_that_differ_are_told(
    unstarted: Cluster, two: tuple[Server, Server]
) -> None:
    """A node that forgets deletes too soon for the others would bring deleted keys back."""
    newcomer = unstarted[2]
    settings = ["tombstone_wait_s=10", "message_age_limit_s=5"]
    newcomer.start(*(word for setting in settings for word in ("--set", setting)))
    for server in two:
        why = f"{newcomer.name} forgets deletes after 10 s (tombstone_wait_s)"
        assert_refuses(server, newcomer, why)
        assert_refuses(newcomer, server, why)
    newcomer.interrupt()
    newcomer.start("--set", "value_limit_bytes=2000000")
    unstarted.wait_whole()
    what = f"{newcomer.name} takes values of up to 2,000,000 bytes and"
    for server in two:
        assert f"{what} {server.name} of up to 1,048,576" in server.log()
