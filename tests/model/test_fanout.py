"""Parcels: every holder of a write knows who does not hold it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.entry import Version, make_version
from kvcluster.model.fanout import Missed, by_replicas, pack

PEERS = ("a", "b", "c", "d")
OTHERS = {0: ("a", "b"), 1: ("b", "c"), 2: ("c", "d"), 3: ("a", "d"), 4: tuple[str, ...]()}
"""The other replicas of a few slots."""

Write = tuple[int, Version]

writes = st.lists(
    st.tuples(st.sampled_from(sorted(OTHERS)), st.integers(1, 9).map(lambda n: make_version(n, 1))),
    max_size=12,
)


@given(writes, st.sets(st.sampled_from(PEERS)))
def test_parcels_agree_with_their_stupid_twin(round_: list[Write], gone: set[str]) -> None:
    """Peer by peer: which writes it gets, and what others miss of just these."""
    groups = by_replicas((slot for slot, _ in round_), OTHERS.__getitem__)
    versions = [version for _, version in round_]
    parcels, absent = pack(versions, groups, lambda name: name not in gone)
    for peer in PEERS:
        mine = [place for place, (slot, _) in enumerate(round_) if peer in OTHERS[slot]]
        if not mine:
            assert peer not in parcels
            assert peer not in absent
        elif peer in gone:
            assert peer not in parcels
            assert absent[peer] == missed(round_, mine)
        else:
            assert peer not in absent
            assert sorted(parcels[peer].places) == mine
            assert parcels[peer].as_missed == missed(round_, mine)
            for other in gone:
                both = [place for place in mine if other in OTHERS[round_[place][0]]]
                assert parcels[peer].missed.get(other) == (missed(round_, both) if both else None)


def missed(round_: list[Write], places: list[int]) -> Missed:
    """What somebody misses who does not get these writes."""
    return Missed(min(round_[place][1] for place in places), len(places))


def test_nothing_is_sent_for_a_slot_without_other_replicas() -> None:
    """With R = 1 a write stays where it is, and nobody misses it."""
    groups = by_replicas([4], OTHERS.__getitem__)
    assert pack([make_version(1, 1)], groups, lambda _: True) == ({}, {})
