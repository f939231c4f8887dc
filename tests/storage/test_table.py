"""The table: counts that stay right, and entries that the garbage collector does not see."""

from __future__ import annotations

import contextlib
import gc
import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.entry import ZERO, Entry, Verdict, Version, make_version
from kvcluster.model.slots import SLOTS, slot_of
from kvcluster.storage.garbage import undisturbed
from kvcluster.storage.table import Table
from tests.storage.life import message
from tests.storage.neighbours import NEIGHBOURS, SLOT

V1, V2, V3 = make_version(1, 0), make_version(2, 0), make_version(3, 0)
KEYS = [*NEIGHBOURS, "", "a", "Việt Nam", "\U0001f600"]


def test_conflict_of_two_nodes_is_an_alarm_and_of_two_people_is_not() -> None:
    """One version with two values means damage, unless both were written by hand."""
    table, version = Table(), make_version(1, 1)
    table.apply("k", ("a", version))
    assert table.apply("k", ("b", version)) is Verdict.CONFLICT_WON
    assert table.conflicts == 1
    table.apply("hand", ("a", ZERO))
    assert table.apply("hand", ("b", ZERO)) is Verdict.CONFLICT_WON
    assert table.conflicts == 1


def test_overwriting_leaves_nothing_for_the_garbage_collector_to_find_later() -> None:
    """Each overwrite frees one tuple for each it makes, so the collector would not come by itself:

    it would find them all at once, much later, and stop the node for as long as that takes.
    """
    table = Table()
    try:
        for turn in range(2):
            with undisturbed() if turn == 0 else contextlib.nullcontext():  # as while loading
                for number in range(30_000):
                    table.apply(str(number), ("v", make_version(turn, number)))
        young = sum(type(each) is tuple for each in gc.get_objects(generation=0))
    finally:
        gc.unfreeze()
    assert young < 5_000


def test_what_was_loaded_is_never_visited_again_by_the_garbage_collector() -> None:
    """A full collection takes plain dicts of atoms off its lists, and a write puts them back."""
    try:
        with undisturbed():
            table = Table()
            table.load({str(number): "v" for number in range(1_000)}, [V1] * 1_000, {})
        gc.collect()
        for number in range(2_000):
            table.apply(str(number), ("w", V2))
        slots = {id(table.slot(number)) for number in range(SLOTS)}
        assert not [each for each in gc.get_objects() if id(each) in slots]
    finally:
        gc.unfreeze()


# ---------------------------------------------------------------- dropping


def test_an_entry_newer_than_the_drop_stays() -> None:
    """Somebody wrote the key again between the question and the drop."""
    table = Table()
    table.apply("k", (None, V2))
    assert not table.drop("k", V1)
    assert not table.drop("never seen", V1)
    assert table.get("k") == (None, V2)
    assert table.drop("k", V2)
    assert table.get("k") is None
    assert not table.drop("k", V2), "twice"
    assert not dict(table.items())


def test_an_entry_older_than_the_drop_goes() -> None:
    """Damage took the tombstone and left the value: the drop says that it was deleted."""
    table = Table()
    table.apply("k", ("deleted since", V1))
    assert table.drop("k", V2)
    assert not dict(table.items())


def test_a_value_in_the_wrong_place_is_dropped_as_a_tombstone_is() -> None:
    """An entry of a slot that this node does not hold, once its replicas have it."""
    table = Table()
    table.apply("k", ("v", V1))
    assert table.drop("k", V1)
    assert (table.live, table.size_bytes) == (0, 0)


def test_what_was_dropped_may_come_again() -> None:
    """A replica that missed the drop hands the tombstone back; it is held as if it were new."""
    table = Table()
    table.apply("k", (None, V1))
    table.drop("k", V1)
    assert table.apply("k", (None, V1)) is Verdict.NEWER
    assert table.buried(slot_of("k")) == [("k", V1)]


# ---------------------------------------------------------------- counts


@pytest.mark.parametrize(
    ("key", "value", "size_bytes"),
    [
        ("k", "", 1),
        ("key", "value", 8),
        ("ü", "v", 3),
        ("k", "xin chào", 10),
        ("\U0001f600", "Đà Nẵng", 4 + 11),
        ("\0", "\n\x7f\x80", 1 + 4),
    ],
)
def test_sizes_are_bytes_of_utf8(key: str, value: str, size_bytes: int) -> None:
    """Characters are no bytes, whatever is quicker to count; a delete gives all of them back."""
    table = Table()
    table.apply(key, (value, V1))
    assert table.size_bytes == size_bytes
    table.apply(key, (value, V1))
    assert table.size_bytes == size_bytes, "a repeated delivery"
    table.apply(key, ("", V2))
    assert table.size_bytes == len(key.encode())
    table.apply(key, (None, V3))
    assert table.size_bytes == 0


def test_buried_are_the_tombstones_of_a_slot_alone() -> None:
    """Neither live keys of the slot nor tombstones of others, nor one that was overwritten."""
    table, (one, two, three, _) = Table(), NEIGHBOURS
    table.apply(one, (None, V1))
    table.apply(two, ("v", V1))
    table.apply(three, (None, V2))
    table.apply("a", (None, V1))
    assert sorted(table.buried(SLOT)) == sorted([(one, V1), (three, V2)])
    assert table.slots_with_tombstones() == sorted([SLOT, slot_of("a")])
    table.apply(one, (None, V3))
    assert sorted(table.buried(SLOT)) == sorted([(one, V3), (three, V2)])
    table.apply(one, ("back", make_version(4, 0)))
    table.drop(three, V2)
    assert table.buried(SLOT) == []
    assert table.slots_with_tombstones() == [slot_of("a")]


