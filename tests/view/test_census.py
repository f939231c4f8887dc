"""The census: views of all nodes, turned round into what is said of each."""

from __future__ import annotations

import pytest

from kvcluster.client.failure import FailureKind
from kvcluster.view.census import Member, census
from tests.view.views import (
    ALIVE,
    DEAD,
    SUSPECT,
    UNKNOWN,
    A,
    B,
    C,
    says,
    silent,
    view,
)

from demo_pb2 import SYNCING, Progress


def _member(name: str, members: list[Member]) -> Member:
    return next(member for member in members if member.node == name)


def test_every_member_is_there_also_one_that_was_not_asked() -> None:
    """Those asked come first, in their order; then those that only a configuration names."""
    members = census([view(C), silent("stranger:1")])
    assert [member.node for member in members] == [C, "stranger:1", A, B]


def test_a_node_asked_by_two_addresses_is_one_member() -> None:
    """localhost and 127.0.0.1, and it has one name of its own."""
    twice = [view(A, address="127.0.0.1:50051"), view(A), view(B), view(C)]
    members = census(twice)
    assert [member.node for member in members] == [A, B, C]
    assert all(member.serving and not member.failure for member in members)
    assert census(twice[:1])[0].serving


def test_what_a_node_says_of_itself_comes_before_what_others_say() -> None:
    """They may be wrong; that they differ is told elsewhere."""
    members = census([view(A, says(C, DEAD)), view(C)])
    assert _member(C, members).state == "SERVING"


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (says(C, DEAD), says(C, DEAD, since_s=14.0), "DEAD 14 s"),
        (says(C, SUSPECT, since_s=2.0), says(C, SUSPECT, since_s=1.0), "SUSPECT 2 s"),
        (says(C, UNKNOWN, since_s=99.0), says(C, DEAD), "DEAD 12 s"),
        (says(C, DEAD), says(C, ALIVE), "TIMED OUT"),
        (says(C, ALIVE), says(C, ALIVE), "TIMED OUT"),
        (says(C, UNKNOWN), says(C, UNKNOWN), "TIMED OUT"),
    ],
)
def test_of_a_silent_node_the_others_tell_if_they_are_at_one(
    first: object, second: object, state: str
) -> None:
    """Where they are not, only that we cannot reach it is certain."""
    members = census([view(A, first), view(B, second), silent(C, FailureKind.TIMED_OUT)])  # type: ignore[arg-type]
    assert _member(C, members).state == state


def test_the_live_dead_list_is_what_the_others_say() -> None:
    """Also of a node that answers us; and who differs is named."""
    members = census([view(A, says(C, DEAD)), view(B, says(A, lagging=True)), silent(C)])
    assert [member.standing for member in members] == [
        "ALIVE (lagging)",
        "ALIVE",
        f"ALIVE to {B}, DEAD to {A}",
    ]


def test_a_node_alone_stands_as_it_answers() -> None:
    """Nobody is there to say anything of it."""
    assert census([view(A, names=(A,))])[0].standing == "ALIVE"
    assert census([silent(A)])[0].standing == "UNREACHABLE"


def test_a_node_that_catches_up_stands_with_its_progress() -> None:
    """That is what a person who started it again waits for."""
    progress = Progress(source=A, entries=5, about=9)
    members = census([view(A), view(B), view(C, status=SYNCING, sync=progress)])
    standing = f"ALIVE, SYNCING: catching up from {A}, 5 of about 9 entries"
    assert _member(C, members).standing == standing
