"""The demo: a tick where the cluster keeps its word, a cross where it does not, nothing left."""

from __future__ import annotations

import grpc
import pytest

from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.commands.demo import demo, script
from kvcluster.view.health import Health
from tests.client.fake_node import FakeCluster, FakeNode
from tests.commands.conftest import Program

from demo_pb2 import NOT_SERVING, SERVING, SYNCING, PeerState

Code = grpc.StatusCode


def test_every_step_holds_on_three_good_nodes(cluster: FakeCluster, client: Program) -> None:
    """Twelve steps a round, a round for each node, as `client.py` and as `client.py demo`."""
    for command in ([], ["demo"]):
        ended = client(*command, "--cluster", cluster.members)
        assert ended.code == 0
        assert ended.err == ""
        assert "✗" not in ended.out
        assert "✓ All 36 steps held, on 3 nodes." in ended.out
        assert ended.out.count("3 of 3 replicas") == 9


def test_each_node_takes_a_put_an_overwrite_and_a_delete(
    cluster: FakeCluster, client: Program
) -> None:
    """And is asked after each of the nine writes."""
    client("--cluster", cluster.members)
    for node in cluster.nodes:
        assert node.calls.count("Put") == 2
        assert node.calls.count("Delete") == 1
        assert node.calls.count("Get") == 9


def test_what_was_there_before_is_there_after(cluster: FakeCluster, client: Program) -> None:
    """Also keys that begin as the demo's own do."""
    before = {"a": "1", "demo/xin chào": "mine"}
    cluster.store.update(before)
    assert client("--cluster", cluster.members).code == 0
    assert cluster.store == before


def test_a_node_that_is_down_is_named_and_the_rest_goes_on(
    cluster: FakeCluster, client: Program
) -> None:
    """It is no failure of the cluster; writes say who holds them."""
    lost = cluster.lose(1)
    ended = client("--cluster", cluster.members)
    assert ended.code == 0
    assert f"– {lost} is down: connection refused" in ended.out
    assert ended.out.count("2 of 3 replicas") == 6
    assert f"held, on 2 of 3 nodes, without {lost}." in ended.out
    assert cluster.store == {}


def test_one_node_alone_takes_the_whole_demo(cluster: FakeCluster, client: Program) -> None:
    """One live replica is enough to read and to write."""
    cluster.lose(0)
    cluster.lose(2)
    ended = client("--cluster", cluster.members)
    assert ended.code == 0
    assert "1 of 3 replicas" in ended.out


def test_a_frozen_node_counts_as_down(cluster: FakeCluster, client: Program, frozen: str) -> None:
    """Nobody can tell from outside, and its wording differs."""
    ended = client("--cluster", f"{cluster.members},{frozen}", "--timeout", "0.5")
    assert ended.code == 0
    assert f"– {frozen} is down: no answer within 0.5 s" in ended.out


def test_with_no_node_up_one_sentence_says_how_to_start_them(
    cluster: FakeCluster, client: Program
) -> None:
    """The whole of what is said."""
    ports = [cluster.lose(number).rpartition(":")[2] for number in range(3)]
    ended = client("--cluster", cluster.members)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.count("\n") == 1
    assert f"`python server.py PORT --cluster {cluster.members}`" in ended.err
    assert f"{ports[0]}, {ports[1]} or {ports[2]}." in ended.err


