"""Digests: two nodes agree about a slot if, and as good as only if, they hold the same."""

from __future__ import annotations

import functools
import operator

import pytest
import xxhash
from hypothesis import assume, given
from hypothesis import strategies as st

from kvcluster.model.digest import digest_after, digest_of, entry_hash, pair_hash, pair_hashes
from kvcluster.model.entry import Entry, Version, make_version
from kvcluster.model.slots import key_hash

VERSION = Version(bytes(range(12)))

# All vectors were made once. If one of a pair changes, versions files of an older release do not
# know their own pairs; if one of an entry does, nodes of two releases copy everything to each
# other for ever: never mend the test.
PAIR_VECTORS = [
    ("a", 9512861109731216402),
    ("key", 12603869060651902570),
    ("user:1", 2639721833142112997),
    ("\u0110\xe0 N\u1eb5ng", 4860465095629255614),
    ("\u043a\u043b\u044e\u0447", 5437559297633339684),
    ("\U0001f600", 17495966161959439427),
    ("line\nbreak", 3291957279129187502),
    ("nul\x00", 8971473445466408141),
    ("x" * 1024, 8366285899051857703),
]
ENTRY_VECTORS = [
    ("a", "1", 0xDC92144DC2A80100, 0x37D00BAED0532109, 0xBAC7D81FE881661A),
    ("city", "H\xe0 N\u1ed9i", 0x26C0CACB3527A514, 0xB660115B864DFA0F, 0xD4A0F847B911903A),
    ("\U0001f30f", "", 0x3F786D637C1B81CA, 0x8C35B9B27BA41FE9, 0x0AF1ABB37C35F358),
    ("user:1", "value number 1", 0x492886604A5F2538, 0x62932A6C000F439A, 0x857700C3B99B60DF),
]

