"""What the end of a stream says of each call on it, however it ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.wire.on_the_way import OnTheWay


def test_a_break_is_certain_only_of_what_was_not_handed_over() -> None:
    """The rest may have been carried out: to say "not done" of it would be a lie."""
    calls: OnTheWay[str] = OnTheWay()
    for name in "abc":
        number = calls.begin(name)
        assert name == "c" or calls.hand_over(number)
    assert calls.end() == (["c"], ["a", "b"])
    assert not len(calls)


def test_a_goodbye_is_certain_of_what_lies_behind_its_last() -> None:
    """Those up to there are answered yet, or break with the stream."""
    calls: OnTheWay[str] = OnTheWay()
    for name in "abc":
        calls.hand_over(calls.begin(name))
    assert calls.goodbye(2) == ["c"]
    assert calls.answered(1) == "a"
    assert calls.end() == ([], ["b"])


def test_who_left_before_it_was_sent_is_not_sent_and_nobody_need_hear_of_it() -> None:
    """Or a write is carried out of which its caller was told that it was given up in time."""
    calls: OnTheWay[str] = OnTheWay()
    first, second = calls.begin("a"), calls.begin("b")
    assert not calls.leave(first)
    assert not calls.hand_over(first)
    assert calls.hand_over(second)
    assert calls.leave(second)
    assert calls.answered(second) is None


def test_an_answer_that_comes_twice_or_to_nothing_is_nobody_s() -> None:
    """A node may be anybody."""
    calls: OnTheWay[str] = OnTheWay()
    number = calls.begin("a")
    assert calls.answered(number) == "a"
    assert calls.answered(number) is None
    assert calls.answered(7) is None


@given(st.lists(st.sampled_from(["begin", "send", "answer", "leave", "goodbye"]), max_size=40))
def test_every_call_ends_once(steps: list[str]) -> None:
    """One that ended twice would be told two things, one that never did would wait for ever."""
    calls: OnTheWay[int] = OnTheWay()
    begun: list[int] = []
    sent = 0
    ended: list[int] = []
    for step in steps:
        if step == "begin":
            begun.append(calls.begin(len(begun) + 1))
        elif step == "send" and sent < len(begun):
            sent += 1
            calls.hand_over(sent)
        elif step == "answer" and sent:
            if (one := calls.answered(sent)) is not None:
                ended.append(one)
        elif step == "leave" and begun:
            number = begun[len(begun) // 2]
            ended += [] if number in ended else [number]
            calls.leave(number)
        elif step == "goodbye":
            behind = calls.goodbye(sent // 2)
            assert all(number > sent // 2 for number in behind)
            ended += behind
    certain, unknown = calls.end()
    assert all(number > sent for number in certain) or not certain
    assert all(number <= sent for number in unknown)
    assert sorted([*ended, *certain, *unknown]) == begun
