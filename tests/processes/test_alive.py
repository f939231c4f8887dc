"""Who is alive: what every node thinks of one that is killed, stopped or frozen, and how soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

from tests.processes.cluster import Cluster
from tests.processes.harness import Server, eventually

from demo_pb2 import PeerState

ALIVE, SUSPECT, DEAD = PeerState.ALIVE, PeerState.SUSPECT, PeerState.DEAD
SLACK_S = 1.0  # for two cores that others use as well


def seconds_until(look: Callable[[], object], what: str) -> float:
    """How long it takes until something holds."""
    started_s = time.monotonic()
    eventually(look, what)
    return time.monotonic() - started_s


def all_think(others: list[Server], of: Server, *states: int) -> bool:
    """Whether each of some nodes has one of these opinions of another."""
    return all(server.thinks(of) in states for server in others)


def test_crash_is_seen_at_once_and_is_final_after_three_seconds(five: Cluster) -> None:
    """Nobody listens there any more: SUSPECT at the next heartbeat, DEAD after 3 s of silence."""
    victim, *others = five
    victim.kill()
    assert seconds_until(lambda: all_think(others, victim, SUSPECT), "suspect") < 0.5 + SLACK_S
    assert seconds_until(lambda: all_think(others, victim, DEAD), "dead") < 3 + SLACK_S
    for server in others:
        lines = [line for line in server.log().splitlines() if f"{victim.name} is" in line]
        assert "is suspect; writes go on without it" in lines[-2]
        assert "is dead; writes go on without it" in lines[-1]


def test_return_is_seen_within_a_second_of_listening(five: Cluster) -> None:
    """From the first answer of the returned node on, it takes a second until it gets all writes."""
    victim, *others = five
    victim.kill()
    eventually(lambda: all_think(others, victim, SUSPECT, DEAD), "it is missed")
    victim.start()
    eventually(lambda: victim.health().node == victim.name, "it listens")
    assert seconds_until(lambda: all_think(others, victim, ALIVE), "alive") < 1 + SLACK_S


def test_clean_stop_is_known_at_once(five: Cluster) -> None:
    """Who says goodbye is DEAD for everybody before its process has ended, and no write waits."""
    victim, *others = five
    assert victim.interrupt() == 0
    assert all_think(others, victim, DEAD)
    for key in islice(five.keys_on(victim, prefix="stopped"), 10):
        started_s = time.monotonic()
        assert others[0].put(key, "v").acknowledged == 2
        assert time.monotonic() - started_s < 0.5


def test_frozen_node_is_suspected_then_dead_and_stalls_one_write(five: Cluster) -> None:
    """Silence: 1.5 s to SUSPECT, 3 s to DEAD; a node that writes waits for it once, a second."""
    victim, writer = five[0], five[1]
    others = [server for server in five if server is not victim]
    keys = list(islice(five.keys_on(writer, victim, prefix="frozen"), 20))
    for key in keys:
        writer.put(key, "old")
    with victim.frozen():
        frozen_s = time.monotonic()
        waits_s = [seconds_to_put(writer, key, "new") for key in keys]
        assert [wait_s > 0.5 for wait_s in waits_s].count(True) == 1, waits_s
        assert max(waits_s) < 1.3 + SLACK_S
        eventually(lambda: all_think(others, victim, SUSPECT), "suspect")
        assert 1.0 - 0.1 < time.monotonic() - frozen_s < 1.5 + SLACK_S
        eventually(lambda: all_think(others, victim, DEAD), "dead")
        assert 2.5 - 0.1 < time.monotonic() - frozen_s < 3 + SLACK_S
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


def seconds_to_put(server: Server, key: str, value: str) -> float:
    """How long a Put takes that two of three replicas acknowledge."""
    started_s = time.monotonic()
    assert server.put(key, value).acknowledged == 2
    return time.monotonic() - started_s
