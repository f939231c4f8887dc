"""What a node thinks of a peer: every legal move, and those that must never happen."""

from __future__ import annotations

import itertools

import pytest

from kvcluster.model.peer import TRANSITIONS, Happening, PeerState, next_state


def test_every_happening_is_answered_in_every_state() -> None:
    """A hole in the table would be an exception in the middle of a heartbeat."""
    assert set(TRANSITIONS) == set(Happening)
    for moves in TRANSITIONS.values():
        assert set(moves) == set(PeerState)


@pytest.mark.parametrize("state", [PeerState.UNKNOWN, PeerState.BEHIND, PeerState.DOWN])
def test_peer_that_missed_writes_is_not_alive_before_it_pulls(state: PeerState) -> None:
    """A heartbeat alone must not make it count as a replica that has everything."""
    assert next_state(state, Happening.ANSWERED_BEHIND) is not PeerState.ALIVE


def test_peer_that_pulls_gets_writes_again_at_once() -> None:
    """Or it would miss what is written while it catches up, for ever under load."""
    assert next_state(PeerState.BEHIND, Happening.PULLS) is PeerState.ALIVE


def test_peer_that_we_cannot_reach_is_not_alive_because_it_reaches_us() -> None:
    """In a one-way cut each write would wait for an answer that cannot come."""
    assert next_state(PeerState.DOWN, Happening.PULLS) is PeerState.DOWN


def test_one_failure_ends_waiting_from_every_state() -> None:
    """After a failed call no write waits for the peer."""
    for state, failure in itertools.product(PeerState, (Happening.FAILED, Happening.GONE)):
        assert next_state(state, failure) is not PeerState.ALIVE
