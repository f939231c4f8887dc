"""Durations in classes."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.timings import BOUNDS_S, Timings

durations_s = st.floats(min_value=0, max_value=100) | st.sampled_from(BOUNDS_S)


def test_the_ends_of_the_classes_grow() -> None:
    """Else a duration could be counted in two, or in the wrong one."""
    assert list(BOUNDS_S) == sorted(set(BOUNDS_S))


@given(st.lists(durations_s))
def test_each_duration_is_counted_once_where_it_fits(durations: list[float]) -> None:
    """Against a twin that looks at every class for every duration."""
    timings = Timings()
    for duration_s in durations:
        timings.add(duration_s)
    ends = [float("-inf"), *BOUNDS_S, float("inf")]
    classes = [
        sum(low < duration_s <= high for duration_s in durations)
        for low, high in itertools.pairwise(ends)
    ]
    assert timings.classes == classes
    assert timings.count == len(durations)
    assert abs(timings.total_s - sum(durations)) < 1e-6
