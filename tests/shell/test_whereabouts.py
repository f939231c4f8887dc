"""The node that is asked: when it is left, for which one, what is said then; and the pulse."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from kvcluster.client.raw import RawClient
from kvcluster.shell.whereabouts import Look, Pulse, Whereabouts
from tests.client.fake_node import FakeCluster

from demo_pb2 import DRAINING, SYNCING

_DEADLINE_S = 20.0


@contextmanager
def _at(nodes: Sequence[str], *, pinned: bool = False) -> Iterator[Whereabouts]:
    with RawClient(nodes, timeout_s=5, only=pinned) as store:
        yield Whereabouts(store, pinned=pinned)


def test_a_move_is_one_line_with_its_reason(cluster: FakeCluster) -> None:
    """A person is owed the reason, and the name of the new node."""
    first, second, third = cluster.addresses
    with _at(cluster.addresses) as place:
        assert place.settle() == ""
        cluster.nodes[0].status = DRAINING
        cluster.nodes[1].status = SYNCING
        assert place.settle() == f"{first}: it is DRAINING; moved to {third}."
        assert place.asked == (third, first, second)
        assert place.known == (first, second, third)


def test_a_node_that_does_not_serve_yet_is_left_too(cluster: FakeCluster) -> None:
    """It would do, as a last resort; another is better."""
    first, second, _ = cluster.addresses
    with _at(cluster.addresses) as place:
        cluster.nodes[0].status = SYNCING
        assert place.settle() == f"{first}: it is slow or does not serve yet; moved to {second}."


def test_without_a_node_that_answers_it_stays(cluster: FakeCluster, nobody: str) -> None:
    """The command then says of each what is wrong with it."""
    cluster.nodes[0].status = DRAINING
    with _at([nobody, cluster.addresses[0]], pinned=True) as place:
        assert place.settle() == ""
        assert place.current == nobody


def test_the_others_are_learned_from_one(cluster: FakeCluster) -> None:
    """One address of a cluster is enough to survive the death of the node behind it."""
    with ExitStack() as stack:
        place = stack.enter_context(_at(cluster.addresses[:1]))
        place.settle()
        assert sorted(place.known) == sorted(cluster.addresses)
        pinned = stack.enter_context(_at(cluster.addresses[:1], pinned=True))
        pinned.settle()
        assert pinned.known == pinned.asked == (cluster.addresses[0],)


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
