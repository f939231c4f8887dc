"""Which node is asked: stay with one that answers, rest from one that failed, know them all."""

from __future__ import annotations

import pytest

from kvcluster.client.roster import LAST_RESORT_S, TRUSTED_S, Roster

from demo_pb2 import DRAINING, SERVING, SYNCING, HealthCheckResponse, PeerState, Status

A, B, C = "localhost:50051", "localhost:50052", "localhost:50053"


def _healthy(node: str, *peers: str, status: Status = SERVING) -> HealthCheckResponse:
    return HealthCheckResponse(
        node=node, status=status, peers=[PeerState(node=peer) for peer in peers]
    )


def _with(address: str, roster: Roster, now_s: float = 0.0) -> Roster:
    """A roster that has found this node."""
    rank = roster.heard(address, _healthy(address), now_s, 0.5)
    roster.stay_with(address, rank, now_s)
    return roster


def test_a_node_that_answers_is_stayed_with() -> None:
    """Each change of the node costs a search, and batches would be split."""
    roster = _with(B, Roster([A, B, C]))
    assert roster.current((), 1.0) == B
    roster.stay_with(C, 0, 1.0)
    assert roster.current((), 1.0) == B


def test_after_a_sleep_of_this_machine_no_node_is_trusted_without_a_knock() -> None:
    """The clock stood still, so the last answer seems to be a moment old, and is of yesterday."""
    roster = _with(B, Roster([A, B, C]))
    roster.doubt_all()
    assert roster.current((), 0.5) is None
    assert roster.doubtful((), 0.5) == B
    roster.answered(B, 0.6)
    assert roster.current((), 0.7) == B


def test_a_node_that_failed_rests_longer_each_time() -> None:
    """A dead node that is knocked at without end costs everybody."""
    roster = _with(A, Roster([A, B]))
    rests = []
    for _ in range(8):
        roster.failed(A, "connection refused", 0.0, 1.0)
        assert roster.candidates((), 0.0) == [B]
        rests.append(next(t / 10 for t in range(1000) if A in roster.candidates((), t / 10)))
    assert roster.current((), 0.0) is None
    assert rests == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0])
    assert roster.reasons == {A: "connection refused"}


def test_a_node_that_came_back_is_forgiven() -> None:
    """Old failures would make its next short absence a long one."""
    roster = Roster([A])
    for _ in range(5):
        roster.failed(A, "connection refused", 0.0, 1.0)
    _with(A, roster, 10.0)
    roster.failed(A, "connection refused", 20.0, 1.0)
    assert roster.next_rest_ends_s() == pytest.approx(20.1)
    assert roster.reasons == {A: "connection refused"}


def test_one_seed_makes_all_known() -> None:
    """With one address given, the death of the node behind it would be the end."""
    roster = Roster(["127.0.0.1:50051"])
    roster.heard("127.0.0.1:50051", _healthy(A, B, C), 0.0, 0.5)
    assert roster.addresses == ("127.0.0.1:50051", B, C)


def test_names_that_are_no_addresses_are_ignored() -> None:
    """What somebody else says must not make a client raise."""
    roster = Roster([A])
    roster.heard(A, _healthy("", "nonsense", "a:0", "x y:1"), 0.0, 0.5)
    roster.heard(A, _healthy(A, *(f"host{number}:1" for number in range(9_999))), 0.0, 0.5)
    assert roster.addresses[0] == A
    assert len(roster.addresses) == 256


def test_a_node_that_was_not_heard_lately_is_doubted() -> None:
    """It may be frozen since; a write sent to it would be lost to an unknown end."""
    roster = _with(A, Roster([A, B]))
    assert roster.doubtful((), TRUSTED_S - 0.1) is None
    assert roster.current((), TRUSTED_S) is None
    assert roster.doubtful((), TRUSTED_S) == A
    roster.answered(A, TRUSTED_S)
    assert roster.current((), TRUSTED_S) == A


def test_a_node_that_does_not_serve_yet_is_a_last_resort() -> None:
    """When others are up again, they are better; a second is long enough."""
    roster = Roster([A, B])
    rank = roster.heard(A, _healthy(A, status=SYNCING), 0.0, 0.5)
    roster.stay_with(A, rank, 0.0)
    assert rank > 0
    assert roster.current((), LAST_RESORT_S - 0.1) == A
    roster.answered(A, LAST_RESORT_S)
    assert roster.current((), LAST_RESORT_S) is None
    assert roster.doubtful((), LAST_RESORT_S) is None


def test_a_node_that_stops_is_no_candidate() -> None:
    """It would refuse, or worse, take what it cannot finish."""
    roster = _with(A, Roster([A, B]))
    rank = roster.heard(A, _healthy(A, status=DRAINING), 0.0, 0.5)
    assert rank < 0
    assert roster.current((), 0.0) is None
    assert roster.candidates((), 0.0) == [B]


def test_a_node_to_avoid_is_not_given() -> None:
    """It refused this operation just now; but others may be asked of it."""
    roster = _with(A, Roster([A, B]))
    assert roster.current({A}, 0.0) is None
    assert roster.candidates({A}, 0.0) == [B]
    assert roster.current({B}, 0.0) == A
