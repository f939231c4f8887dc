"""Digests of a table: right after every change, cheap without one, and never fooled for long."""

from __future__ import annotations

import asyncio

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
    assert set(every(table.digests)) == {0}


def test_a_slot_is_read_when_it_is_asked_for_and_then_never_again(computed: list[int]) -> None:
    """Its digest is kept with each write, so to compare a busy store again costs nothing."""
    table = filled()
    digests = table.digests
    assert computed == []
    assert every(digests) == twin(table)
    assert len(computed) == SLOTS
    assert every(digests) == twin(table)
    assert len(computed) == SLOTS
    for number in range(100):
        table.apply("key 1", (str(number), make_version(2, number)))
        table.apply(f"new {number}", (str(number), V1))
        table.apply(f"key {number}", (None, V2))
    assert every(digests) == twin(table)
    assert len(computed) == SLOTS


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
    digests = table.digests
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
    digests = table.digests
    for _ in range(2):
        table.apply("k", entry)
        assert digests.of(slot_of("k")) == entry_hash("k", entry)
    table.apply("k", ("w", V2))
    assert digests.of(slot_of("k")) == entry_hash("k", ("w", V2)), "nothing is left of the old one"


def test_dropping_a_tombstone_changes_no_digest_and_dropping_a_value_does() -> None:
    """Replicas forget tombstones one after the other, and must not seem to differ meanwhile."""
    table, (one, two, *_) = Table(), NEIGHBOURS
    digests = table.digests
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
    digests = table.digests
    before = every(digests)
    table.slot(slot_of("key 77"))["key 77"] = ("damaged", V1)
    assert every(digests) == before, "the digest that is kept knows nothing of it"
    rounds = 0
    while every(digests) == before:
        digests.doubt_some(doubted)
        rounds += 1
        assert rounds <= 2_000 // doubted + 1, "a round trip has passed"
    differing = [slot for slot in range(SLOTS) if digests.of(slot) != before[slot]]
    assert differing == [slot_of("key 77")]
    assert every(digests) == twin(table)


def test_an_entry_that_was_overwritten_after_it_was_damaged_is_forgotten_by_doubt() -> None:
    """What is taken out is not what was put in: a wrong digest of entries that are right."""
    table = filled(10)
    digests, key = table.digests, "key 7"
    slot = slot_of(key)
    digests.of(slot)
    table.slot(slot)[key] = ("damaged", V1)
    table.apply(key, ("right again", V2))
    assert digests.of(slot) != digest_of(table.slot(slot).items())
    digests.doubt([slot])
    assert every(digests) == twin(table)


def test_the_digests_of_a_busy_table_are_of_one_moment(computed: list[int]) -> None:
    """Those that were read first are not older than those that were read last."""
    table = filled(20_000)

    async def scenario() -> None:
        asked = asyncio.ensure_future(table.digests.of_all(range(SLOTS)))
        writes = 0
        while not asked.done():
            table.apply(f"key {writes}", ("changed", V2))
            writes += 1
            before = twin(table)
            await asyncio.sleep(0)
        assert await asked == before
        assert writes >= 10, "nobody else was let in"

    asyncio.run(scenario())
    assert len(computed) == SLOTS


def test_an_entry_lost_behind_the_tables_back_is_found_by_doubt() -> None:
    """Also where its slot is empty now."""
    table = Table()
    table.apply("k", ("v", V1))
    digests = table.digests
    assert digests.of(slot_of("k")) != 0
    table.slot(slot_of("k")).clear()
    digests.doubt_some(1)
    assert digests.of(slot_of("k")) == 0


def test_doubt_reads_about_as_much_as_it_was_told(computed: list[int]) -> None:
    """Small enough to trickle, and it goes on where it ended until it has been everywhere."""
    table = filled(20_000)
    largest = max(len(table.slot(slot)) for slot in range(SLOTS))
    digests = table.digests
    every(digests)
    read = 0
    for _ in range(20_000 // 1_000):
        computed.clear()
        digests.doubt_some(1_000)
        every(digests)
        assert 1_000 <= sum(computed) < 1_000 + largest
        read += sum(computed)
    assert read >= 20_000


def test_doubt_of_more_than_there_is_reads_everything_once(computed: list[int]) -> None:
    """A small store is read as a whole each time; an empty one does not make it run for ever."""
    digests = filled(10).digests
    every(digests)
    computed.clear()
    digests.doubt_some(50_000)
    every(digests)
    assert (len(computed), sum(computed)) == (SLOTS, 10)
    empty = Table().digests
    empty.doubt_some(50_000)
    assert set(every(empty)) == {0}


def test_a_store_that_was_loaded_has_the_digests_of_what_it_loaded() -> None:
    """Not those of the empty table that it began with."""
    life = Life(lived(stop=False, more={"d": "4"}))
    digests = every(life.store.digests)
    assert digests == twin(life.store.table)
    assert any(digests)
