"""Slots and pair hashes: the same on every machine, for ever, and well spread."""

from __future__ import annotations

from collections import Counter

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.slots import SLOTS, pair_hash, slot_of

# Made once. If one changes, nodes of two releases disagree about where a key lives, and versions
# files of an older release do not know their own pairs: never mend the test.
VECTORS = [
    ("a", 3615, 9512861109731216402),
    ("key", 1507, 12603869060651902570),
    ("user:1", 1281, 2639721833142112997),
    ("\u0110\xe0 N\u1eb5ng", 2205, 4860465095629255614),
    ("\u043a\u043b\u044e\u0447", 3806, 5437559297633339684),
    ("\U0001f600", 142, 17495966161959439427),
    ("line\nbreak", 764, 3291957279129187502),
    ("nul\x00", 2071, 8971473445466408141),
    ("x" * 1024, 1610, 8366285899051857703),
]


@pytest.mark.parametrize(("key", "slot", "pair"), VECTORS)
def test_hashes_are_what_they_were(key: str, slot: int, pair: int) -> None:
    """Pinned vectors, ASCII and not; the pair is of the key and the value `v` + key."""
    assert slot_of(key) == slot
    assert pair_hash(key, "v" + key) == pair


@given(st.text(min_size=1))
def test_a_slot_is_the_hash_of_the_utf8_bytes(key: str) -> None:
    """Against the library's other door: the digest as bytes."""
    digest = xxhash.xxh3_64_digest(key.encode("utf-8"))
    assert slot_of(key) == int.from_bytes(digest, "big") % 4096


def test_keys_spread_evenly_over_slots() -> None:
    """Of 400,000 keys that look alike, no slot gets less than half or more than double."""
    keys = 400_000
    counts = Counter(slot_of(f"user:{number:08d}:name") for number in range(keys))
    assert len(counts) == SLOTS
    mean = keys / SLOTS
    assert mean / 2 < min(counts.values())
    assert max(counts.values()) < mean * 2


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_moving_the_border_between_key_and_value_changes_the_hash(a: str, b: str, c: str) -> None:
    """("a", "bc") and ("ab", "c") are two pairs."""
    if b:
        assert pair_hash(a, b + c) != pair_hash(a + b, c)
