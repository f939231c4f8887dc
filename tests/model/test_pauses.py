"""Whether a process was away: each clock tells of what the others slept through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.pauses import JUMPS_BELIEVED, JUMPS_WITHIN_S, Pause, Pauses, Times

INTERVAL_S, LIMIT_S = 0.125, 0.75  # which add up without a rest
START = Times(128.0, 4_096.0, 1_700_000_000.0)


def later(before: Times, timers_s: float, steady_s: float, wall_s: float) -> Times:
    """What the clocks say after they went on by so much."""
    return Times(before.timers_s + timers_s, before.steady_s + steady_s, before.wall_s + wall_s)


def watched() -> Pauses:
    """After the first look of a watch."""
    pauses = Pauses(interval_s=INTERVAL_S, limit_s=LIMIT_S)
    assert pauses.look(START) is None
    return pauses


@pytest.mark.parametrize(
    ("clocks", "timers_slept", "told_by_wall"),
    [
        ((5.125, 5.125, 5.125), False, False),  # SIGSTOP
        ((0.125, 5.125, 5.125), True, False),  # a suspended laptop
        ((0.125, 0.125, 5.125), True, True),  # a paused virtual machine, or a clock that was set
        ((5.125, 5.125, 0.125), False, False),  # and the wall was set back meanwhile
        ((0.125, 5.125, -9.0), True, False),
    ],
)
def test_the_longest_of_three_clocks_tells(
    clocks: tuple[float, float, float], timers_slept: bool, told_by_wall: bool
) -> None:
    """Each way to be away stops other clocks."""
    pauses, now = watched(), later(START, *clocks)
    assert pauses.overdue(now)
    assert pauses.look(now) == Pause(5.0, timers_slept, told_by_wall)
    assert not pauses.overdue(later(now, 0.125, 0.125, 0.125))
    assert pauses.look(later(now, 0.125, 0.125, 0.125)) is None


def test_limit_itself_is_no_pause() -> None:
    """A busy machine is late now and then."""
    pauses = watched()
    assert not pauses.overdue(later(START, 0.86, 0.86, 0.86))
    assert pauses.overdue(later(START, 0.89, 0.89, 0.89))


def test_start_is_no_pause() -> None:
    """Before the watch has looked for the first time nobody can be late."""
    pauses = Pauses(interval_s=INTERVAL_S, limit_s=LIMIT_S)
    assert not pauses.overdue(START)
    assert not pauses.overdue(later(START, 60, 60, 60))
    assert pauses.look(later(START, 60, 60, 60)) is None


def test_wall_that_is_set_back_is_no_pause() -> None:
    """Time did not pass; and from there on it is watched as before."""
    pauses, back = watched(), later(START, 0.125, 0.125, -3_600.0)
    assert not pauses.overdue(back)
    assert pauses.look(back) is None
    assert pauses.overdue(later(back, 0.125, 0.125, 2.0))


def test_what_somebody_was_told_the_watch_says_too() -> None:
    """Whoever was made to wait is woken, even if the wall has jumped back before the next look."""
    pauses = watched()
    assert pauses.overdue(later(START, 0.05, 0.05, 3.0))
    assert pauses.overdue(later(START, 0.06, 0.06, 0.06)), "it is settled"
    pause = pauses.look(later(START, 0.125, 0.125, 0.125))
    assert pause is not None
    assert pause.told_by_wall


def test_wall_that_jumps_again_and_again_is_not_believed_for_ever() -> None:
    """A broken hypervisor costs a few looks around in some minutes, and no more."""
    pauses, now, believed = watched(), START, 0
    for _ in range(100):
        for wall_s in (1.0, -1.0):
            now = later(now, 0.125, 0.125, wall_s)
            overdue, pause = pauses.overdue(now), pauses.look(now)
            assert overdue == (pause is not None)
            believed += overdue
    assert believed == JUMPS_BELIEVED
    assert pauses.jumps_ignored == 100 - JUMPS_BELIEVED
    assert pauses.look(later(now, 0.125, 5.0, 1.0)) is not None, "the steady clock is believed"


def test_wall_is_believed_again_after_a_while() -> None:
    """So a machine that is moved once a day is always found out."""
    pauses, now = watched(), START
    for _ in range(3 * JUMPS_BELIEVED):
        now = later(now, 0.125, 0.125, 1.0)
        pauses.look(now)
    now = later(now, JUMPS_WITHIN_S, JUMPS_WITHIN_S, JUMPS_WITHIN_S)
    assert pauses.look(now) is not None
    now = later(now, 0.125, 0.125, 1.0)
    pause = pauses.look(now)
    assert pause is not None
    assert pause.told_by_wall


steps = st.lists(
    st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(-5, 5), st.booleans()), max_size=40
)


@given(steps)
def test_nobody_is_told_of_a_pause_that_the_watch_does_not_find(
    plan: list[tuple[float, float, float, bool]],
) -> None:
    """Else he would wait for ever. And what steady clocks tell is always found."""
    pauses, now, looked, told = watched(), START, START, False
    for timers_s, steady_s, wall_s, looks in plan:
        now = later(now, timers_s, steady_s, wall_s)
        known_s = max(now.timers_s - looked.timers_s, now.steady_s - looked.steady_s)
        told = pauses.overdue(now)
        if known_s > INTERVAL_S + LIMIT_S:
            assert told
        if looks:
            assert (pauses.look(now) is not None) == told
            looked = now
