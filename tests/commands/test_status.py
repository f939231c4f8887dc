"""client.py status: the table, its widths, and the three ways in which it ends."""

from __future__ import annotations

import io
import json
import re

import grpc
import pytest
from rich.console import Console

from kvcluster.commands.status_table import render
from kvcluster.view.census import census
from kvcluster.view.health import View
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Program
from tests.view.views import DEAD, REFUSED, A, B, C, says, silent, view

from demo_pb2 import SYNCING, PeerState, Progress, StatusResponse

_LONG = tuple(f"node-{n}.storage.example.com:50051" for n in (1, 2, 3))


def _drawn(*answers: View, width: int = 80, terminal: bool = False) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
    )
    return render(census(answers), console, now_s=0.0)


def test_the_table_of_a_healthy_cluster() -> None:
    """A row for each node, and not a word below."""
    assert _drawn(view(A), view(B), view(C, checkpoint_age_s=-1.0)).splitlines() == [
        "3 of 3 nodes serve; each key has 3 replicas",
        "",
        "node             state      keys     size  primary/held  JSON age  uptime",
        "localhost:50051  SERVING  12,000  1.4 MiB   1,365/4,096       1 s   3 min",
        "localhost:50052  SERVING  12,000  1.4 MiB   1,365/4,096       1 s   3 min",
        "localhost:50053  SERVING  12,000  1.4 MiB   1,365/4,096     never   3 min",
    ]


def test_a_dead_node_has_a_row_a_note_and_a_disagreement() -> None:
    """Each where a person looks for it, wrapped to the width of the terminal."""
    assert _drawn(view(A, says(C, DEAD)), view(B), silent(C)).splitlines()[5:] == [
        "localhost:50053  UNREACHABLE       –        –             –         –       –",
        "",
        "localhost:50053  connection refused, nothing listens there",
        "",
        "They disagree:",
        "  localhost:50051 calls localhost:50053 DEAD (for 12 s), localhost:50052 calls",
        "  it ALIVE, and it does not answer us",
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    """Columns without room are left out; no cell is cut, none is folded."""
    late = says(C, DEAD, missed=7, missed_since=bytes(12))
    lines = _drawn(view(A, late), view(B), silent(C), width=width).splitlines()
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if line.startswith(A)]
    assert rows[0].split()[1] == "SERVING"
    assert len(rows) == 1


def test_long_names_take_the_room_of_other_columns() -> None:
    """Who it is counts for more than how long it has been up."""
    lines = _drawn(*(view(name, names=_LONG) for name in _LONG)).splitlines()
    assert max(map(len, lines)) <= 80
    for name, line in zip(_LONG, lines[3:], strict=True):
        assert line.startswith(f"{name}  SERVING")
    assert "uptime" not in lines[2]


def test_without_a_terminal_every_row_and_note_is_one_plain_line(
    cluster: FakeCluster, client: Program
) -> None:
    """For grep: no colour codes, no wrapping, nothing cut."""
    node = cluster.nodes[1]
    node.extra.checkpoint_error = "the disk is full, " * 10 + "and that is all"
    for other in cluster.nodes:
        other.peers["a-very-long-name.of-a-node.in-some-domain.example.com:50051"] = PeerState.DEAD
    out = client("status", "--cluster", cluster.members).out
    assert "\x1b" not in out
    assert re.search(
        "^a-very-long-name.of-a-node.in-some-domain.example.com:50051  DEAD", out, re.M
    )
    assert re.search(f"^{node.name} +its JSON file falls behind: .* and that is all$", out, re.M)


def test_colour_says_only_what_words_say() -> None:
    """Bold and red, and the same text without them."""
    answers = (view(A, says(C, DEAD)), view(B, says(C, DEAD)), silent(C))
    coloured = _drawn(*answers, terminal=True)
    assert set(re.findall(r"\x1b\[([0-9;]*)m", coloured)) == {"0", "1", "1;31"}
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == _drawn(*answers).splitlines()


