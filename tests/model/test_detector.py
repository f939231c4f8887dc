"""What a node thinks of a peer: every legal move, those that must never happen, and silence."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.detector import TRANSITIONS, Detector, Liveness, Sign

SUSPECT_S, DEAD_S = 1.5, 3.0

# The arrows of the diagram in the module, each with the signs that may cause it.
LEGAL = [
    (Liveness.UNKNOWN, Liveness.ALIVE, {Sign.ANSWERED}),
    (Liveness.SUSPECT, Liveness.ALIVE, {Sign.ANSWERED}),
    (Liveness.DEAD, Liveness.ALIVE, {Sign.ANSWERED}),
    (Liveness.UNKNOWN, Liveness.SUSPECT, {Sign.REFUSED, Sign.SILENT}),
    (Liveness.ALIVE, Liveness.SUSPECT, {Sign.REFUSED, Sign.SILENT}),
    (Liveness.UNKNOWN, Liveness.DEAD, {Sign.LONG_SILENT, Sign.LEFT}),
    (Liveness.ALIVE, Liveness.DEAD, {Sign.LONG_SILENT, Sign.LEFT}),
    (Liveness.SUSPECT, Liveness.DEAD, {Sign.LONG_SILENT, Sign.LEFT}),
]


def detector(now_s: float = 0.0) -> Detector:
    """A detector with the node's own settings, made at a time."""
    return Detector(now_s, suspect_after_s=SUSPECT_S, dead_after_s=DEAD_S)


def in_state(state: Liveness, now_s: float = 0.0) -> Detector:
    """A detector that came to a state at a time."""
    one = detector(now_s)
    to_get_there = {
        Liveness.UNKNOWN: None,
        Liveness.ALIVE: Sign.ANSWERED,
        Liveness.SUSPECT: Sign.REFUSED,
        Liveness.DEAD: Sign.LEFT,
    }
    if sign := to_get_there[state]:
        one.take(sign, now_s)
    return one


def state_of(one: Detector) -> Liveness:
    """The state now; a function, so that a type checker does not remember the last answer."""
    return one.state


def test_every_sign_is_answered_in_every_state() -> None:
    """A hole in the table would be an exception in the middle of a heartbeat."""
    assert set(TRANSITIONS) == set(Sign)
    for moves in TRANSITIONS.values():
        assert set(moves) == set(Liveness)


@pytest.mark.parametrize(("before", "after", "signs"), LEGAL)
def test_each_arrow_of_the_diagram_is_taken(
    before: Liveness, after: Liveness, signs: set[Sign]
) -> None:
    """By the signs that it is drawn for, and it says that something changed."""
    for sign in signs:
        one = in_state(before)
        assert one.take(sign, 7.0)
        assert (state_of(one), one.since_s) == (after, 7.0)


def test_no_other_move_is_ever_made() -> None:
    """Back to UNKNOWN, from DEAD to SUSPECT, or ALIVE by anything but an answer."""
    drawn = {(before, sign) for before, _, signs in LEGAL for sign in signs}
    for before, sign in itertools.product(Liveness, Sign):
        if (before, sign) not in drawn:
            one = in_state(before)
            assert not one.take(sign, 7.0)
            assert (state_of(one), one.since_s) == (before, 0.0)


@pytest.mark.parametrize(
    ("silent_s", "expected"),
    [
        (0.0, None),
        (1.49, None),
        (1.5, Sign.SILENT),
        (2.99, Sign.SILENT),
        (3.0, Sign.LONG_SILENT),
        (86_400.0, Sign.LONG_SILENT),
    ],
)
@pytest.mark.parametrize("state", [Liveness.UNKNOWN, Liveness.ALIVE])
def test_silence_at_its_borders(state: Liveness, silent_s: float, expected: Sign | None) -> None:
    """Suspect after 1.5 s and dead after 3 s, counted from the last answer or from the start."""
    one = in_state(state, now_s=100.0)
    assert one.look(100.0 + silent_s) is expected


def test_silence_makes_a_peer_suspect_and_then_dead() -> None:
    """Looked at ten times a second, it changes twice, and each change is said once."""
    one = in_state(Liveness.ALIVE)
    changes = []
    for tick in range(1, 100):
        sign = one.look(tick / 10)
        if sign and one.take(sign, tick / 10):
            changes.append((tick / 10, state_of(one), one.since_s))
    assert changes == [(1.5, Liveness.SUSPECT, 1.5), (3.0, Liveness.DEAD, 3.0)]
    assert one.answered_s == 0.0


