"""put, get and delete: what they print, how they end, and which node they turn to next."""

from __future__ import annotations

import json

import grpc
import pytest

from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Program

from demo_pb2 import DRAINING, SERVING, SYNCING, Failure, PeerState

Code = grpc.StatusCode


def test_a_value_comes_back_as_it_was_put(cluster: FakeCluster, client: Program) -> None:
    """Put says how many replicas hold it; get prints the value and nothing else."""
    put = client("put", "thủ đô", "Hà Nội 🌱", "--cluster", cluster.members)
    assert (put.code, put.out, put.err) == (0, "stored, 3 of 3 replicas\n", "")
    got = client("get", "thủ đô", "--cluster", cluster.members)
    assert (got.code, got.out, got.err) == (0, "Hà Nội 🌱", "")


def test_a_value_that_ends_its_line_gets_no_second_newline(
    cluster: FakeCluster, client: Program
) -> None:
    """What came from a text file goes back as it was."""
    cluster.store["note"] = "one\ntwo\n"
    assert client("get", "note", "--cluster", cluster.members).out == "one\ntwo\n"


def test_an_empty_value_is_not_a_missing_key(cluster: FakeCluster, client: Program) -> None:
    """An empty line and exit code 0 against nothing and exit code 1."""
    cluster.store["empty"] = ""
    assert client("get", "empty", "--cluster", cluster.members).code == 0


def test_getting_a_missing_key_prints_nothing_and_exits_with_1(
    cluster: FakeCluster, client: Program
) -> None:
    """A sentence on standard error, nothing for a script to take for a value."""
    got = client("get", "nothing", "--cluster", cluster.members)
    assert (got.code, got.out) == (1, "")
    assert 'no key "nothing"' in got.err


def test_deleting_says_whether_the_key_was_there(cluster: FakeCluster, client: Program) -> None:
    """Deleting twice is no error: what was asked for holds."""
    cluster.store["a"] = "1"
    first = client("delete", "a", "--cluster", cluster.members)
    second = client("delete", "a", "--cluster", cluster.members)
    assert (first.code, first.out) == (0, "deleted, 3 of 3 replicas\n")
    assert (second.code, second.out) == (0, "was not there, 3 of 3 replicas\n")


def test_a_node_that_is_down_is_passed_over(cluster: FakeCluster, client: Program) -> None:
    """Killing any node stops nothing, and the answer tells who is missing."""
    cluster.lose(0)
    put = client("put", "a", "1", "--cluster", cluster.members)
    assert (put.code, put.out) == (0, "stored, 2 of 3 replicas\n")
    assert client("get", "a", "--cluster", cluster.members).out == "1"


def test_a_frozen_node_is_passed_over(cluster: FakeCluster, client: Program, frozen: str) -> None:
    """It costs a moment, not the write: nothing was sent to it but a question."""
    nodes = f"{frozen},{cluster.members}"
    assert client("put", "a", "1", "--cluster", nodes, "--timeout", "0.3").code == 0
    assert client("get", "a", "--cluster", nodes, "--timeout", "0.3").out == "1"


@pytest.mark.parametrize("status", [SYNCING, DRAINING])
def test_a_node_that_serves_comes_before_one_that_does_not(
    cluster: FakeCluster, client: Program, status: int
) -> None:
    """The order of the list holds among those that serve."""
    cluster.nodes[0].status = status
    client("put", "a", "1", "--cluster", cluster.members)
    assert "Put" not in cluster.nodes[0].calls
    assert "Put" in cluster.nodes[1].calls


def test_a_write_that_certainly_failed_goes_to_the_next_node(
    cluster: FakeCluster, client: Program
) -> None:
    """A full disk at one node says so before anything is sent."""
    cluster.nodes[0].failures["Put"] = Failure(
        code=8,
        message="the disk is full; nothing was written",
        nothing_written=True,
        reason="DISK_IS_FULL",
    )
    assert client("put", "a", "1", "--cluster", cluster.members).code == 0
    assert cluster.store == {"a": "1"}


