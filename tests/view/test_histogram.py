"""Latencies: percentiles against a sorted list, and bars that tell the truth."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.view.histogram import PERCENTILES, Histogram, bars, milliseconds

_DURATIONS = st.lists(st.floats(1e-5, 100), min_size=1, max_size=200)


def _of(durations: list[float]) -> Histogram:
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    return histogram


@given(_DURATIONS)
def test_percentiles_are_right_to_five_percent(durations: list[float]) -> None:
    """Against the stupid twin that keeps every duration."""
    histogram = _of(durations)
    ordered = sorted(durations)
    for share in PERCENTILES:
        exact = ordered[math.ceil(len(ordered) * share / 100) - 1]
        assert exact * 0.9999 <= histogram.percentile(share) <= exact * 1.0501
    assert histogram.max_s == ordered[-1]


@given(_DURATIONS)
def test_no_call_is_lost_from_the_drawing(durations: list[float]) -> None:
    """Not the shortest, not the longest."""
    drawn = _of(durations).drawn()
    assert sum(count for _, count in drawn) == len(durations)
    assert drawn[0][1]
    assert drawn[-1][1]


def test_bounds_are_round_and_an_empty_bucket_between_two_is_drawn() -> None:
    """A gap is something to see."""
    assert _of([0.0009, 0.0018, 0.004]).drawn() == [(1, 1), (1.5, 0), (2, 1), (3, 0), (5, 1)]


def test_bars_are_as_long_as_their_share() -> None:
    """The largest fills the width; what is rare still shows."""
    lines = bars([(1.0, 1000), (2.0, 500), (5.0, 0), (10.0, 1)], 8)
    assert [line[:12].strip() for line in lines] == [
        "to 1 ms",
        "to 2 ms",
        "to 5 ms",
        "to 10 ms",
    ]
    assert [line[14:22].rstrip() for line in lines] == ["████████", "████", "", "▏"]
    assert [line.split()[-1] for line in lines] == ["66.6%", "33.3%", "0.0%", "<0.1%"]


def test_nothing_counted_is_nothing_drawn() -> None:
    """A run in which every call failed."""
    assert Histogram().drawn() == []
    assert bars([], 8) == []
    assert Histogram().percentile(50) == 0


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0.00084, "0.84 ms"), (0.0123, "12.3 ms"), (1.24, "1,240 ms")],
)
def test_a_duration_has_three_digits(duration: float, text: str) -> None:
    """More would pretend to be known."""
    assert milliseconds(duration) == text