def test_a_peer_that_was_never_heard_is_dead_after_three_seconds() -> None:
    """A start waits for nobody longer than that; and that it never answered is remembered."""
    one = detector(50.0)
    assert (state_of(one), one.since_s, one.answered_s) == (Liveness.UNKNOWN, 50.0, None)
    sign = one.look(53.0)
    assert sign is Sign.LONG_SILENT
    assert one.take(sign, 53.0)
    assert (state_of(one), one.since_s, one.answered_s) == (Liveness.DEAD, 53.0, None)


def test_only_an_answer_ends_a_silence() -> None:
    """A peer that refuses us twice a second says nothing about being well."""
    one = in_state(Liveness.ALIVE)
    for tick in range(1, 7):
        one.take(Sign.REFUSED, tick / 2)
    assert one.look(3.0) is Sign.LONG_SILENT
    one.take(Sign.ANSWERED, 3.0)
    assert one.look(4.4) is None
    assert (state_of(one), one.answered_s) == (Liveness.ALIVE, 3.0)


def test_repeated_answers_do_not_change_since_when_it_is_alive() -> None:
    """`since_s` is for people: alive for an hour, not for half a second."""
    one = in_state(Liveness.ALIVE, now_s=10.0)
    for tick in range(20):
        assert not one.take(Sign.ANSWERED, 10.0 + tick / 2)
    assert (one.since_s, one.answered_s) == (10.0, 19.5)


def test_a_process_that_was_stopped_does_not_blame_the_others() -> None:
    """It heard nobody because it did not listen, and begins to count from now."""
    one = in_state(Liveness.ALIVE)
    one.listen_anew(600.0)
    assert one.look(600.0) is None
    assert one.look(601.49) is None
    assert one.look(601.5) is Sign.SILENT
    assert one.look(603.0) is Sign.LONG_SILENT
    assert (state_of(one), one.since_s, one.answered_s) == (Liveness.ALIVE, 0.0, 0.0)


@pytest.mark.parametrize("state", Liveness)
def test_listening_anew_changes_no_mind(state: Liveness) -> None:
    """Neither for the better nor for the worse: only what comes next counts."""
    one = in_state(state)
    one.listen_anew(600.0)
    assert state_of(one) is state


@dataclass
class Twin:
    """The same, stupidly: remember everything, and think it all through again at each question."""

    start_s: float
    signs: list[tuple[float, Sign]] = field(default_factory=list)
    listened_s: list[float] = field(default_factory=list)

    def state(self, count: int) -> Liveness:
        """After so many of the signs."""
        signs = [sign for _, sign in self.signs[:count]]
        answered = Sign.ANSWERED in signs
        since = signs[::-1].index(Sign.ANSWERED) if answered else len(signs)
        bad = set(signs[len(signs) - since :])
        if bad & {Sign.LONG_SILENT, Sign.LEFT}:
            return Liveness.DEAD
        if bad:
            return Liveness.SUSPECT
        return Liveness.ALIVE if answered else Liveness.UNKNOWN

    def since_s(self) -> float:
        """The time of the last sign that made a difference."""
        counts = range(1, len(self.signs) + 1)
        changes = [n for n in counts if self.state(n) is not self.state(n - 1)]
        return self.signs[changes[-1] - 1][0] if changes else self.start_s

    def answered_s(self) -> float | None:
        return max((at for at, sign in self.signs if sign is Sign.ANSWERED), default=None)

    def look(self, now_s: float) -> Sign | None:
        silent_s = now_s - max(self.start_s, *self.listened_s, self.answered_s() or 0.0, 0.0)
        if silent_s < SUSPECT_S:
            return None
        return Sign.SILENT if silent_s < DEAD_S else Sign.LONG_SILENT


quarters = st.integers(0, 16)  # quarters of a second, which floats add without an error
events = st.lists(st.tuples(quarters, st.sampled_from([*Sign, "look", "listen"])), max_size=30)


@given(quarters, events)
def test_detectors_agree_with_their_stupid_twin(start: int, plan: list[tuple[int, object]]) -> None:
    """Any signs at any times, with looks and pauses between: same state, same times."""
    now_s = start / 4
    one, twin = detector(now_s), Twin(now_s)
    for gap, event in plan:
        now_s += gap / 4
        sign = event if isinstance(event, Sign) else None
        if event == "look":
            sign = one.look(now_s)
            assert sign is twin.look(now_s)
        elif event == "listen":
            one.listen_anew(now_s)
            twin.listened_s.append(now_s)
        if sign is not None:
            before = state_of(one)
            changed = one.take(sign, now_s)
            twin.signs.append((now_s, sign))
            assert changed == (state_of(one) is not before)
        assert state_of(one) is twin.state(len(twin.signs))
        assert one.since_s == twin.since_s()
        assert one.answered_s == twin.answered_s()