@pytest.mark.parametrize("command", [("put", "a", "1"), ("delete", "a")])
@pytest.mark.parametrize(
    ("code", "details"),
    [
        (Code.UNAVAILABLE, "Socket closed"),
        (Code.DEADLINE_EXCEEDED, "the deadline passed while the write was on its way to disk"),
        (Code.INTERNAL, "an internal error; see the log"),
    ],
)
def test_a_write_with_unknown_outcome_is_never_sent_again(
    cluster: FakeCluster, client: Program, command: tuple[str, ...], code: Code, details: str
) -> None:
    """It may have been delivered, and a second one could overwrite what came in between."""
    for method in ("Put", "Delete"):
        cluster.nodes[0].failures[method] = (code, details)
    ended = client(*command, "--cluster", cluster.members)
    assert (ended.code, ended.out) == (3, "")
    assert "may have happened" in ended.err
    assert "othing was written" not in ended.err
    assert not {"Put", "Delete"} & {*cluster.nodes[1].calls, *cluster.nodes[2].calls}


def test_a_node_that_falls_silent_during_a_write_leaves_it_unknown(
    cluster: FakeCluster, client: Program
) -> None:
    """It answered a moment ago, so the write was delivered to it."""
    cluster.nodes[0].hangs.add("Put")
    ended = client("put", "a", "1", "--cluster", cluster.members, "--timeout", "0.2")
    assert ended.code == 3
    assert "no answer within 0.2 s" in ended.err
    assert "may have happened" in ended.err


def test_a_read_goes_on_to_the_next_node_after_any_failure(
    cluster: FakeCluster, client: Program
) -> None:
    """Reading twice changes nothing."""
    cluster.store["a"] = "1"
    cluster.nodes[0].failures["Get"] = (Code.UNAVAILABLE, "Socket closed")
    cluster.nodes[1].failures["Get"] = (Code.INTERNAL, "an internal error")
    assert client("get", "a", "--cluster", cluster.members).out == "1"


def test_with_node_no_other_node_is_asked(cluster: FakeCluster, client: Program) -> None:
    """Whoever names a node wants to hear that node."""
    here = cluster.nodes[1]
    assert client("put", "a", "1", "--node", here.address).code == 0
    assert here.calls == ["CheckHealth", "Put"]
    assert not cluster.nodes[0].calls


@pytest.mark.parametrize("command", [("put", "a", "1"), ("delete", "a"), ("get", "a")])
def test_an_unreachable_node_exits_with_3_and_says_that_nothing_was_written(
    client: Program, nobody: str, command: tuple[str, ...]
) -> None:
    """A read has written nothing anyhow, and does not speak of it."""
    ended = client(*command, "--node", nobody)
    assert (ended.code, ended.out) == (3, "")
    assert f"{nobody}: connection refused" in ended.err
    assert ("Nothing was written." in ended.err) == (command[0] != "get")


def test_a_frozen_node_alone_exits_with_3_and_nothing_was_written(
    client: Program, frozen: str
) -> None:
    """The question was not answered, so the write was not sent."""
    ended = client("put", "a", "1", "--node", frozen, "--timeout", "0.2")
    assert ended.code == 3
    assert "no answer" in ended.err
    assert "Nothing was written." in ended.err


def test_with_every_node_down_each_is_named(cluster: FakeCluster, client: Program) -> None:
    """One line a node, and one for what follows from it."""
    lost = [cluster.lose(number) for number in range(3)]
    ended = client("put", "a", "1", "--cluster", cluster.members)
    assert ended.code == 3
    *lines, last = ended.err.splitlines()
    assert [line.partition(": ")[0] for line in lines] == lost
    assert last == "Nothing was written."


def test_a_refused_argument_exits_with_2_and_the_nodes_sentence(
    cluster: FakeCluster, client: Program
) -> None:
    """No other node would take it, so none is asked."""
    details = "the key 'a' is 1 byte long, allowed are 0 to 0; nothing was written"
    cluster.nodes[0].failures["Put"] = (Code.INVALID_ARGUMENT, details)
    ended = client("put", "a", "1", "--cluster", cluster.members)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"Refused: {details}.\n"
    assert "Put" not in cluster.nodes[1].calls