def test_the_three_hard_coded_nodes_are_started_without_options(
    client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three short commands, ready to be copied."""
    dead = CallFailed(FailureKind.UNREACHABLE, "connection refused", nothing_written=True)
    monkeypatch.setattr(
        demo, "ask_until", lambda nodes, *_, **__: [Health(node, 0.0, dead) for node in nodes]
    )
    ended = client()
    assert (ended.code, ended.out) == (1, "")
    for port in (50051, 50052, 50053):
        assert f"`python server.py {port}`" in ended.err


def test_with_no_node_serving_each_says_why(cluster: FakeCluster, client: Program) -> None:
    """They are up, so telling how to start them would be wrong."""
    for node in cluster.nodes:
        node.status, node.reason = NOT_SERVING, "the disk failed"
    ended = client("--cluster", cluster.members)
    assert ended.code == 1
    assert ended.out.count("is NOT_SERVING and takes no part: the disk failed") == 3
    assert "No node is serving" in ended.err


def test_nodes_that_just_started_are_waited_for(cluster: FakeCluster, client: Program) -> None:
    """Three terminals are not started in one moment."""
    _serve_when_asked(cluster.nodes[1], times=3)
    ended = client("--cluster", cluster.members)
    assert ended.code == 0
    assert "Waiting for the nodes to find each other" in ended.out
    assert "on 3 nodes" in ended.out


@pytest.mark.parametrize("state", [PeerState.DEAD, PeerState.ALIVE])
def test_peers_that_have_not_noticed_a_return_are_waited_for(
    cluster: FakeCluster, client: Program, state: int
) -> None:
    """Or the first write would be acknowledged without the node that is back, or lags."""
    first, second, _ = cluster.nodes
    first.peers[second.name], first.lagging = state, {second.name}

    def notice() -> None:
        if first.calls.count("CheckHealth") >= 2:
            first.peers[second.name], first.lagging = PeerState.ALIVE, set()

    first.on_health = notice
    ended = client("--cluster", cluster.members)
    assert "Waiting for the nodes to find each other" in ended.out
    assert ended.code == 0


def test_patience_ends(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that never catches up takes no part, and does not hold up the demo for ever."""
    monkeypatch.setattr(demo, "_PATIENCE_S", 0.2)
    node = cluster.nodes[2]
    node.status, node.reason = SYNCING, "catching up"
    for other in cluster.nodes:
        other.acknowledged = 2
    ended = client("--cluster", cluster.members)
    assert ended.code == 0
    assert f"{node.address} is SYNCING and takes no part: catching up" in ended.out


def test_a_node_that_forgets_a_write_is_a_cross(cluster: FakeCluster, client: Program) -> None:
    """What was expected and what came stand side by side."""
    cluster.nodes[0].forgetful = True
    ended = client("--cluster", cluster.members)
    assert ended.code == 1
    assert 'expected "Chào bạn!", got not found' in ended.out
    assert "✗" in ended.out.splitlines()[-1]
    assert cluster.store == {}


def test_too_few_replicas_are_a_cross(cluster: FakeCluster, client: Program) -> None:
    """With three nodes up, two do not do."""
    cluster.nodes[1].acknowledged = 2
    ended = client("--cluster", cluster.members)
    assert ended.code == 1
    assert "expected 3 of 3 replicas, got 2 of 3 replicas" in ended.out
    assert "3 of 36 steps did not hold" in ended.out


def test_a_node_that_fails_midway_is_a_cross_and_leaves_no_key(
    cluster: FakeCluster, client: Program
) -> None:
    """Its deletes fail, so another node removes what it should have removed."""
    cluster.nodes[2].failures["Delete"] = (Code.UNAVAILABLE, "Socket closed")
    ended = client("--cluster", cluster.members)
    assert ended.code == 1
    assert "expected deleted, got the connection broke" in ended.out
    assert cluster.store == {}


def test_keys_that_cannot_be_removed_are_named(cluster: FakeCluster, client: Program) -> None:
    """Whoever finds them later knows where they came from."""
    for node in cluster.nodes:
        node.failures["Delete"] = (Code.UNAVAILABLE, "Socket closed")
    ended = client("--cluster", cluster.members)
    assert ended.code == 1
    assert ended.out.count("could not be removed and may still be there") == 3


def test_each_round_says_where_its_key_lives(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The primary first, and who of them is not well."""
    monkeypatch.setattr(demo, "_PATIENCE_S", 0.1)  # for nodes that wait for each other
    first, second, third = cluster.nodes
    second.lagging = {third.name}
    out = client("--cluster", cluster.members).out
    homes = f"  primary {first.name}, replicas {second.name} and {third.name}"
    assert out.count(f"{homes}\n") == 2
    assert out.count(f"{homes} (lagging)\n") == 1


def test_the_live_dead_list_is_shown(cluster: FakeCluster, client: Program) -> None:
    """As the nodes keep it, with what they disagree about."""
    lost = cluster.lose(2)
    first, second, _ = cluster.nodes
    out = client("--cluster", cluster.members).out
    assert f"  ALIVE  {first.name}, {second.name}\n  DEAD   {lost}\n" in out
    first.peers[lost] = PeerState.ALIVE
    out = client("--cluster", cluster.members).out
    assert f"{second.name} calls {lost} DEAD (for 12 s), {first.name} calls it ALIVE" in out


def test_with_fewer_replicas_than_nodes_the_replicas_count(
    client: Program,
) -> None:
    """Five nodes, two of which hold the key; the others forward, and say so."""
    cluster = FakeCluster(5)
    home, other = cluster.addresses[1:3]
    for node in cluster.nodes:
        node.homes, node.replicas, node.acknowledged = [home, other], 2, 2
        node.forwards_to = "" if node.name in (home, other) else home
    ended = client("--cluster", cluster.members)
    cluster.close()
    assert ended.code == 0
    assert "All 90 steps held, on 5 nodes" in ended.out
    assert f'2 of 2 replicas hold "Chào bạn!", forwarded to {home}' in ended.out
    assert f'"Chào bạn!", forwarded to {home}\n' in ended.out
    assert f"  primary {home}, replica {other}\n" in ended.out


def test_of_two_replicas_one_that_is_down_is_not_expected(
    cluster: FakeCluster, client: Program
) -> None:
    """Both are expected of a key whose replicas are both up, one of this."""
    lost = cluster.lose(0)
    for node in cluster.nodes:
        node.homes, node.replicas, node.acknowledged = [lost, cluster.addresses[1]], 2, 1
    ended = client("--cluster", cluster.members)
    assert ended.code == 0
    assert f"  primary {lost} (DEAD), replica {cluster.addresses[1]}\n" in ended.out
    for node in cluster.nodes:
        node.homes = list(cluster.addresses[1:])
    ended = client("--cluster", cluster.members)
    assert "expected 2 of 2 replicas, got 1 of 2 replicas" in ended.out


def test_a_round_without_any_replica_up_is_left_out(cluster: FakeCluster, client: Program) -> None:
    """Nobody could take its writes, and nobody promised to."""
    lost = cluster.lose(0)
    for node in cluster.nodes:
        node.homes = [lost]
    cluster.nodes[1].homes = list(cluster.addresses)
    ended = client("--cluster", cluster.members)
    assert ended.code == 0
    assert ended.out.count("no node that holds it is up, so this round is left out") == 1


def test_replicas_that_were_not_named_hold_a_key_all_the_same(
    cluster: FakeCluster, client: Program
) -> None:
    """The demo plays on one node; the others are up, and take what is forwarded."""
    node = cluster.nodes[0]
    node.homes, node.forwards_to = list(cluster.addresses[1:]), cluster.addresses[1]
    ended = client("--cluster", node.address)
    assert ended.code == 0
    assert "All 6 steps held, on 1 node." in ended.out


def test_nodes_too_old_for_the_new_questions_play_the_demo(
    cluster: FakeCluster, client: Program
) -> None:
    """They do not tell where a key lives; everything else holds."""
    for node in cluster.nodes:
        for method in ("Status", "Locate"):
            node.failures[method] = (Code.UNIMPLEMENTED, "Method not found!")
    ended = client("--cluster", cluster.members)
    assert (ended.code, ended.err) == (0, "")
    assert "All 36 steps held" in ended.out
    assert "live/dead" not in ended.out


def test_a_node_that_cannot_say_where_a_key_lives_is_a_cross(
    cluster: FakeCluster, client: Program
) -> None:
    """It knows the question, and fails."""
    cluster.nodes[0].failures["Locate"] = (Code.INTERNAL, "an internal error")
    ended = client("--cluster", cluster.members)
    assert ended.code == 1
    assert "1 of 37 steps did not hold" in ended.out


def test_an_interrupted_demo_leaves_no_key(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl+C between a put and its delete."""

    def interrupt(*_: object) -> None:
        assert cluster.store
        raise KeyboardInterrupt

    monkeypatch.setattr(script.Script, "_get_from_all", interrupt)
    ended = client("--cluster", cluster.members)
    assert (ended.code, ended.err) == (130, "Interrupted.\n")
    assert cluster.store == {}


def _serve_when_asked(node: FakeNode, *, times: int) -> None:
    """Have a node catch up until it has been asked so many times."""
    node.status = SYNCING

    def catch_up() -> None:
        if node.calls.count("CheckHealth") >= times:
            node.status = SERVING

    node.on_health = catch_up
