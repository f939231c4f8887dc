"""The node that is asked: when it is left, for which one, and what is said then."""

from __future__ import annotations

import pytest

from kvcluster.client.failure import CallFailed, Kind
from kvcluster.shell.whereabouts import Whereabouts
from kvcluster.terminal.health import Health

from demo_pb2 import DRAINING, SERVING, SYNCING, HealthCheckResponse, PeerState

A, B, C = "localhost:50051", "localhost:50052", "localhost:50053"


def _says(node: str, *peers: str, status: int = SERVING, at: str = "") -> Health:
    answer = HealthCheckResponse(
        status=status,  # type: ignore[arg-type]
        node=node,
        peers=[PeerState(node=peer) for peer in peers],
    )
    return Health(at or node, 0.0, answer)


def _silent(node: str, kind: Kind, reason: str) -> Health:
    return Health(node, 0.0, CallFailed(kind, reason, nothing_written=True))


FROZEN = _silent(A, Kind.TIMED_OUT, "no answer within 1 s; it may be frozen or cut off")
REFUSED = _silent(A, Kind.UNREACHABLE, "connection refused, nothing listens there")
STRANGER = _silent(A, Kind.WRONG_SERVICE, "something answers there, but it is no gRPC server")


@pytest.mark.parametrize(
    ("current", "why"),
    [
        (FROZEN, "does not answer (frozen or cut off)"),
        (REFUSED, "does not answer (connection refused)"),
        (STRANGER, "does not answer (something answers there, but it is no gRPC server)"),
        (_says(A, status=DRAINING), "is DRAINING"),
    ],
)
def test_a_move_is_one_line_with_its_reason(current: Health, why: str) -> None:
    """A person is owed the reason, and the name of the new node."""
    place = Whereabouts([A, B, C], pinned=False)
    assert place.move(current, [_says(B, status=SYNCING), _says(C)]) == f"{A} {why}; moved to {C}."
    assert place.current == C
    assert place.asked == (C, A, B)
    assert place.known == (A, B, C)


def test_without_a_node_that_serves_it_stays() -> None:
    """The command then says of each what is wrong with it."""
    place = Whereabouts([A, B], pinned=False)
    assert place.move(REFUSED, [_says(B, status=SYNCING)]) == ""
    assert place.move(REFUSED, []) == ""
    assert place.current == A


def test_a_node_that_serves_is_not_left() -> None:
    """However good the others are."""
    place = Whereabouts([A, B], pinned=False)
    assert place.move(_says(A), [_says(B)]) == ""
    assert place.current == A


def test_it_begins_with_the_first_that_serves() -> None:
    """In the order in which they were given."""
    place = Whereabouts([A, B, C], pinned=False)
    place.begin([REFUSED, _says(B, A, C), _says(C, A, B)])
    assert place.current == B


def test_a_pinned_shell_begins_where_it_was_told_to() -> None:
    """And asks nobody else, whomever it heard of."""
    place = Whereabouts([A], pinned=True)
    place.begin([REFUSED, _says(B, A)])
    assert place.current == A
    assert place.asked == (A,)


def test_the_others_are_learned_from_one() -> None:
    """One address of a cluster is enough to survive the death of the node behind it."""
    place = Whereabouts([A], pinned=False)
    place.learn([_says(A, B, C, "nonsense", "")])
    assert place.known == (A, B, C)
    place.learn([_says(B, A, C)])
    assert place.known == (A, B, C)


def test_a_node_by_another_name_is_the_same_node() -> None:
    """127.0.0.1 and localhost are counted once."""
    place = Whereabouts(["127.0.0.1:50051", "127.0.0.1:50052"], pinned=False)
    place.learn([_says(A, B, at="127.0.0.1:50051"), _says(B, A, at="127.0.0.1:50052")])
    assert place.known == ("127.0.0.1:50051", "127.0.0.1:50052")


def test_what_nodes_name_is_not_trusted_to_be_short() -> None:
    """A list without end would be asked without end."""
    place = Whereabouts([A], pinned=False)
    place.learn([_says(A, *(f"h:{port}" for port in range(1, 1000)))])
    assert len(place.known) == 256