def test_a_web_server_is_no_node(client: Program, web_server: str) -> None:
    """It is there, it answers, and it is the wrong address."""
    ended = client("put", "a", "1", "--node", web_server)
    assert ended.code == 3
    assert "no gRPC server" in ended.err


def test_a_forwarded_write_says_to_whom(cluster: FakeCluster, client: Program) -> None:
    """The node asked holds nothing of the key."""
    asked, served = cluster.nodes[0], cluster.addresses[1]
    asked.forwards_to, asked.replicas, asked.acknowledged = served, 2, 2
    put = client("put", "a", "1", "--node", asked.address)
    delete = client("delete", "a", "--node", asked.address)
    assert put.out == f"stored, 2 of 2 replicas, forwarded to {served}\n"
    assert delete.out == f"deleted, 2 of 2 replicas, forwarded to {served}\n"


@pytest.mark.parametrize("status", [SERVING, SYNCING])
def test_a_node_asked_by_another_address_has_not_forwarded(
    cluster: FakeCluster, client: Program, status: int
) -> None:
    """It signs with its own name, and 127.0.0.1 is not how the cluster calls it."""
    cluster.nodes[0].status = status
    address = cluster.addresses[0].replace("localhost", "127.0.0.1")
    assert client("put", "a", "1", "--node", address).out == "stored, 3 of 3 replicas\n"


def test_a_read_tells_who_answered_only_when_asked(cluster: FakeCluster, client: Program) -> None:
    """On standard error; standard output is the value, in any case."""
    cluster.store["a"] = "1"
    asked, served = cluster.nodes[0], cluster.addresses[1]
    verbose = client("get", "a", "-v", "--node", asked.address)
    assert (verbose.out, verbose.err) == ("1", f"asked {asked.name}\n")
    asked.forwards_to = served
    verbose = client("get", "a", "--verbose", "--node", asked.address)
    assert (verbose.out, verbose.err) == ("1", f"asked {asked.name}, forwarded to {served}\n")
    assert client("get", "a", "--node", asked.address).err == ""


def test_several_values_are_a_line_each(cluster: FakeCluster, client: Program) -> None:
    """With their keys, escaped as by scan; a missing one is told and does not stop the rest."""
    cluster.store.update({"a": "1", "c": "x\ty\n"})
    ended = client("get", "a", "b", "c", "--cluster", cluster.members)
    assert (ended.code, ended.out) == (1, "a\t1\nc\tx\\ty\\n\n")
    assert ended.err == 'There is no key "b".\n'


def test_several_keys_are_removed_in_their_order(cluster: FakeCluster, client: Program) -> None:
    """Each is told by its name."""
    cluster.store.update({"a": "1", "b": "2"})
    ended = client("delete", "a", "x", "b", "--cluster", cluster.members)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "a: deleted, 3 of 3 replicas",
        "x: was not there, 3 of 3 replicas",
        "b: deleted, 3 of 3 replicas",
    ]
    assert cluster.store == {}


def test_a_key_that_cannot_be_removed_leaves_those_behind_it_alone(
    cluster: FakeCluster, client: Program
) -> None:
    """Which it was, and how many come after it."""
    refused = Failure(code=13, message="an internal error; see the log", reason="OUTCOME_UNKNOWN")
    cluster.store.update({"a": "1", "b": "2", "c": "3"})
    cluster.nodes[0].refuses["b"] = [refused]
    ended = client("delete", "a", "b", "c", "--cluster", cluster.members)
    assert ended.code == 3
    assert ended.out == "a: deleted, 3 of 3 replicas\n"
    assert 'It ended at the key "b"; 1 key behind it was left alone.' in ended.err
    assert set(cluster.store) == {"b", "c"}


def test_a_read_of_several_keys_goes_on_at_the_next_node(
    cluster: FakeCluster, client: Program
) -> None:
    """Behind the keys that were read already: none is printed twice."""
    cluster.store.update({"a": "1", "b": "2"})
    cluster.nodes[0].refuses["b"] = [Failure(code=14, message="Socket closed")]
    ended = client("get", "a", "b", "--cluster", cluster.members)
    assert (ended.code, ended.out) == (0, "a\t1\nb\t2\n")


