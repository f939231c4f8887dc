"""Knocks: who is asked, who is waited for, and what is seen while nobody types."""

from __future__ import annotations

import threading

import pytest

from kvcluster.shell.knocking import Look, Pulse, look_around, until_one_serves
from kvcluster.shell.whereabouts import Whereabouts
from tests.client.fake_node import FakeCluster

from demo_pb2 import SYNCING

_DEADLINE_S = 20.0


def test_the_first_that_serves_is_enough(cluster: FakeCluster, frozen: str) -> None:
    """A frozen one beside it is not waited for."""
    here, _, syncing = cluster.nodes
    syncing.status = SYNCING
    *others, last = until_one_serves([frozen, syncing.address, here.address])
    assert last.address == here.address
    assert frozen not in [answer.address for answer in others]
    assert until_one_serves([]) == []


def test_a_bug_in_a_knock_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell would hang before the next command."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("kvcluster.shell.knocking.ask_health", broken)
    with pytest.raises(ZeroDivisionError):
        until_one_serves(["localhost:1"])


def test_where_none_serves_all_are_heard(cluster: FakeCluster, nobody: str) -> None:
    """The reasons are needed."""
    cluster.nodes[0].status = SYNCING
    asked = [cluster.addresses[0], nobody]
    assert {answer.address for answer in until_one_serves(asked)} == set(asked)


def test_a_look_goes_on_to_those_that_are_named(cluster: FakeCluster) -> None:
    """In the order in which they became known."""
    place = Whereabouts([cluster.addresses[1]], pinned=False)
    assert tuple(answer.address for answer in look_around(place)) == place.known
    assert set(place.known) == set(cluster.addresses)
    pinned = Whereabouts([cluster.addresses[1]], pinned=True)
    assert [answer.address for answer in look_around(pinned)] == [cluster.addresses[1]]


def test_the_pulse_beats_while_the_prompt_stands(cluster: FakeCluster) -> None:
    """At once when it comes: what was seen before a command is old."""
    looks: list[Look] = []
    seen = threading.Event()

    def see(look: Look) -> None:
        looks.append(look)
        seen.set()

    pulse = Pulse(lambda: cluster.addresses, see)
    for _ in range(3):
        with pulse.beating():
            assert seen.wait(_DEADLINE_S)
        seen.clear()
    pulse.end()
    assert [answer.address for answer in looks[0]] == list(cluster.addresses)
