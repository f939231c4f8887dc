"""Expiry: every pair of copies that can meet, at every time that matters."""

from __future__ import annotations

import itertools

import pytest

from kvcluster.errors import BadRequest
from kvcluster.model.entry import Entry, Verdict, make_version
from kvcluster.model.expiry import (
    LEAST_LIFE_MS,
    MOST_LIFE_MS,
    PAST_MS,
    Life,
    check_expiry,
    check_ttl,
    expiry_of,
    has_come,
    judge_lives,
    seen_at,
)

OLD, NEW = make_version(1, 1), make_version(2, 1)
TIMES = (0, 9, 10, 11, 19, 20, 21)
COPIES = [
    Life((value, version), expires_ms)
    for value in (None, "a", "b")
    for version in (OLD, NEW)
    for expires_ms in (0, 10, 20)
]


def kept(new: Life, held: Life, now_ms: int) -> Life:
    """What is there after `new` came to `held`."""
    return new if judge_lives(new, held, now_ms).stores else held


@pytest.mark.parametrize("now_ms", TIMES)
def test_of_two_copies_all_nodes_keep_the_same(now_ms: int) -> None:
    """Whichever came first: else replicas would differ for ever. What has expired may have a value
    or none, and is the same to whoever reads it.
    """
    for one, two in itertools.product(COPIES, repeat=2):
        first, second = kept(one, two, now_ms), kept(two, one, now_ms)
        assert first.expires_ms == second.expires_ms
        assert seen_at(*first, now_ms) == seen_at(*second, now_ms), (one, two)


@pytest.mark.parametrize("now_ms", TIMES)
def test_the_newer_version_stays_whatever_expires(now_ms: int) -> None:
    """An expired put is newer than all that it replaced, and older than what replaces it."""
    for one, two in itertools.product(COPIES, repeat=2):
        if one.entry[1] > two.entry[1]:
            assert judge_lives(one, two, now_ms) is Verdict.NEWER
            assert judge_lives(two, one, now_ms) is Verdict.OLDER


@pytest.mark.parametrize("now_ms", TIMES)
def test_a_value_and_what_is_left_of_it_are_no_conflict(now_ms: int) -> None:
    """Each replica lets go of the value at its own moment: an alarm at each expiry is none."""
    value, left = Life(("a", NEW), 10), Life((None, NEW), 10)
    assert judge_lives(left, value, now_ms) is Verdict.SAME
    back = Verdict.SAME if now_ms >= 10 else Verdict.NEWER
    assert judge_lives(value, left, now_ms) is back, "what went too early comes back, and only that"


def test_a_lost_expiry_is_damage_and_the_copy_that_has_one_stays() -> None:
    """A session that never ends is worse than one that ends when it should."""
    whole, damaged = Life(("a", NEW), 10), Life(("a", NEW), 0)
    assert judge_lives(whole, damaged, 5) is Verdict.CONFLICT_WON
    assert judge_lives(damaged, whole, 5) is Verdict.CONFLICT_LOST
    assert judge_lives(Life((None, NEW), 10), damaged, 15) is Verdict.CONFLICT_WON


@pytest.mark.parametrize("now_ms", TIMES)
def test_a_read_sees_a_value_until_its_time_and_never_after(now_ms: int) -> None:
    """To the millisecond, in its version."""
    entry: Entry = ("a", NEW)
    assert seen_at(entry, 0, now_ms) == entry
    assert seen_at(entry, 10, now_ms) == (entry if now_ms < 10 else (None, NEW))
    assert has_come(10, now_ms) == (now_ms >= 10)
    assert not has_come(0, now_ms)


def test_a_time_to_live_counts_from_now_and_an_expiry_stays() -> None:
    """So a write that is renewed, or forwarded, goes when its client said."""
    assert expiry_of(1_000, 0, 5) == 1_005
    assert expiry_of(0, 7, 5) == 7
    assert expiry_of(0, 0, 5) == 0


@pytest.mark.parametrize("ttl_ms", [0, LEAST_LIFE_MS - 1, MOST_LIFE_MS + 1, 2**64 - 1])
def test_no_key_lives_for_less_than_a_second_or_more_than_ten_years(ttl_ms: int) -> None:
    """The sentence has the value and both limits."""
    with pytest.raises(BadRequest, match=f"{ttl_ms:,} ms, allowed are 1,000 to 315,576,000,000"):
        check_ttl(ttl_ms)


def test_lives_within_the_limits_are_taken() -> None:
    """The limits themselves, too, and an expiry that was a moment ago."""
    now_ms = 1_800_000_000_000
    for ttl_ms in (LEAST_LIFE_MS, MOST_LIFE_MS):
        check_ttl(ttl_ms)
        check_expiry(now_ms + ttl_ms, now_ms)
    check_expiry(now_ms - PAST_MS, now_ms)
    for expires_ms in (1_800_000_000, now_ms - PAST_MS - 1, now_ms + MOST_LIFE_MS + 1):
        with pytest.raises(BadRequest, match=f"{expires_ms:,} ms since 1970, allowed are"):
            check_expiry(expires_ms, now_ms)