def test_json_has_a_stable_list_of_fields(cluster: FakeCluster, client: Program) -> None:
    """Programs depend on each of them; docs/client.md lists them."""
    where = ("-o", "json", "--node", cluster.addresses[0])
    put = json.loads(client("put", "a", "1", *where).out)
    written = {"version", "replicas", "acknowledged", "served_by"}
    assert put.keys() == {"key", "stored"} | written
    assert (put["key"], put["stored"], put["replicas"], put["acknowledged"]) == ("a", True, 3, 3)
    got = json.loads(client("get", "a", *where).out)
    assert got.keys() == {"key", "found", "value", "version", "expires_at", "served_by"}
    assert (got["found"], got["value"], got["served_by"]) == (True, "1", cluster.nodes[0].name)
    deleted = json.loads(client("delete", "a", *where).out)
    assert deleted.keys() == {"key", "found"} | written
    assert deleted["found"] is True
    located = json.loads(client("locate", "a", *where).out)
    assert located.keys() == {"key", "slot", "replicas", "said_by"}
    assert located["replicas"][1] == {
        "node": cluster.nodes[1].name,
        "state": "ALIVE",
        "lagging": False,
    }


def test_a_missing_key_is_an_object_too(cluster: FakeCluster, client: Program) -> None:
    """And exit code 1, with the sentence beside it."""
    ended = client("get", "a", "b", "-o", "json", "--cluster", cluster.members)
    assert ended.code == 1
    said = [json.loads(line) for line in ended.out.splitlines()]
    assert [(it["key"], it["found"], it["value"]) for it in said] == [
        ("a", False, None),
        ("b", False, None),
    ]
    assert 'There is no key "a".' in ended.err


def test_an_error_is_a_sentence_whatever_the_output(client: Program, nobody: str) -> None:
    """Nothing on standard output that could be taken for a result."""
    for command in (["put", "a", "1"], ["get", "a"], ["delete", "a"], ["status"]):
        where = "--cluster" if command == ["status"] else "--node"
        ended = client(*command, "-o", "json", where, nobody)
        assert (ended.code, ended.out) == (3, "")
        assert f"{nobody}: connection refused" in ended.err


def test_locate_shows_primary_and_replicas_as_the_node_sees_them(
    cluster: FakeCluster, client: Program
) -> None:
    """Whether the key is there or not."""
    asked, primary, last = cluster.nodes
    asked.homes = [primary.name, asked.name, last.name]
    asked.peers[last.name] = PeerState.DEAD
    asked.lagging = {primary.name}
    ended = client("locate", "thủ đô", "--node", asked.address)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        f'"thủ đô" lives in slot 1234, as {asked.name} sees it:',
        f"  primary  {primary.name}  ALIVE (lagging)",
        f"  replica  {asked.name}  itself",
        f"  replica  {last.name}  DEAD",
    ]


def test_locate_goes_on_to_the_next_node(cluster: FakeCluster, client: Program) -> None:
    """As get does."""
    cluster.lose(0)
    cluster.nodes[1].failures["Locate"] = (Code.INTERNAL, "an internal error")
    ended = client("locate", "a", "--cluster", cluster.members)
    assert ended.code == 0
    assert f"as {cluster.addresses[2]} sees it" in ended.out


def test_a_key_that_no_node_takes_cannot_be_located(cluster: FakeCluster, client: Program) -> None:
    """The same exit code as for put."""
    details = "the key '' is 0 bytes long, allowed are 1 to 1,024"
    cluster.nodes[0].failures["Locate"] = (Code.INVALID_ARGUMENT, details)
    assert client("locate", "", "--cluster", cluster.members).code == 2


def test_locate_without_a_node_exits_with_3(client: Program, nobody: str) -> None:
    """A question has written nothing, and does not speak of it."""
    ended = client("locate", "a", "--node", nobody)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == f"{nobody}: connection refused, nothing listens there.\n"


def test_an_empty_answer_is_none(cluster: FakeCluster, client: Program) -> None:
    """It must not read as "there is no such key", which is an answer."""
    for node in cluster.nodes:
        node.name = ""
    ended = client("get", "a", "--cluster", cluster.members)
    assert (ended.code, ended.out) == (3, "")
    assert "its answer cannot be read" in ended.err
