"""The town clock: what a mad clock, an absent member and a clock that is set can do to it."""

from __future__ import annotations

import itertools
import statistics

import pytest

from kvcluster.model.town_clock import TownClock

NOON = 1_800_000_000_000
HOUR = 3_600_000
MAD = (-1_000 * HOUR, -HOUR, HOUR, 1_000 * HOUR)
OFF = (-20, -3, 0, 7, 15)
"""How far clocks that are right may be off, in milliseconds."""


def told(own: int, *others: int) -> int:
    """How far the town clock is off where these clocks are."""
    clock = TownClock()
    for number, off in enumerate(others):
        clock.hear(f"n{number}", NOON + off, steady_ms=500.0)
    return clock.time_ms(NOON + own, steady_ms=500.0) - NOON


@pytest.mark.parametrize("mad", MAD)
def test_one_mad_clock_of_three_changes_nothing(mad: int) -> None:
    """Be it that of this node or another: the time is between those of clocks that are right."""
    for one, two in itertools.product(OFF, repeat=2):
        for clocks in itertools.permutations((one, two, mad)):
            assert min(one, two) <= told(*clocks) <= max(one, two)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_it_is_the_lower_median_of_all_clocks(count: int) -> None:
    """Held against what the library of Python makes of all of them."""
    for clocks in itertools.product((*OFF, HOUR), repeat=count):
        assert told(*clocks) == statistics.median_low(clocks)


def test_of_two_clocks_the_later_expiry_counts() -> None:
    """A key that goes too late is the smaller evil."""
    assert told(0, HOUR) == told(HOUR, 0) == 0


def test_what_others_told_holds_while_they_are_away_and_the_own_clock_is_set() -> None:
    """A node behind a cut, whose clock is set an hour ahead, goes on by what the others had."""
    clock = TownClock()
    for name in ("b", "c"):
        clock.hear(name, NOON, steady_ms=0.0)
    assert clock.time_ms(NOON + HOUR + 60_000, steady_ms=60_000.0) == NOON + 60_000
    assert clock.time_ms(NOON + 30_000 - HOUR, steady_ms=90_000.0) == NOON + 90_000


def test_what_was_told_an_hour_ago_does_not_count() -> None:
    """Its clock may have been set since."""
    clock = TownClock()
    clock.hear("b", NOON + HOUR, steady_ms=0.0)
    clock.hear("c", NOON + HOUR + 1, steady_ms=1.0)
    assert clock.time_ms(NOON + HOUR - 2, steady_ms=HOUR - 2.0) == NOON + 2 * HOUR - 2
    later = NOON + HOUR + 1
    assert clock.time_ms(later, steady_ms=HOUR + 1.0) == later


def test_a_member_counts_once_with_what_it_said_last() -> None:
    """A mad one that beats more often has no more votes."""
    clock = TownClock()
    for steady_ms in range(5):
        clock.hear("mad", NOON + HOUR + steady_ms, float(steady_ms))
    clock.hear("b", NOON, 0.0)
    assert clock.time_ms(NOON, 0.0) == NOON


def test_it_does_not_go_back_a_little_and_goes_back_far() -> None:
    """Clocks that differ a little take turns; a key that has gone would be back for a moment. One
    that led by an hour while it was alone must not make all keys stay for an hour.
    """
    clock = TownClock()
    assert clock.time_ms(NOON + 5, 0.0) == NOON + 5
    assert clock.time_ms(NOON, 0.0) == NOON + 5
    assert clock.time_ms(NOON + 4, 4.0) == NOON + 5
    assert clock.time_ms(NOON + 6, 6.0) == NOON + 6
    assert clock.time_ms(NOON + HOUR, 7.0) == NOON + HOUR
    assert clock.time_ms(NOON + 8, 8.0) == NOON + 8
