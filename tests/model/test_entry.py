"""Which of two entries stays: a join, checked against the stupidest rule there is."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.entry import (
    VERSION_BYTES,
    ZERO,
    Entry,
    Verdict,
    Version,
    is_version,
    judge,
    make_version,
    time_of,
)

# Few values and few versions, so that equal ones meet.
versions = st.builds(make_version, st.integers(0, 3), st.integers(0, 2))
values = st.none() | st.sampled_from(["", "a", "b", "ä", "\U0001f600", "\uffff"])
entries: st.SearchStrategy[Entry] = st.tuples(values, versions)


def merge(deliveries: Iterable[Entry]) -> Entry | None:
    """What a node holds after these deliveries."""
    held: Entry | None = None
    for entry in deliveries:
        if judge(entry, held).stores:
            held = entry
    return held


def twin(deliveries: list[Entry]) -> Entry | None:
    """The same, stupidly: the largest by version, then a value over none, then by the value."""
    return max(deliveries, key=lambda e: (e[1], e[0] is not None, e[0] or ""), default=None)


@given(st.lists(entries, max_size=5))
def test_any_order_of_delivery_ends_in_the_same_entry(deliveries: list[Entry]) -> None:
    """Merging is commutative and associative: every permutation agrees with the twin."""
    for order in itertools.permutations(deliveries):
        assert merge(order) == twin(deliveries)


@given(st.lists(entries, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_repeated_deliveries_change_nothing(deliveries: list[Entry], rng: object) -> None:
    """Merging is idempotent: whatever comes again, and however late, the entry stays."""
    again = deliveries + deliveries[::-1] + deliveries
    assert merge(again) == twin(deliveries)


@given(st.lists(entries, min_size=2, max_size=6), st.integers(0, 6))
def test_replicas_that_merge_each_other_agree(deliveries: list[Entry], cut: int) -> None:
    """Two nodes that each saw a part agree once each has merged what the other holds."""
    here, there = merge(deliveries[:cut]), merge(deliveries[cut:])
    both = [entry for entry in (here, there) if entry is not None]
    assert merge(both) == merge(both[::-1]) == twin(deliveries)


@given(entries, entries)
def test_verdicts_of_the_two_sides_fit_together(one: Entry, other: Entry) -> None:
    """What is newer here is older there, and a conflict has one winner."""
    opposite = {
        Verdict.NEWER: Verdict.OLDER,
        Verdict.OLDER: Verdict.NEWER,
        Verdict.SAME: Verdict.SAME,
        Verdict.CONFLICT_WON: Verdict.CONFLICT_LOST,
        Verdict.CONFLICT_LOST: Verdict.CONFLICT_WON,
    }
    assert judge(one, other) is opposite[judge(other, one)]


def test_a_key_never_seen_takes_anything() -> None:
    """Nothing held: even the lowest version is newer."""
    assert judge((None, ZERO), None) is Verdict.NEWER


@pytest.mark.parametrize(("loser", "winner"), [(None, ""), ("a", "b"), ("\uffff", "\U0001f600")])
def test_one_version_with_two_contents_is_a_conflict(loser: str | None, winner: str) -> None:
    """A value outranks a tombstone, and the larger value by code points the smaller one."""
    version = make_version(5, 1)
    assert judge((winner, version), (loser, version)) is Verdict.CONFLICT_WON
    assert judge((loser, version), (winner, version)) is Verdict.CONFLICT_LOST
    assert Verdict.CONFLICT_LOST.conflicts
    assert not Verdict.CONFLICT_LOST.stores


@given(
    st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(0)
)
def test_versions_compare_as_time_then_incarnation(
    time: int, incarnation: int, other_time: int, other: int
) -> None:
    """Comparing the bytes compares the time first, and the incarnation where times are equal."""
    other %= 2**32
    one, two = make_version(time, incarnation), make_version(other_time, other)
    assert (one < two) == ((time, incarnation) < (other_time, other))
    assert time_of(one) == time
    assert len(one) == VERSION_BYTES
    assert is_version(one)


def test_the_lowest_version_loses_to_every_other() -> None:
    """What a person wrote by hand loses to anything a node wrote."""
    assert make_version(0, 1) > ZERO
    assert time_of(ZERO) == 0


@pytest.mark.parametrize("data", [b"", b"x" * 11, b"x" * 13])
def test_bytes_of_a_wrong_length_are_no_version(data: bytes) -> None:
    """What comes from outside is looked at before it is believed."""
    assert not is_version(Version(data))
