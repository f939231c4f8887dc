"""The checker of linearizability against its slow twin, and cases that a person can follow."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvcluster.model.condition import Condition
from kvcluster.model.entry import Version
from kvcluster.model.operation import Kind
from tests.linear import checker, register
from tests.linear.checker import Checker, judge
from tests.linear.drawing import draw, version
from tests.linear.register import NO_VERSION, Held, Register
from tests.linear.slow_twin import is_linearizable
from tests.linear.tried import FOREVER, Ended, Recorder, Shown, Tried

_ENOUGH = 12_000
"""So many histories find every fault that is planted here."""


@settings(max_examples=1500, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(2, 8), st.booleans())
def test_the_checker_and_its_slow_twin_agree(seed: int, most: int, settles: bool) -> None:
    """Neither takes a wrong history for right, nor a right one for wrong."""
    history = draw(random.Random(seed), most)
    found = judge(history, settles=settles)
    assert not found.undecided
    told = "\n".join(map(str, history))
    assert found.holds == is_linearizable(history, settles=settles), f"{told}\n{found.why}"


def test_there_are_enough_histories_of_either_kind() -> None:
    """Else the comparison would prove nothing."""
    verdicts = Counter(is_linearizable(draw(random.Random(seed))) for seed in range(500))
    assert min(verdicts[True], verdicts[False]) > 100


# ---------------------------------------------------------------- faults planted into the checker

Plant = Callable[[pytest.MonkeyPatch], None]
PLANTS: dict[str, Plant] = {}


def _planted(plant: Plant) -> Plant:
    PLANTS[plant.__name__.strip("_").replace("_", " ")] = plant
    return plant


@_planted
def _anything_may_come_next(patch: pytest.MonkeyPatch) -> None:
    """When operations began and ended is not looked at."""

    def window(self: Any, at: Any) -> list[int]:
        rest = range(at.upto, len(self._certain))
        return [place for place in rest if not at.beyond >> place - at.upto & 1]

    patch.setattr(Checker, "window", window)


@_planted
def _an_unknown_one_may_happen_before_it_began(patch: pytest.MonkeyPatch) -> None:
    """Who asks for the window finds nothing in it."""
    may_happen = Checker.may_happen
    patch.setattr(
        Checker,
        "may_happen",
        lambda self, place, it, at, window: may_happen(self, place, it, at, []),
    )


@_planted
def _an_unknown_one_never_happens(patch: pytest.MonkeyPatch) -> None:
    """What nobody was told of is taken for not done."""
    patch.setattr(Checker, "may_happen", lambda *_: False)


@_planted
def _an_unknown_one_happens_again_and_again(patch: pytest.MonkeyPatch) -> None:
    """Its bit is not looked at."""
    may_happen = Checker.may_happen

    def again(self: Any, place: int, it: Any, at: Any, window: Any) -> bool:
        return may_happen(self, place, it, at._replace(unknown=at.unknown & ~(1 << place)), window)

    patch.setattr(Checker, "may_happen", again)


@_planted
def _nobody_can_tell_of_an_unknown_one(patch: pytest.MonkeyPatch) -> None:
    """Conditions that were met are not thought of."""
    patch.setattr(checker, "observes", lambda tried: tried.shown is not None)


@_planted
def _what_is_held_is_not_part_of_a_configuration(patch: pytest.MonkeyPatch) -> None:
    """The memo takes two configurations for one."""

    class Forgetful(checker._At):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, tuple) and tuple(self[:5]) == tuple(other[:5])

        def __hash__(self) -> int:
            return hash(tuple(self[:5]))

    patch.setattr(checker, "_At", Forgetful)


@_planted
def _a_mismatch_need_not_be_one(patch: pytest.MonkeyPatch) -> None:
    """What it shows is not held against its condition."""
    patch.setattr(register, "_contradicts_itself", lambda tried: False)


@_planted
def _a_read_may_show_any_version(patch: pytest.MonkeyPatch) -> None:
    """The value is right, so it is."""
    patch.setattr(Register, "_in_version", lambda self, held, version: held)


@_planted
def _a_version_grows_into_that_of_another(patch: pytest.MonkeyPatch) -> None:
    """Nobody owns a version."""
    init = Register.__init__
    patch.setattr(Register, "__init__", lambda self, owned, **more: init(self, (), **more))


@_planted
def _writes_in_any_order_of_their_versions(patch: pytest.MonkeyPatch) -> None:
    """A write may have a version below that of what it replaced."""
    after = Register.after

    def anyhow(self: Any, tried: Any, held: Any) -> Any:
        return after(self, tried, Held(held.value, NO_VERSION, exact=False))

    patch.setattr(Register, "after", anyhow)


@_planted
def _what_a_delete_found_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    """It says that there was a value, and there was none."""
    after = Register.after

    def blind(self: Any, tried: Any, held: Any) -> Any:
        found, tried.found = tried.found, None
        try:
            return after(self, tried, held)
        finally:
            tried.found = found

    patch.setattr(Register, "after", blind)


@_planted
def _those_that_are_alike_happen_last_first(patch: pytest.MonkeyPatch) -> None:
    """The symmetry is broken the wrong way round."""

    def first_alike(self: Any, place: int) -> int:
        mine = self._unknown[place]
        for other in range(place + 1, len(self._unknown)):
            it = self._unknown[other]
            if (it.kind, it.value) == (mine.kind, mine.value):
                return other
        return -1

    patch.setattr(Checker, "_first_alike", first_alike)


@pytest.mark.parametrize("name", PLANTS)
def test_a_fault_in_the_checker_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that would not see a checker gone wrong proves nothing of a right one."""
    PLANTS[name](monkeypatch)
    for seed in range(_ENOUGH):
        history = draw(random.Random(seed))
        if judge(history).holds != is_linearizable(history):
            return
    pytest.fail(f"not found in {_ENOUGH} histories")


