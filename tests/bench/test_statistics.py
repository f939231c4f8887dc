"""Medians, ratios and gaps: a wrong one would be believed."""

from __future__ import annotations

import pytest

from bench.measure.statistics import longest_gap, quantile, ratios, spread


def test_a_spread_has_the_middle_and_the_ends() -> None:
    """With an even number of figures the middle lies between two of them."""
    found = spread([4.0, 1.0, 2.0, 100.0])
    assert (found.median, found.low, found.high, found.count) == (3.0, 1.0, 100.0, 4)


def test_quantiles_lie_on_a_line_between_neighbours() -> None:
    """The smallest and the largest are the ends."""
    assert [quantile([10.0, 20.0, 30.0], share) for share in (0, 0.25, 0.5, 1)] == [10, 15, 20, 30]


def test_no_figures_are_an_error() -> None:
    """Not a zero that somebody would take for fast."""
    with pytest.raises(ValueError, match="no figures"):
        quantile([], 0.5)


def test_ratios_are_of_the_same_round() -> None:
    """A round that one of the two has missed gives none."""
    assert ratios({0: 2.0, 1: 9.0, 2: 6.0}, {2: 2.0, 0: 4.0, 3: 1.0}) == [0.5, 3.0]


def test_a_gap_may_lie_at_either_end() -> None:
    """Nobody answered at first, or nobody any more."""
    assert longest_gap([3.0, 4.0], 0.0, 5.0) == 3.0
    assert longest_gap([1.0, 2.0, 99.0], 0.0, 5.0) == 3.0
    assert longest_gap([], 1.0, 5.0) == 4.0