keys = st.text(max_size=4)
values = st.none() | st.text(max_size=4)
versions = st.builds(make_version, st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
entries: st.SearchStrategy[Entry] = st.tuples(values, versions)
slots = st.dictionaries(keys, entries, max_size=8)


@pytest.mark.parametrize(("key", "pair"), PAIR_VECTORS)
def test_hashes_of_pairs_are_what_they_were(key: str, pair: int) -> None:
    """Pinned vectors, ASCII and not; the pair is of the key and the value `v` + key."""
    assert pair_hash(key, "v" + key) == pair


@pytest.mark.parametrize(("key", "value", "pair", "live", "dead"), ENTRY_VECTORS)
def test_hashes_of_entries_are_what_they_were(
    key: str, value: str, pair: int, live: int, dead: int
) -> None:
    """Pinned: the pair, the entry with version 000102..0b, and the tombstone of that version."""
    assert pair_hash(key, value) == pair
    assert entry_hash(key, (value, VERSION)) == live
    assert entry_hash(key, (None, VERSION)) == dead


def test_the_digest_of_a_slot_is_what_it_was() -> None:
    """Pinned: the four entries above, with a tombstone that counts nothing."""
    held: dict[str, Entry] = {key: (value, VERSION) for key, value, *_ in ENTRY_VECTORS}
    assert digest_of(held.items()) == 0x6F16892B2DB58775
    held["gone"] = (None, VERSION)
    assert digest_of(held.items()) == 0x6F16892B2DB58775


def twin_hash(key: str, value: str | None, version: bytes) -> int:
    """The same, from the description alone and through the library's other door."""
    seed = int.from_bytes(xxhash.xxh3_64_digest(key.encode(), 1 if value is None else 0), "big")
    hasher = xxhash.xxh3_64(seed=seed)
    hasher.update(version)
    hasher.update((value or "").encode())
    return int.from_bytes(hasher.digest(), "big")


@given(slots)
def test_digests_agree_with_their_stupid_twin(slot: dict[str, Entry]) -> None:
    """Every entry by itself, and all live ones together."""
    hashes = {key: twin_hash(key, value, version) for key, (value, version) in slot.items()}
    assert {key: entry_hash(key, entry) for key, entry in slot.items()} == hashes
    live = [hashes[key] for key, (value, _) in slot.items() if value is not None]
    assert digest_of(slot.items()) == functools.reduce(operator.xor, live, 0)


@given(slots, keys, st.none() | entries, st.none() | entries)
def test_a_digest_that_is_kept_is_that_of_the_entries(
    slot: dict[str, Entry], key: str, before: Entry | None, after: Entry | None
) -> None:
    """One entry takes the place of another, or of none, or leaves."""
    others = [(other, entry) for other, entry in slot.items() if other != key]
    digest = digest_of([*others, (key, before)] if before else others)
    wanted = digest_of([*others, (key, after)] if after else others)
    assert digest_after(digest, key_hash(key), before, after) == wanted


@given(st.lists(st.tuples(keys, keys)))
def test_many_pairs_have_the_hashes_of_each(pairs: list[tuple[str, str]]) -> None:
    """What a checkpoint writes is what a start looks for."""
    hashes = pair_hashes([key for key, _ in pairs], [value for _, value in pairs])
    assert hashes == [pair_hash(key, value) for key, value in pairs]


@given(st.lists(st.tuples(keys, entries), unique_by=operator.itemgetter(0)), st.data())
def test_the_order_of_writes_does_not_show_in_a_digest(
    held: list[tuple[str, Entry]], data: st.DataObject
) -> None:
    """Replicas take the same writes in different orders."""
    shuffled = data.draw(st.permutations(held))
    assert digest_of(held) == digest_of(shuffled)


@given(slots, keys, entries, entries)
def test_another_value_or_version_is_another_digest(
    slot: dict[str, Entry], key: str, one: Entry, other: Entry
) -> None:
    """Whatever else the slot holds; only among tombstones it makes no difference."""
    assume(one != other and (one[0] is not None or other[0] is not None))
    assert digest_of({**slot, key: one}.items()) != digest_of({**slot, key: other}.items())


@given(slots, keys, keys, st.text(max_size=4), versions)
def test_the_same_value_under_another_key_is_another_digest(
    slot: dict[str, Entry], one: str, other: str, value: str, version: Version
) -> None:
    """A key that was renamed by a flipped bit, say."""
    assume(one != other and one not in slot and other not in slot)
    entry = (value, version)
    assert digest_of({**slot, one: entry}.items()) != digest_of({**slot, other: entry}.items())


def test_two_slots_whose_values_are_swapped_differ() -> None:
    """A hash that were linear, as CRC is, would let the two changes cancel."""
    one: dict[str, Entry] = {"a": ("1", VERSION), "b": ("2", VERSION)}
    swapped: dict[str, Entry] = {"a": ("2", VERSION), "b": ("1", VERSION)}
    assert digest_of(one.items()) != digest_of(swapped.items())


@given(keys, values, versions)
def test_a_tombstone_is_not_the_hash_of_an_empty_value(
    key: str, value: str | None, version: Version
) -> None:
    """A peer that lists its hashes must not be taken to hold a value where it holds a delete."""
    assert entry_hash(key, (None, version)) != entry_hash(key, (value or "", version))


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_moving_the_border_between_key_and_value_changes_the_hash(a: str, b: str, c: str) -> None:
    """("a", "bc") and ("ab", "c") are two pairs, and two entries."""
    if b:
        assert pair_hash(a, b + c) != pair_hash(a + b, c)
        assert entry_hash(a, (b + c, VERSION)) != entry_hash(a + b, (c, VERSION))


def test_a_slot_without_live_entries_has_the_digest_of_an_empty_one() -> None:
    """Replicas drop tombstones at different moments, and must not seem to differ."""
    assert digest_of([]) == digest_of([("a", (None, VERSION)), ("b", (None, VERSION))]) == 0
