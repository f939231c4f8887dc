"""Who is alive: what every node thinks of one that is killed, stopped or frozen, and why.

How soon is told in virtual time (tests/model/test_detector.py): here a machine may be busy.
"""

from __future__ import annotations

from itertools import islice

from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually

from demo_pb2 import PeerState

ALIVE, SUSPECT, DEAD = PeerState.ALIVE, PeerState.SUSPECT, PeerState.DEAD


def all_think(others: list[Server], of: Server, *states: int) -> bool:
    """Whether each of some nodes has one of these opinions of another."""
    return all(server.thinks(of) in states for server in others)


def said_of(of: Server, by: Server, since: int) -> list[str]:
    """What a node logged about the state of another, from a place in its log on."""
    return [line for line in by.log(since).splitlines() if f"{of.name} is " in line]


def test_crash_is_seen_at_once_and_is_final_after_a_silence(five: Cluster) -> None:
    """Nobody listens there any more: SUSPECT for that, and only later DEAD, for the silence."""
    victim, *others = five
    since = [len(server.log()) for server in others]
    victim.kill()
    eventually(lambda: all_think(others, victim, DEAD), "dead")
    for server, start in zip(others, since, strict=True):
        suspect, dead = said_of(victim, server, start)
        assert "is suspect; writes go on without it" in suspect
        assert "did not answer for" not in suspect, "it waited for a silence"
        assert "is dead; writes go on without it" in dead


def test_return_is_seen_by_all(five: Cluster) -> None:
    """A node that listens again gets all writes, with no request to help."""
    victim, *others = five
    victim.kill()
    eventually(lambda: all_think(others, victim, SUSPECT, DEAD), "it is missed")
    victim.start()
    eventually(lambda: all_think(others, victim, ALIVE), "alive")


def test_clean_stop_is_known_at_once(five: Cluster) -> None:
    """Who says goodbye is DEAD for everybody without any silence, and no write waits for it."""
    victim, *others = five
    since = [len(server.log()) for server in others]
    assert victim.interrupt() == 0
    eventually(lambda: all_think(others, victim, DEAD), "dead")
    for server, start in zip(others, since, strict=True):
        assert ["is stopping" in line for line in said_of(victim, server, start)] == [True]
    for key in islice(five.keys_on(victim, prefix="stopped"), 10):
        assert others[0].put(key, "v").acknowledged == 2
    assert "no answer in time" not in others[0].log(since[0])


def test_frozen_node_is_suspected_then_dead_and_stalls_one_write(five: Cluster) -> None:
    """Silence makes it SUSPECT and then DEAD; a node that writes waits for it once at most."""
    victim, writer = five[0], five[1]
    others = [server for server in five if server is not victim]
    keys = list(islice(five.keys_on(writer, victim, prefix="frozen"), 20))
    for key in keys:
        writer.put(key, "old")
    since = [len(server.log()) for server in others]
    with victim.frozen():
        assert {writer.put(key, "new").acknowledged for key in keys} == {2}
        assert writer.log(since[0]).count(f"{victim.name} missed writes") <= 1
        eventually(lambda: all_think(others, victim, DEAD), "dead")
        for server, start in zip(others, since, strict=True):
            suspect, dead = said_of(victim, server, start)
            assert "is suspect; writes go on without it" in suspect
            assert "is dead; writes go on without it" in dead
    answers = [victim.get(key, timeout_s=10) for key in keys]
    assert {answer.value for answer in answers} == {"new"}


def test_thawed_node_does_not_wait_for_one_that_is_frozen_for_long(five: Cluster) -> None:
    """Who was dead before a node was stopped itself is no reason for it not to serve again."""
    victim, other = five[0], five[1]
    with victim.frozen():
        eventually(lambda: other.thinks(victim) == DEAD, "dead")
        since = len(other.log())
        with other.frozen():
            eventually(lambda: five[2].thinks(other) in (SUSPECT, DEAD), "the other is missed")
        eventually(lambda: "PAUSE" in other.log(since), "it knows that it was stopped")
        other.wait_serving(5)
