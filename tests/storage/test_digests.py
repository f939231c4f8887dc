"""Digests of a table: right after every change, cheap without one, and never fooled for long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.digest import digest_of, entry_hash
from kvcluster.model.entry import Entry, Version, make_version
from kvcluster.model.slots import SLOTS, slot_of
from kvcluster.storage import digests as module
from kvcluster.storage.digests import Digests
from kvcluster.storage.table import Table
from tests.storage.life import Life, lived
from tests.storage.neighbours import NEIGHBOURS, SLOT

V1, V2 = make_version(1, 0), make_version(2, 0)


def every(digests: Digests) -> list[int]:
    """The digests of all slots."""
    return [digests.of(slot) for slot in range(SLOTS)]


def twin(table: Table) -> list[int]:
    """The same, stupidly: read everything now."""
    return [digest_of(table.slot(slot).items()) for slot in range(SLOTS)]


def filled(count: int = 2_000) -> Table:
    """A table with some entries."""
    table = Table()
    for number in range(count):
        table.apply(f"key {number}", (str(number), V1))
    return table


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the number of entries that are read, at each slot that is read."""
    sizes: list[int] = []

    def count(entries: dict[str, Entry]) -> int:
        sizes.append(len(entries))
        return digest_of(entries)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "digest_of", count)
    return sizes


def test_an_empty_table_has_no_digest_but_zero() -> None:
    """A new node and one that forgot all its tombstones agree."""
    table = Table()
    table.apply("k", (None, V1))
    assert set(every(Digests(table))) == {0}


def test_a_digest_is_computed_when_it_is_asked_for_and_once(computed: list[int]) -> None:
    """A write sets a flag; to compare unchanged slots again costs nothing."""
    table = filled()
    digests = Digests(table)
    assert computed == []
    assert every(digests) == twin(table)
    assert len(computed) == SLOTS
    assert every(digests) == twin(table)
    assert len(computed) == SLOTS
    for number in range(100):
        table.apply("key 1", (str(number), make_version(2, number)))
    assert len(computed) == SLOTS, "a hundred writes cost nothing"
    assert every(digests) == twin(table)
    assert len(computed) == SLOTS + 1


keys = st.sampled_from([*NEIGHBOURS, "a", "b"])
values = st.none() | st.sampled_from(["", "x", "ü"])
versions = st.integers(1, 5).map(lambda time: make_version(time, 0))
steps = st.lists(
    st.tuples(st.sampled_from(["apply", "drop", "drop held", "ask"]), keys, values, versions),
    max_size=40,
)


@given(steps)
def test_digests_are_right_after_any_writes_and_drops(
    plan: list[tuple[str, str, str | None, Version]],
) -> None:
    """Asked at any moment, in whatever order things changed and changed back."""
    table = Table()
    digests = Digests(table)
    for step, key, value, version in plan:
        if step == "apply":
            table.apply(key, (value, version))
        elif step == "ask":
            assert digests.of(slot_of(key)) == digest_of(table.slot(slot_of(key)).items())
        else:
            held = table.get(key)
            table.drop(key, held[1] if held and step == "drop held" else version)
    slots = {slot_of(key) for key in (*NEIGHBOURS, "a", "b")}
    assert {slot: digests.of(slot) for slot in slots} == {
        slot: digest_of(table.slot(slot).items()) for slot in slots
    }


def test_an_entry_that_is_delivered_twice_does_not_cancel_itself_out() -> None:
    """As it would if each delivery were XORed into the digest."""
    table, entry = Table(), ("v", V1)
    digests = Digests(table)
    for _ in range(2):
        table.apply("k", entry)
        assert digests.of(slot_of("k")) == entry_hash("k", entry)
    table.apply("k", ("w", V2))
    assert digests.of(slot_of("k")) == entry_hash("k", ("w", V2)), "nothing is left of the old one"


def test_dropping_a_tombstone_changes_no_digest_and_dropping_a_value_does() -> None:
    """Replicas forget tombstones one after the other, and must not seem to differ meanwhile."""
    table, (one, two, *_) = Table(), NEIGHBOURS
    digests = Digests(table)
    table.apply(one, ("v", V1))
    table.apply(two, (None, V1))
    before = digests.of(SLOT)
    table.drop(two, V1)
    assert digests.of(SLOT) == before
    table.drop(one, V1)
    assert digests.of(SLOT) == 0


@pytest.mark.parametrize("doubted", [1, 100, 10_000])
def test_an_entry_changed_behind_the_tables_back_is_found_by_doubt(doubted: int) -> None:
    """A flipped bit in memory sets no flag; so everything is read again, a part at a time."""
    table = filled()
    digests = Digests(table)
    before = every(digests)
    table.slot(slot_of("key 77"))["key 77"] = ("damaged", V1)
    assert every(digests) == before, "the digest that is kept knows nothing of it"
    rounds = 0
    while every(digests) == before:
        digests.doubt(doubted)
        rounds += 1
        assert rounds <= 2_000 // doubted + 1, "a round trip has passed"
    differing = [slot for slot in range(SLOTS) if digests.of(slot) != before[slot]]
    assert differing == [slot_of("key 77")]
    assert every(digests) == twin(table)


def test_an_entry_lost_behind_the_tables_back_is_found_by_doubt() -> None:
    """Also where its slot is empty now."""
    table = Table()
    table.apply("k", ("v", V1))
    digests = Digests(table)
    assert digests.of(slot_of("k")) != 0
    table.slot(slot_of("k")).clear()
    digests.doubt(1)
    assert digests.of(slot_of("k")) == 0


def test_doubt_reads_about_as_much_as_it_was_told(computed: list[int]) -> None:
    """Small enough to trickle, and it goes on where it ended until it has been everywhere."""
    table = filled(20_000)
    largest = max(len(table.slot(slot)) for slot in range(SLOTS))
    digests = Digests(table)
    every(digests)
    read = 0
    for _ in range(20_000 // 1_000):
        computed.clear()
        digests.doubt(1_000)
        every(digests)
        assert 1_000 <= sum(computed) < 1_000 + largest
        read += sum(computed)
    assert read >= 20_000


def test_doubt_of_more_than_there_is_reads_everything_once(computed: list[int]) -> None:
    """A small store is read as a whole each time; an empty one does not make it run for ever."""
    digests = Digests(filled(10))
    every(digests)
    computed.clear()
    digests.doubt(50_000)
    every(digests)
    assert (len(computed), sum(computed)) == (SLOTS, 10)
    empty = Digests(Table())
    empty.doubt(50_000)
    assert set(every(empty)) == {0}


def test_a_store_that_was_loaded_has_the_digests_of_what_it_loaded() -> None:
    """Not those of the empty table that it began with."""
    life = Life(lived(stop=False, more={"d": "4"}))
    digests = every(life.store.digests)
    assert digests == twin(life.store.table)
    assert any(digests)
