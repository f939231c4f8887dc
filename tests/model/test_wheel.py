"""The wheel, held against a plain dict that is searched."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.wheel import Wheel

TICK, HOUR = 100, 3_600_000
KEYS = "abcdef"

times = st.integers(0, 40).map(lambda n: n * 90) | st.integers(0, 5).map(lambda n: n * HOUR + 50)
steps = st.lists(
    st.tuples(st.just("arm"), st.sampled_from(KEYS), times)
    | st.tuples(st.just("disarm"), st.sampled_from(KEYS))
    | st.tuples(st.just("take"), times, st.integers(1, 9)),
    max_size=40,
)


class Twin:
    """Does the same to a wheel and to a dict."""

    def __init__(self) -> None:
        self.wheel = Wheel()
        self.times: dict[str, int] = {}

    def disarm(self, key: str) -> None:
        """A key will not expire."""
        if key in self.times:
            self.wheel.remove(key, self.times.pop(key))

    def arm(self, key: str, expires_ms: int) -> None:
        """A key expires then, and not when it was to expire before."""
        self.disarm(key)
        self.wheel.add(key, expires_ms)
        self.times[key] = expires_ms

    def take(self, now_ms: int, count: int) -> None:
        """What has expired: none too early, none twice, and all if there are not too many."""
        all_of_them = len(self.times) <= count
        taken = self.wheel.take(now_ms, count)
        over = {key for key, ms in self.times.items() if ms // TICK < now_ms // TICK}
        assert len(taken) == len(set(taken)) <= count
        assert over.issuperset(taken)
        assert set(taken) == over or not all_of_them
        for key in taken:
            del self.times[key]
        left = over.difference(taken)
        assert self.wheel.due(now_ms) <= len(left), "those that are not poured are not counted yet"


@given(steps)
def test_it_does_what_a_dict_that_is_searched_does(plan: list[Any]) -> None:
    """Keys that come, are touched, go, and expire, near and hours away, by clocks that go back."""
    twin = Twin()
    for step, *arguments in plan:
        getattr(twin, step)(*arguments)
        assert len(twin.wheel) == len(twin.times)
    for now_ms in (0, 2_000, 10 * HOUR):
        twin.take(now_ms, 9)
        assert twin.wheel.due(now_ms) == 0
    assert not twin.times
    assert len(twin.wheel) == 0


def test_a_key_that_is_touched_each_second_leaves_nothing_behind() -> None:
    """A session of ten years would else be a leak of ten years."""
    wheel, expires_ms = Wheel(), 0
    wheel.add("k", expires_ms)
    for touched in range(5_000):
        wheel.remove("k", expires_ms)
        expires_ms = 1_000 * HOUR + touched
        wheel.add("k", expires_ms)
    drawers = [*wheel._ticks.values(), *wheel._hours.values()]
    assert len(drawers) < 10
    assert sum(map(len, drawers)) == len(wheel) == 1
    assert len(wheel._hours_ahead) < 10


def test_a_hundred_thousand_keys_of_one_second_are_taken_in_portions() -> None:
    """No portion takes long, and each key is taken once; and one may ask how many are left."""
    wheel, count = Wheel(), 100_000
    for number in range(count):
        wheel.add(f"k{number}", 5_000 + number % 1_000)
    assert wheel.take(5_000, 1) == []
    taken: set[str] = set()
    slowest_s = 0.0
    while len(taken) < count:
        assert len(taken) + wheel.due(6_100) <= count
        started_s = time.perf_counter()
        portion = wheel.take(6_100, 256)
        slowest_s = max(slowest_s, time.perf_counter() - started_s)
        taken.update(portion)
    assert len(wheel) == wheel.due(6_100) == 0
    assert slowest_s < 0.05


def test_the_count_of_those_that_are_due_follows_a_clock_that_goes_back() -> None:
    """A clock that was ahead for a moment made keys seem gone that are there."""
    wheel = Wheel()
    for expires_ms in (1_000, 2_000, 3_000):
        wheel.add(f"k{expires_ms}", expires_ms)
    wheel.take(0, 100)
    assert [wheel.due(ms) for ms in (1_100, 9_000, 2_100, 0, 3_100)] == [1, 3, 2, 0, 3]
    assert wheel.take(1_500, 100) == ["k1000"]