def test_the_newest_of_a_slot_is_never_behind_what_it_holds() -> None:
    """Who catches up skips slots by it: too old a bound would skip what was missed."""
    table, (one, two, *_) = Table(), NEIGHBOURS
    assert table.newest(SLOT) == ZERO
    table.apply(one, ("v", V2))
    table.apply(two, (None, V1))
    assert table.newest(SLOT) == V2
    table.apply(two, ("again", V3))
    assert table.newest(SLOT) == V3
    table.drop(two, V3)
    assert table.newest(SLOT) >= V2


def test_only_what_changes_an_entry_changes_its_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests hear of this alone, or each repeated delivery would cost two hashes."""
    table, (one, two, *_) = Table(), NEIGHBOURS
    told: list[int] = []
    monkeypatch.setattr(table.digests, "replace", lambda slot, *_: told.append(slot))

    def changed() -> list[int]:
        numbers = sorted(told)
        told.clear()
        return numbers

    table.apply(one, ("v", V2))
    assert changed() == [SLOT]
    table.apply(one, ("v", V2))
    table.apply(one, ("older", V1))
    table.apply(one, ("a", V2))  # a conflict that it loses
    table.drop(one, V1)
    table.drop(two, V2)
    assert changed() == []
    table.apply(one, ("w", V2))  # and one that it wins
    assert changed() == [SLOT]
    table.drop(one, V2)
    table.apply("a", (None, V1))
    assert changed() == sorted([SLOT, slot_of("a")])


versions = st.integers(0, 6).map(lambda time: make_version(time, 0))
values = st.none() | st.sampled_from(["", "v", "x" * 300, "chào", "\U0001f600"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("apply"), st.sampled_from(KEYS), values, versions),
        st.tuples(st.just("message"), st.sampled_from(KEYS), values, versions),
        st.tuples(st.just("drop"), st.sampled_from(KEYS), st.none(), versions),
        st.tuples(st.just("drop held"), st.sampled_from(KEYS), st.none(), versions),
    ),
    max_size=50,
)


@given(steps)
def test_counters_equal_a_recount_whatever_replaces_and_drops_what(
    plan: list[tuple[str, str, str | None, Version]],
) -> None:
    """Values over tombstones, tombstones over values, old over new, and all of it forgotten."""
    table = Table()
    twin: dict[str, Entry] = {}
    newest: defaultdict[int, Version] = defaultdict(lambda: ZERO)
    for step, key, value, drawn in plan:
        version = twin[key][1] if step == "drop held" and key in twin else drawn
        if step.startswith("drop"):
            held = key in twin and twin[key][1] <= version
            assert table.drop(key, version) == held
            if held:
                del twin[key]
            continue
        entry: Entry = (value, version)
        apply = table.apply(key, entry) if step == "apply" else _by_message(table, key, entry)
        if apply.stores:
            twin[key] = entry
            newest[slot_of(key)] = max(newest[slot_of(key)], version)
    assert dict(table.items()) == twin
    live = {key: value for key, (value, _) in twin.items() if value is not None}
    dead = {key: version for key, (value, version) in twin.items() if value is None}
    assert (table.live, table.tombstones) == (len(live), len(dead))
    assert table.size_bytes == sum(len(k.encode()) + len(v.encode()) for k, v in live.items())
    assert table.slots_with_tombstones() == sorted({slot_of(key) for key in dead})
    for number in {slot_of(key) for key in KEYS}:
        here = {key: version for key, version in dead.items() if slot_of(key) == number}
        assert dict(table.buried(number)) == here
        assert len(table.buried(number)) == len(here)
        assert table.newest(number) == newest[number]


def _by_message(table: Table, key: str, entry: Entry) -> Verdict:
    return table.apply_message(message(key, *entry))


@pytest.mark.parametrize("umlaut", ["", "ü"])
@pytest.mark.parametrize("tombstones", [0, 10])
def test_loading_counts_as_applying_does(umlaut: str, tombstones: int) -> None:
    """A start takes another way in, and must find the same sizes, slots and bounds.

    Also where the versions file, which is read first if the JSON was edited, had tombstones.
    """
    rng = random.Random(1)
    pairs = {f"{rng.random()}{umlaut}": str(rng.random()) for _ in range(2_000)}
    held = [make_version(rng.randrange(9), 1) for _ in pairs]
    loaded, applied = Table(), Table()
    for table in (loaded, applied):
        for key in list(pairs)[:tombstones]:
            table.apply(key, (None, make_version(4, 2)))
    assert set(map(loaded.digests.of, range(SLOTS))) == {0}
    loaded.load(pairs, held, {})
    for (key, value), version in zip(pairs.items(), held, strict=True):
        applied.apply(key, (value, version))
    assert dict(loaded.items()) == dict(applied.items())
    assert (loaded.live, loaded.size_bytes) == (applied.live, applied.size_bytes)
    numbers = range(SLOTS)
    assert [*map(loaded.newest, numbers)] == [*map(applied.newest, numbers)]
    assert [*map(loaded.digests.of, numbers)] == [*map(applied.digests.of, numbers)]
    assert loaded.tombstones == applied.tombstones
