"""Families: one metric with its labels, as prometheus_client wants it, made of our own numbers.

A thin layer, so that the files beside it read as lists: a name, a sentence, a value. The unit is
the end of the name (`_seconds`, `_bytes`), where the convention wants it, and OpenMetrics is told
of it from there; so the two cannot differ.

Where a metric has labels, its values are a mapping whose keys are the labels' values.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from kvcluster.model.timings import BOUNDS_S, Timings

Labels = tuple[str, ...]
Values = Mapping[Labels, float] | float
"""By the labels' values, or one alone for a metric without labels."""

_UNITS = ("seconds", "bytes")
_ENDS = [*map(str, BOUNDS_S), "+Inf"]


def gauge(name: str, about: str, values: Values, labels: Sequence[str] = ()) -> Metric:
    """A number that goes up and down."""
    family = GaugeMetricFamily(name, about, labels=labels, unit=_unit_of(name))
    for place, value in _by_labels(values):
        family.add_metric(place, value)
    return family


def counter(name: str, about: str, values: Values, labels: Sequence[str] = ()) -> Metric:
    """A number that only grows until the node ends."""
    base = name.removesuffix("_total")
    family = CounterMetricFamily(base, about, labels=labels, unit=_unit_of(base))
    for place, value in _by_labels(values):
        family.add_metric(place, value)
    return family


def histogram(
    name: str, about: str, timings: Mapping[Labels, Timings], labels: Sequence[str] = ()
) -> Metric:
    """Durations, counted in classes that each contain the ones before."""
    family = HistogramMetricFamily(name, about, labels=labels, unit=_unit_of(name))
    for place, each in timings.items():
        total_s = each.total_s
        counts = itertools.accumulate(list(each.classes))  # a copy: a thread may be counting
        family.add_metric(place, list(zip(_ENDS, counts, strict=True)), total_s)
    return family


def states(current: str, names: Sequence[str], place: Labels = ()) -> dict[Labels, float]:
    """A value for each state that there is: 1 for the current one, 0 for the others."""
    return {(*place, name): float(name == current) for name in names}


def _by_labels(values: Values) -> list[tuple[Labels, float]]:
    return list(values.items()) if isinstance(values, Mapping) else [((), values)]


def _unit_of(name: str) -> str:
    return next((unit for unit in _UNITS if name.endswith(f"_{unit}")), "")
