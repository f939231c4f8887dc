"""The hybrid clock: never back, whatever the wall clock and the other nodes do."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.clock import COUNTER_BITS, TIME_LIMIT, HybridClock, Skew, SkewLimits
from kvcluster.model.entry import Version, make_version, time_of

LIMITS = SkewLimits(warn_ms=1_000, absurd_ms=86_400_000, stale_ms=30_000)
WALL_MS = 1_700_000_000_000
NOW = WALL_MS << COUNTER_BITS


def ms(time: int) -> int:
    """The milliseconds of a hybrid time."""
    return time >> COUNTER_BITS


walls = st.integers(0, 50)  # close together, so that the wall stands still and jumps both ways
times = st.integers(0, 60 << COUNTER_BITS)
steps = st.lists(st.tuples(st.sampled_from(["tick", "observe"]), walls, times), max_size=60)


@given(steps, st.integers(0, 2**32 - 1))
def test_every_tick_is_newer_than_all_before(
    plan: list[tuple[str, int, int]], incarnation: int
) -> None:
    """No jump of the wall clock and no observed time makes a tick older than what was there."""
    clock = HybridClock(incarnation)
    highest = make_version(0, 0)
    for step, wall_ms, time in plan:
        if step == "tick":
            version = clock.tick(wall_ms)
            assert version > highest
            assert time_of(version) >= wall_ms << COUNTER_BITS
            highest = version
        else:
            clock.observe(time)
            highest = max(highest, make_version(time, 2**32 - 1))


@given(steps, walls)
def test_now_is_at_least_what_was_handed_out(plan: list[tuple[str, int, int]], wall: int) -> None:
    """`kept` is what the journal keeps: it must cover each time handed out, and so does `now`."""
    clock = HybridClock(7)
    seen = 0
    for step, wall_ms, time in plan:
        if step == "tick":
            seen = max(seen, time_of(clock.tick(wall_ms)))
        else:
            clock.observe(time)
            seen = max(seen, time)
        assert clock.now(wall) >= clock.kept >= seen
        assert clock.now(wall) == clock.now(wall)


def test_a_full_counter_carries_into_the_milliseconds() -> None:
    """The 65,537th write of one millisecond belongs to the next one, and is still newer."""
    clock = HybridClock(1)
    versions = [clock.tick(WALL_MS) for _ in range(65_537)]
    assert time_of(versions[0]) == NOW
    assert ms(time_of(versions[65_535])) == WALL_MS
    assert time_of(versions[65_536]) == (WALL_MS + 1) << COUNTER_BITS
    assert all(one < two for one, two in itertools.pairwise(versions))


def test_time_passes_while_the_wall_is_behind_and_the_wall_catches_up() -> None:
    """A clock that was led an hour ahead goes on with real time, and is not ahead for ever."""
    clock = HybridClock(1)
    clock.observe((WALL_MS + 3_600_000) << COUNTER_BITS)
    clock.pass_time(1_000)
    assert ms(clock.now(WALL_MS + 1_000)) == WALL_MS + 3_600_900
    clock.pass_time(40_000_000)
    assert ms(clock.now(WALL_MS + 40_001_000)) == WALL_MS + 40_001_000


@given(st.lists(walls, min_size=1, max_size=20), walls, st.integers(0, 2**32 - 1))
def test_a_restart_with_a_wall_clock_set_back_goes_on(
    before: list[int], wall_ms: int, incarnation: int
) -> None:
    """From the time on disk, a new life ticks past the old one, whatever its incarnation."""
    old = HybridClock(2**32 - 1)
    last = [old.tick(wall) for wall in before][-1]
    new = HybridClock(incarnation, old.kept)
    assert new.tick(wall_ms) > last


def test_two_nodes_that_tick_at_the_same_time_differ() -> None:
    """Equal times are told apart by the incarnation, so no version is ever given twice."""
    one, other = HybridClock(1).tick(WALL_MS), HybridClock(2).tick(WALL_MS)
    assert one < other
    assert time_of(one) == time_of(other)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (NOW, Skew.FINE),
        (NOW + (1_000 << COUNTER_BITS), Skew.FINE),
        (NOW + (1_001 << COUNTER_BITS), Skew.AHEAD),
        (NOW + (86_400_000 << COUNTER_BITS), Skew.AHEAD),
        (NOW + (86_400_001 << COUNTER_BITS), Skew.ABSURD),
        (TIME_LIMIT, Skew.ABSURD),
        (NOW - (30_000 << COUNTER_BITS), Skew.FINE),
        (NOW - (30_001 << COUNTER_BITS) + 1, Skew.FINE),
        (NOW - (30_001 << COUNTER_BITS), Skew.STALE),
        (0, Skew.STALE),
    ],
)
def test_skew_at_its_borders(time: int, expected: Skew) -> None:
    """A limit itself is still allowed; one millisecond more is not."""
    assert HybridClock(1).judge(time, WALL_MS, LIMITS) is expected


def test_being_ahead_is_measured_against_the_wall() -> None:
    """A clock that has already followed a wild one a day ahead does not follow it further."""
    clock = HybridClock(1)
    day_ahead = NOW + (86_400_000 << COUNTER_BITS)
    clock.observe(day_ahead)
    assert clock.judge(day_ahead + (1 << COUNTER_BITS), WALL_MS, LIMITS) is Skew.ABSURD


def test_what_our_own_disk_held_is_no_step_of_anybody() -> None:
    """A wall that starts days behind it calls nobody absurd who goes on from there."""
    days_ms = 3 * 86_400_000
    clock = HybridClock(1, NOW)
    behind = WALL_MS - days_ms
    assert clock.behind_ms(behind) == days_ms
    assert clock.judge(NOW + (1_000 << COUNTER_BITS), behind, LIMITS) is Skew.FINE
    assert clock.judge(NOW + (86_400_001 << COUNTER_BITS), behind, LIMITS) is Skew.ABSURD
    assert clock.ahead_ms(NOW + (5_000 << COUNTER_BITS), behind) == 5_000


def test_time_passes_for_what_our_own_disk_held() -> None:
    """A wall that nobody ever sets stays behind; a peer whose wall is right is never absurd."""
    weeks_ms = 30 * 86_400_000
    clock = HybridClock(1, NOW)
    clock.pass_time(weeks_ms)
    right = NOW + (weeks_ms << COUNTER_BITS)
    assert clock.judge(right, weeks_ms, LIMITS) is Skew.FINE


def test_disk_that_is_behind_the_wall_says_nothing() -> None:
    """A node that was away for a month is not behind."""
    clock = HybridClock(1, NOW - (30 * 86_400_000 << COUNTER_BITS))
    assert clock.behind_ms(WALL_MS) == 0
    assert clock.judge(NOW + (1_001 << COUNTER_BITS), WALL_MS, LIMITS) is Skew.AHEAD


@pytest.mark.parametrize("set_back_ms", [31_000, 3_600_000])
def test_being_stale_is_measured_against_the_hybrid_time(set_back_ms: int) -> None:
    """A wall clock set back, even far behind the message, does not make an old one look fresh."""
    clock = HybridClock(1)
    clock.observe(NOW)
    held_back = NOW - (31_000 << COUNTER_BITS)
    assert clock.judge(held_back, WALL_MS - set_back_ms, LIMITS) is Skew.STALE


def test_wall_is_kept_once_a_peer_has_accepted_it() -> None:
    """A mad wall that nobody accepts is gone when it is set right; one that is set back stays."""
    clock = HybridClock(1, NOW)
    mad_ms = WALL_MS + 30 * 86_400_000
    assert clock.now(mad_ms) == mad_ms << COUNTER_BITS
    assert clock.kept == clock.now(WALL_MS) == NOW
    clock.settle(WALL_MS + 5_000)
    assert clock.kept == clock.now(WALL_MS) == NOW + (5_000 << COUNTER_BITS)


def test_judging_moves_nothing() -> None:
    """An absurd time that was only judged does not become the time of the node."""
    clock = HybridClock(1)
    clock.judge(TIME_LIMIT - 1, WALL_MS, LIMITS)
    first: Version = clock.tick(WALL_MS)
    assert time_of(first) == NOW