# ---------------------------------------------------------------- cases


def _put(began: int, ended: int, value: str, number: int, **more: Any) -> Tried:
    return Tried(
        Kind.PUT, began, value=value, ended=ended, how=Ended.DONE, version=version(number), **more
    )


def _get(began: int, ended: int, value: str | None, number: int = 0) -> Tried:
    shown = Shown(value, version(number) if number else NO_VERSION)
    return Tried(Kind.GET, began, ended=ended, how=Ended.DONE, shown=shown)


def _unknown(began: int, value: str, number: int = 0, **more: Any) -> Tried:
    named = version(number) if number else None
    return Tried(Kind.PUT, began, value=value, version=named, **more)


def test_a_read_behind_a_write_shows_it() -> None:
    """The least that anybody expects."""
    assert judge([_put(1, 2, "x", 1), _get(3, 4, "x", 1)]).holds
    assert not judge([_put(1, 2, "x", 1), _get(3, 4, None)]).holds
    assert judge([_put(1, 4, "x", 1), _get(2, 3, None)]).holds


def test_two_reads_do_not_change_places() -> None:
    """The write is under way, and who came later was shown what was before it."""
    put = _put(1, 10, "x", 1)
    assert judge([put, _get(2, 3, None), _get(4, 5, "x", 1)]).holds
    found = judge([put, _get(2, 3, "x", 1), _get(4, 5, None)])
    assert not found.holds
    assert "none of these can come next" in found.why


def test_going_back_is_told_in_a_sentence() -> None:
    """Whoever reads it knows what to look for."""
    history = [_put(1, 2, "x", 1), _put(3, 4, "y", 2), _get(5, 6, "x", 1)]
    assert judge(history).why.startswith("went back: [5..6] : get: done, shown 'x'")


def test_an_unknown_write_may_happen_late_but_once() -> None:
    """It was on its way; it does not come back when something else has replaced it."""
    late = [_unknown(1, "u"), _put(2, 3, "x", 1), _get(4, 5, "x", 1), _get(6, 7, "u", 2)]
    assert judge(late).holds
    assert not judge([*late, _get(8, 9, "x", 3)]).holds
    again = [*late, _put(8, 9, "y", 3), _get(10, 11, "u", 4)]
    assert not judge(again).holds


