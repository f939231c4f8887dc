"""Rates and percentiles from two answers of one node."""

from __future__ import annotations

import math
from typing import Any

import pytest

from kvcluster.dashboard.matters import failures
from kvcluster.dashboard.rates import percentile, rates
from tests.dashboard.looks import BOUNDS_S, traffic
from tests.view.views import A, view

from demo_pb2 import MethodTraffic, StatusResponse, Traffic


def answer(uptime_s: float, **fields: Any) -> StatusResponse:
    """What a node says after so long."""
    said = view(A, uptime_s=uptime_s, **fields).said
    assert said is not None
    return said


def test_a_rate_is_by_the_time_of_the_node() -> None:
    """An answer that came late would make a rate too high and the next too low."""
    found = rates(answer(10, traffic=traffic(puts=100)), answer(14, traffic=traffic(puts=140)))
    assert found is not None
    assert found.puts_per_s == 10
    assert found.operations_per_s == 10


def test_two_lives_have_no_rate() -> None:
    """A restart would show as a rate below zero."""
    before = answer(10, traffic=traffic(puts=100), incarnation=1)
    assert rates(before, answer(14, traffic=traffic(puts=3), incarnation=2)) is None


def test_a_node_that_does_not_count_is_unknown() -> None:
    """A node of an older version would be shown as idle."""
    assert rates(answer(10), answer(14)) is None
    assert rates(answer(10), answer(14, traffic=traffic())) is None
    assert rates(answer(10, traffic=traffic()), answer(10, traffic=traffic())) is None


def test_only_what_came_between_is_in_the_percentiles() -> None:
    """Slow calls of an hour ago would hide that it is fast now, and the reverse."""
    before = answer(10, traffic=traffic(puts=1000, durations=(0, 0, 1000, 0)))
    found = rates(before, answer(12, traffic=traffic(puts=1100, durations=(100, 0, 1000, 0))))
    assert found is not None
    assert found.calls == 100
    assert found.p99_s == pytest.approx(0.00099)


def test_calls_of_peers_are_not_those_of_clients() -> None:
    """Heartbeats, fast and many, would make a slow node look fast."""
    peers = MethodTraffic(method="CheckHealth", calls={0: 900}, durations=[900, 0, 0, 0])
    after = Traffic(methods=[*traffic(3, (0, 0, 3, 0)).methods, peers], within_s=BOUNDS_S, puts=3)
    found = rates(answer(10, traffic=traffic()), answer(12, traffic=after))
    assert found is not None
    assert found.calls == 3
    assert found.p50_s is not None
    assert found.p50_s > 0.01


def test_faults_are_counted_and_wishes_are_not() -> None:
    """A caller that gives up, or errs, would be shown as a fault of the node."""
    codes = {0: 5, 1: 7, 3: 9, 14: 2, 8: 1}
    after = answer(12, traffic=traffic(24, (24, 0, 0, 0), codes))
    found = rates(answer(10, traffic=traffic(1, (1, 0, 0, 0), {14: 1})), after)
    assert found is not None
    assert found.failed == {14: 1, 8: 1}


def test_operations_that_fail_in_a_batch_are_faults_of_their_own() -> None:
    """The call of their batch was answered, and a full disk would look like a quiet hour."""
    before, after = traffic(1, (1, 0, 0, 0)), traffic(3, (3, 0, 0, 0))
    before.batch_failures.update({8: 5})
    after.batch_failures.update({8: 505, 3: 7})
    found = rates(answer(10, traffic=before), answer(12, traffic=after))
    assert found is not None
    assert (found.failed, found.failed_in_batches) == ({}, {8: 500})
    assert failures(found) == "500 operations in batches failed: 500 RESOURCE_EXHAUSTED"


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ((10, 0, 0, 0), 50, 0.0005),
        ((0, 10, 0, 0), 50, 0.0055),
        ((50, 50, 0, 0), 50, 0.001),
        ((50, 50, 0, 0), 99, 0.001 + 0.009 * 0.98),
        ((1, 0, 0, 9), 99, math.inf),
        ((0, 0, 0, 0), 50, None),
        ((1, 1), 50, None),
    ],
)
def test_percentiles_lie_in_their_class(
    counts: tuple[int, ...], share: float, expected: float | None
) -> None:
    """A percentile in the wrong class is off by half; one of nothing must not be a number."""
    found = percentile(BOUNDS_S, counts, share)
    assert found == (expected if expected is None else pytest.approx(expected))
