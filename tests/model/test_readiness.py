"""When a node may take writes and answer reads."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.entry import ZERO, make_version
from kvcluster.model.readiness import Readiness, Status

PEERS = ("b:2", "c:3")
V1, V2 = make_version(1, 0), make_version(2, 0)


def status_of(readiness: Readiness) -> Status:
    """The status now; a function, so that a type checker does not remember the last answer."""
    return readiness.status


def started(*, incomplete: bool = False) -> Readiness:
    """A node that heard its peers and pulled everything from them."""
    readiness = Readiness(PEERS, incomplete=incomplete)
    for peer in PEERS:
        readiness.heard(peer, None)
    for peer in PEERS:
        readiness.pulled(peer)
    return readiness


def test_node_alone_serves_at_once() -> None:
    """A cluster of one waits for nobody."""
    assert Readiness((), incomplete=False).status is Status.SERVING


def test_start_hears_then_pulls_then_serves() -> None:
    """Neither step may be left out, for any peer."""
    readiness = Readiness(PEERS, incomplete=False)
    assert status_of(readiness) is Status.STARTING
    readiness.heard("b:2", None)
    assert status_of(readiness) is Status.STARTING
    readiness.heard("c:3", V2)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.owed("b:2") == readiness.owed("c:3") == ZERO
    readiness.pulled("b:2")
    assert status_of(readiness) is Status.SYNCING
    readiness.pulled("c:3")
    assert status_of(readiness) is Status.SERVING


def test_absent_peers_are_excused_and_pulled_from_when_they_return() -> None:
    """One live replica is enough to serve, but what a late peer has is read first."""
    readiness = Readiness(PEERS, incomplete=False)
    for peer in PEERS:
        readiness.excuse(peer)
    assert status_of(readiness) is Status.SERVING
    readiness.heard("b:2", None)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.owed("b:2") == ZERO


def test_told_of_missed_writes_a_serving_node_stops_reading() -> None:
    """And the oldest version that anybody told of is what it pulls from."""
    readiness = started()
    readiness.told("c:3", V2)
    readiness.told("c:3", V1)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.owed("c:3") == V1


def test_peer_that_leaves_with_a_debt_open_is_pulled_from_entirely() -> None:
    """What it would have given is not known any more."""
    readiness = started()
    readiness.told("c:3", V2)
    readiness.excuse("c:3")
    assert status_of(readiness) is Status.SERVING
    readiness.heard("c:3", None)
    assert readiness.owed("c:3") == ZERO


def test_node_that_was_stopped_hears_everybody_again() -> None:
    """It neither reads nor writes before, and pulls only what it is told of."""
    readiness = started()
    readiness.look_around()
    assert status_of(readiness) is Status.STARTING
    readiness.heard("b:2", None)
    readiness.heard("c:3", V1)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.waiting_for() == ["c:3"]


def test_damaged_node_does_not_serve_until_some_peer_restored_it() -> None:
    """Peers that are all absent excuse a whole node, not one that lost data."""
    readiness = Readiness(PEERS, incomplete=True)
    for peer in PEERS:
        readiness.excuse(peer)
    assert status_of(readiness) is Status.SYNCING
    assert readiness.waiting_for() == []
    readiness.heard("b:2", None)
    readiness.pulled("b:2")
    assert status_of(readiness) is Status.SERVING


def test_partial_pull_does_not_restore_a_damaged_node() -> None:
    """Only a pull of everything brings back what nobody knows to be missing."""
    readiness = Readiness(PEERS, incomplete=True)
    for peer in PEERS:
        readiness.excuse(peer)
    readiness.told("b:2", V1)
    readiness.pulled("b:2")
    assert status_of(readiness) is Status.SYNCING


def test_draining_goes_before_everything() -> None:
    """A stopping node takes nothing, whatever else it waits for."""
    readiness = Readiness(PEERS, incomplete=True)
    readiness.draining = True
    assert status_of(readiness) is Status.DRAINING


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["heard", "told", "excuse", "pulled", "look"]), st.sampled_from(PEERS)
    )
)


@given(_EVENTS)
def test_serving_always_means_that_nothing_is_owed(events: list[tuple[str, str]]) -> None:
    """Whatever happened, in whatever order."""
    readiness = Readiness(PEERS, incomplete=False)
    for what, peer in events:
        if what == "heard":
            readiness.heard(peer, None)
        elif what == "told":
            readiness.told(peer, V1)
        elif what == "excuse":
            readiness.excuse(peer)
        elif what == "pulled":
            readiness.pulled(peer)
        else:
            readiness.look_around()
        serving = status_of(readiness) is Status.SERVING
        assert serving == (not readiness.waiting_for())