def test_only_one_of_two_takes_what_is_not_there() -> None:
    """Two locks taken at once is what conditions are against."""
    absent = Condition.absent()
    one = _put(1, 9, "a", 1, condition=absent)
    assert not judge([one, _put(2, 8, "b", 2, condition=absent)]).holds
    other = Tried(Kind.PUT, 2, value="b", condition=absent, ended=8, how=Ended.MISMATCH)
    other.shown = Shown("a", version(1))
    assert judge([one, other]).holds
    freed = _unknown(3, "")
    freed.kind = Kind.DELETE
    assert judge([one, freed, _put(2, 8, "b", 2, condition=absent)]).holds


def test_a_version_may_grow_alone_unless_it_is_asked_not_to() -> None:
    """A replica that refused something settles the key: the same value, a higher version."""
    history = [_put(1, 2, "x", 1), _get(3, 4, "x", 5)]
    assert judge(history).holds
    assert not judge(history, settles=False).holds
    assert not judge([*history, _get(5, 6, "x", 1)]).holds


def test_what_exceeds_the_budget_is_no_success() -> None:
    """A checker that gives up must not look like one that is content."""
    history = [_unknown(place, f"{place}") for place in range(12)]
    history += [_get(20 + place, 90 - place, f"{place}", 3) for place in range(6)]
    found = judge(history, budget=5)
    assert found.undecided
    assert not found.holds


def test_many_deletes_of_unknown_outcome_are_no_trouble() -> None:
    """All are alike, so it does not matter which of them happened."""
    history: list[Tried] = []
    for place in range(0, 400, 8):
        history.append(_put(place, place + 1, "x", place + 1))
        history.append(Tried(Kind.DELETE, place + 2))
        history.append(_get(place + 3, place + 4, None))
        history.append(Tried(Kind.DELETE, place + 5))
    assert judge(history, budget=3000).holds
    wrong = [*history, _get(500, 501, "nobody wrote this", 999)]
    found = judge(wrong, budget=3000)
    assert not found.holds
    assert not found.undecided


def test_a_long_history_is_judged_in_a_moment() -> None:
    """Eight thousand increments of fifty clients on one counter, many of them refused."""
    rng, recorder = random.Random(1), Recorder()
    held, number = Shown(None, NO_VERSION), 0
    waiting: list[tuple[Tried, Shown]] = []
    for step in range(8_000):
        while len(waiting) < 50:
            condition = Condition.version(held.version) if held.version else Condition.absent()
            value = str(int(held.value or 0) + 1)
            tried = recorder.begins("n", Kind.PUT, value=value, condition=condition)
            waiting.append((tried, held))
        tried, seen = waiting.pop(rng.randrange(len(waiting)))
        if seen != held:
            recorder.mismatch(tried, held)
            continue
        number += 1
        held = Shown(tried.value, version(number))
        if step % 50:
            recorder.done(tried, version=held.version)
        else:
            recorder.unknown(tried, held.version)
    history = recorder.tried["n"]
    assert number > 100
    assert judge(history).holds
    spoilt = next(it for it in reversed(history) if it.how is Ended.DONE)
    spoilt.condition = Condition.version(Version(version(1)))
    assert not judge(history).holds


def test_who_still_waits_may_have_done_it() -> None:
    """What never ended is unknown, and what was certainly not done is left out."""
    recorder = Recorder()
    open_ended = recorder.begins("k", Kind.PUT, value="x")
    refused = recorder.begins("k", Kind.PUT, value="y")
    recorder.nothing(refused)
    read = recorder.begins("k", Kind.GET)
    recorder.done(read, shown=Shown("x", version(1)))
    assert open_ended.ended == FOREVER
    assert judge(recorder.tried["k"]).holds
    read.shown = Shown("y", version(1))
    assert not judge(recorder.tried["k"]).holds
