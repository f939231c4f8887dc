"""Medians, spreads, and ratios of pairs.

A ratio is taken in each round, between two figures that stand seconds apart, and the median of
these ratios is told. The ratio of the medians would be worse: on a machine whose speed drifts, two
medians may come from different minutes.

Rejected: means and standard deviations. One round in which the machine did something else moves a
mean, and what is left after it is not normally distributed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Figures of several rounds: the one in the middle, the ends, and how many they were."""

    median: float
    low: float
    high: float
    count: int


def spread(values: Sequence[float]) -> Spread:
    """The spread of one figure or more."""
    return Spread(quantile(values, 0.5), min(values), max(values), len(values))


def quantile(values: Sequence[float], share: float) -> float:
    """The figure below which this share of them lies, with a straight line between neighbours."""
    if not values:
        raise ValueError("no figures")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below, above = math.floor(place), math.ceil(place)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def ratios(ours: Mapping[int, float], theirs: Mapping[int, float]) -> list[float]:
    """Ours to theirs in every round that has both, in the order of the rounds."""
    common = sorted(ours.keys() & theirs.keys())
    return [ours[number] / theirs[number] for number in common if theirs[number]]


def longest_gap(moments: Sequence[float], begin: float, end: float) -> float:
    """The longest time without any of these moments, between a beginning and an end."""
    inside = sorted(moment for moment in moments if begin <= moment <= end)
    edges = [begin, *inside, end]
    return max(after - before for before, after in itertools.pairwise(edges))
