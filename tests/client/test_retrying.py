"""The retry budget and the rests."""

from __future__ import annotations

import pytest

from kvcluster.client.retrying import RetryBudget, rest_s


def test_retries_stop_when_everything_fails() -> None:
    """A sick cluster would get several times the load that it cannot bear."""
    budget = RetryBudget()
    assert [budget.spend() for _ in range(7)] == [True] * 5 + [False] * 2


def test_answers_earn_retries() -> None:
    """After a fault has passed the next one must be passed over again."""
    budget = RetryBudget()
    while budget.spend():
        pass
    for _ in range(10):
        budget.succeeded()
    assert [budget.spend() for _ in range(2)] == [True, False]
    for _ in range(1_000):
        budget.succeeded()
    assert [budget.spend() for _ in range(6)] == [True] * 5 + [False]


def test_rests_double_up_to_a_limit_and_differ() -> None:
    """Clients that failed together must not come back together, nor all the time."""
    assert [rest_s(failures, 1.0) for failures in (1, 2, 3)] == pytest.approx([0.1, 0.2, 0.4])
    assert rest_s(1_000, 1.0) == pytest.approx(2.0)
    assert rest_s(1, 0.0) == pytest.approx(0.05)