def test_brackets_in_what_a_node_says_are_no_markup() -> None:
    """An IPv6 address, or a path."""
    name = "[::1]:50051"
    drawn = _drawn(view(name, names=(name,), checkpoint_error="[red]no"))
    assert f"{name}  its JSON file falls behind: [red]no" in drawn


def test_a_healthy_cluster_exits_with_0(cluster: FakeCluster, client: Program) -> None:
    """Every member answers and serves, and nobody disagrees."""
    ended = client("status", "--cluster", cluster.members)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("3 of 3 nodes serve")


def test_a_node_that_catches_up_exits_with_1_and_its_progress(
    cluster: FakeCluster, client: Program
) -> None:
    """It answers, and does not serve."""
    node, source = cluster.nodes[2], cluster.addresses[0]
    node.status = SYNCING
    node.extra = StatusResponse(sync=Progress(source=source, entries=12_000, about=50_000))
    ended = client("status", "--cluster", cluster.members)
    assert ended.code == 1
    assert f"{node.name}  SYNCING" in ended.out
    assert f"catching up from {source}, 12,000 of about 50,000 entries" in ended.out


def test_a_dead_node_exits_with_1(cluster: FakeCluster, client: Program) -> None:
    """The others say how long; we say why it does not answer."""
    lost = cluster.lose(2)
    ended = client("status", "--cluster", cluster.members)
    assert (ended.code, ended.err) == (1, "")
    assert f"{lost}  DEAD 12 s" in ended.out
    assert f"{lost}  {REFUSED}" in ended.out
    assert "disagree" not in ended.out


def test_a_disagreement_exits_with_1(cluster: FakeCluster, client: Program) -> None:
    """Though all three serve."""
    first, _, third = cluster.nodes
    first.peers[third.name] = PeerState.DEAD
    ended = client("status", "--cluster", cluster.members)
    assert ended.code == 1
    assert f"{first.name} calls {third.name} DEAD (for 12 s), " in ended.out


def test_with_no_answer_at_all_each_is_named_and_it_exits_with_3(
    client: Program, nobody: str, frozen: str
) -> None:
    """No table of nothing."""
    ended = client("status", "--cluster", f"{nobody},{frozen}", "--timeout", "0.2")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.splitlines() == [
        f"{nobody}: {REFUSED}.",
        f"{frozen}: no answer within 0.2 s; it may be frozen or cut off.",
    ]


def test_who_names_one_node_hears_from_all(cluster: FakeCluster, client: Program) -> None:
    """The answers name the others, and they are asked as well."""
    ended = client("status", "--cluster", cluster.addresses[1])
    assert ended.code == 0
    assert ended.out.count("SERVING") == 3
    assert [node.calls for node in cluster.nodes] == [["Status"]] * 3


def test_a_node_too_old_to_be_asked_has_a_row_and_a_note(
    cluster: FakeCluster, client: Program
) -> None:
    """It answers that it does not know the question."""
    cluster.nodes[0].failures["Status"] = (grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
    ended = client("status", "--cluster", cluster.members)
    assert ended.code == 1
    assert f"{cluster.addresses[0]}  WRONG SERVICE" in ended.out
    assert "too old to know the question" in ended.out


def test_json_says_the_same_as_the_table(cluster: FakeCluster, client: Program) -> None:
    """Each node, what is unusual about it, and the disagreements; the exit code as well."""
    lost = cluster.lose(2)
    ended = client("status", "--output", "json", "--cluster", cluster.members)
    assert (ended.code, ended.err) == (1, "")
    said = json.loads(ended.out)
    assert said.keys() == {"healthy", "serving", "nodes", "disagreements"}
    assert (said["healthy"], said["serving"], said["disagreements"]) == (False, 2, [])
    first, _, third = said["nodes"]
    assert first.keys() == {
        "node",
        "serving",
        "state",
        "answers",
        "notes",
        "replicas",
        "keys",
        "size_bytes",
        "primary_slots",
        "held_slots",
        "expiring_keys",
        "tombstones",
        "json_age_s",
        "uptime_s",
    }
    assert third == {
        "node": lost,
        "serving": False,
        "state": "DEAD 12 s",
        "answers": False,
        "notes": [REFUSED],
    }
