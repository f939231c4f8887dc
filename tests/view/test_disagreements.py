"""Disagreements: each way in which two nodes contradict each other is a line, and no other is."""

from __future__ import annotations

import pytest

from kvcluster.client.failure import FailureKind
from kvcluster.view.census import census
from kvcluster.view.disagreements import disagreements, healthy
from kvcluster.view.health import View
from tests.view.views import ALIVE, DEAD, SUSPECT, UNKNOWN, A, B, C, says, silent, view

from demo_pb2 import DRAINING, STARTING, SYNCING, Configuration


def _lines(*answers: View) -> list[str]:
    return [it.text for it in disagreements(census(answers))]


def test_a_healthy_cluster_does_not_disagree() -> None:
    """No line, and exit code 0 follows from it."""
    members = census([view(A), view(B), view(C)])
    assert disagreements(members) == []
    assert healthy(members)


@pytest.mark.parametrize("status", [SYNCING, STARTING, DRAINING])
def test_nodes_at_one_are_not_healthy_while_one_does_not_serve(status: int) -> None:
    """It is no disagreement, and it is not well."""
    members = census([view(A), view(B), view(C, status=status)])
    assert disagreements(members) == []
    assert not healthy(members)


def test_two_nodes_that_differ_about_a_third_are_named() -> None:
    """The network is cut between two of them."""
    assert _lines(view(A, says(C, DEAD)), view(B), silent(C)) == [
        f"{A} calls {C} DEAD (for 12 s), {B} calls it ALIVE, and it does not answer us"
    ]


def test_a_node_that_answers_us_while_one_calls_it_dead_is_a_disagreement() -> None:
    """It lives; who says otherwise is cut off from it."""
    assert _lines(view(A, says(C, DEAD)), view(B), view(C)) == [
        f"{A} calls {C} DEAD (for 12 s), {B} calls it ALIVE, and it answers us"
    ]


def test_a_node_that_answers_us_while_all_call_it_dead_is_a_disagreement() -> None:
    """They agree with each other, and not with what we see."""
    longer = says(C, SUSPECT, since_s=70.0)
    assert _lines(view(A, says(C, SUSPECT)), view(B, longer), view(C)) == [
        f"{A} and {B} call {C} SUSPECT (for 1 min), but it answers us"
    ]


def test_a_node_that_only_we_cannot_reach_is_a_disagreement() -> None:
    """The fault may be at our end."""
    assert _lines(view(A), view(B), silent(C, FailureKind.TIMED_OUT)) == [
        f"{A} and {B} call {C} ALIVE, but it does not answer us"
    ]


@pytest.mark.parametrize("second", [DEAD, SUSPECT, UNKNOWN])
def test_a_node_that_is_gone_is_no_disagreement(second: int) -> None:
    """Nor is it when one has waited longer than another, or has just started and not heard it."""
    assert _lines(view(A, says(C, DEAD)), view(B, says(C, second)), silent(C)) == []


def test_a_serving_node_that_another_has_not_heard_is_a_disagreement() -> None:
    """Writes there go on without it."""
    assert _lines(view(A, says(C, UNKNOWN)), view(B), view(C)) == [
        f"{A} calls {C} UNKNOWN, {B} calls it ALIVE, and it answers us"
    ]


@pytest.mark.parametrize(("status", "state"), [(DRAINING, DEAD), (STARTING, UNKNOWN)])
def test_a_node_that_stops_or_starts_is_no_disagreement(status: int, state: int) -> None:
    """Who stops tells its peers, and answers us a moment longer; who starts is not heard yet."""
    gone = says(C, state)
    assert _lines(view(A, gone), view(B, gone), view(C, status=status)) == []


def test_a_state_of_a_later_version_is_no_reason_to_fail() -> None:
    """It counts as no opinion."""
    assert _lines(view(A, says(C, 42)), view(B, says(C, DEAD)), silent(C)) == []


def test_nodes_started_with_other_settings_are_named_with_them() -> None:
    """Replicas and slots, before what follows; the refusal is not told again."""
    other = Configuration(members=[A, B, C], replicas=2, slots=64)
    refusal = says(C, DEAD, refusal="configurations differ")
    lines = _lines(view(A, refusal), view(B, refusal), view(C, configuration=other))
    assert lines[:2] == [
        f"{A} and {B} run with 3 replicas, {C} runs with 2 replicas",
        f"{A} and {B} run with 4,096 slots, {C} runs with 64 slots",
    ]


def test_nodes_started_with_settings_that_should_be_the_same_are_named_with_them() -> None:
    """Also where they serve all the same; one of an older program does not say."""
    here = Configuration(members=[A, B, C], replicas=3, slots=4096)
    here.value_limit_bytes, here.tombstone_wait_s = 2**20, 60.0
    there = Configuration()
    there.CopyFrom(here)
    there.value_limit_bytes, there.tombstone_wait_s = 2**21, 90.5
    older = Configuration(members=[A, B, C], replicas=3, slots=4096)
    lines = _lines(
        view(A, configuration=here), view(B, configuration=there), view(C, configuration=older)
    )
    assert lines == [
        f"{A} runs with value_limit_bytes 1,048,576, {B} runs with value_limit_bytes 2,097,152",
        f"{A} runs with tombstone_wait_s 60, {B} runs with tombstone_wait_s 90.5",
    ]


def test_nodes_started_with_other_members_are_named_with_them() -> None:
    """Who leaves out whom, for each member that is left out by somebody."""
    four = (A, B, C, "localhost:50054")
    lines = _lines(view(A), view(B), view(C, says(four[3], DEAD), names=four))
    assert f"{A} and {B} do not count {four[3]} as a member, others do" in lines


def test_nodes_that_refuse_each_other_are_told_once_with_the_reason() -> None:
    """Each of the two knows it, and the third does not matter."""
    why = "its clock is 2 days ahead"
    assert _lines(view(A, says(B, refusal=why)), view(B, says(A, refusal=why)), view(C)) == [
        f"{A} and {B} refuse each other: {why}"
    ]


def test_a_full_disk_alone_makes_a_cluster_unhealthy() -> None:
    """A node that missed nothing serves on, and refuses every write."""
    assert not healthy(census([view(A), view(B), view(C, disk_full=True)]))


def test_a_disagreement_alone_makes_a_cluster_unhealthy() -> None:
    """Everybody serves, and yet."""
    members = census([view(A, says(C, DEAD)), view(B, says(C, ALIVE)), view(C)])
    assert all(member.serving for member in members)
    assert not healthy(members)
