"""Notes: everything unusual about a node is told, and of a healthy one nothing."""

from __future__ import annotations

from typing import Any

import pytest

from kvcluster.view.census import census
from kvcluster.view.health import View
from kvcluster.view.notes import notes
from tests.view.views import DEAD, REFUSED, A, B, C, says, silent, view

from demo_pb2 import SYNCING, MemberStatus, Progress, Waiting

_OLD = bytes(5) + b"\1" + bytes(6)
_LATE = bytes(3) + b"\1" + bytes(8)


def _notes(*answers: View) -> list[tuple[str, str]]:
    return [(note.node, note.text) for note in notes(census(answers), now_s=1e9)]


def test_a_healthy_cluster_has_no_notes() -> None:
    """Silence is the good news."""
    assert _notes(view(A), view(B), view(C)) == []


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"status": SYNCING, "reason": "waiting for a peer"}, "waiting for a peer"),
        (
            {"status": SYNCING, "sync": Progress(source=B, entries=5, about=9)},
            f"catching up from {B}, 5 of about 9 entries",
        ),
        ({"fsync": False}, "runs with --fsync never: a power cut may take acknowledged writes"),
        ({"checkpoint_error": "the disk is full"}, "its JSON file falls behind: the disk is full"),
        ({"disk_full": True}, "its disk is full: it refuses writes until there is room"),
        ({"strays": 1}, "holds 1 entry that belongs to other nodes"),
        ({"strays": 1200}, "holds 1,200 entries that belong to other nodes"),
        (
            {"conflicts": 2},
            "ALARM: 2 entries came with one version and two contents; its log names them",
        ),
        (
            {"clock_alarms": 1},
            "ALARM: 1 message came from a clock that is far ahead; its log says from whom",
        ),
    ],
)
def test_what_is_unusual_is_told_with_the_node(fields: dict[str, Any], note: str) -> None:
    """One clause for each."""
    assert _notes(view(A, **fields), view(B), view(C)) == [(A, note)]


def test_a_serving_node_gives_no_reason() -> None:
    """Whatever text was left from before."""
    assert _notes(view(A, reason="catching up"), view(B), view(C)) == []


@pytest.mark.parametrize(
    ("counts", "words"), [((7, 7), "7 writes"), ((7, 3), "at least 7 writes"), ((0, 0), "writes")]
)
def test_missed_writes_are_told_with_number_and_moment(counts: tuple[int, int], words: str) -> None:
    """By all who noted it; nobody counts all of them, so numbers are not added."""
    first, second = (says(C, DEAD, missed=n, missed_since=_OLD) for n in counts)
    told = _notes(view(A, first), view(B, second), silent(C))
    assert told[0] == (C, REFUSED)
    assert told[1][1].startswith(f"missed {words} since 1970-01-01 ")
    assert told[1][1].endswith(f", noted by {A} and {B}")


def test_missed_writes_count_from_the_first_of_them() -> None:
    """Two nodes noted different moments."""
    _, note = _notes(view(A, _missed(_LATE)), view(B, _missed(_OLD)), view(C))[0]
    assert note == _notes(view(A, _missed(_OLD)), view(B, _missed(_OLD)), view(C))[0][1]


def test_a_lagging_node_is_told_with_who_leaves_it_out() -> None:
    """It answers, and yet its data grows old."""
    assert _notes(view(A, says(C, lagging=True)), view(B), view(C)) == [
        (C, f"lagging: {A} sends it no writes until it begins to catch up")
    ]


def test_a_node_that_has_begun_to_catch_up_is_not_called_lagging() -> None:
    """Views are a moment apart; its own is the later one."""
    late = says(C, lagging=True)
    assert _notes(view(A, late), view(B, late), view(C, status=SYNCING)) == []


def test_deletes_that_wait_for_a_node_that_is_away_are_told() -> None:
    """Those that wait for nodes that serve are forgotten by themselves in a minute or two."""
    waiting = [Waiting(node=B, count=3), Waiting(node=C, count=5)]
    told = _notes(view(A, says(C, DEAD), tombstones_waiting=waiting), view(B), silent(C))
    assert told[0] == (A, f"cannot forget 5 deletes before {C} has confirmed them")
    assert [node for node, _ in told] == [A, C]


def test_an_address_that_belongs_to_nobody_is_told() -> None:
    """A slip in --cluster."""
    told = _notes(view(A), view(B), view(C), silent("localhost:5005"))
    assert told[-1] == ("localhost:5005", "no node that answers counts it as a member")


def _missed(since: bytes) -> MemberStatus:
    return says(C, missed=1, missed_since=since)
