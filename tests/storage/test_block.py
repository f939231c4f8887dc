"""Blocks: puts in columns, which are entries to everybody who asks."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.entry import Verdict, Version, following, is_followed, make_version, time_of
from kvcluster.model.slots import SLOTS
from kvcluster.storage import frames
from kvcluster.storage.block import Block, is_sound, size_bytes, versions_of
from kvcluster.storage.table import Table
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import Life, message, only
from tests.storage.virtual_loop import run

from demo_pb2 import Block as BlockMessage
from demo_pb2 import JournalFrame

FIRST = make_version((1 << 40) + 65_530, 7)
"""A little later its counter carries into the milliseconds."""
TIMES = st.integers(1, 12)
columns = st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), min_size=1)


def block_of(pairs: dict[str, str], first: Version = FIRST) -> Block:
    """A block as it comes over the wire."""
    made = Block(list(pairs), list(pairs.values()), first)
    return Block.of(BlockMessage.FromString(made.message.SerializeToString()))


@given(columns, st.integers(0, 20), st.integers(0, 20))
def test_a_block_is_the_entries_that_it_stands_for(pairs: dict[str, str], at: int, to: int) -> None:
    """One by one, in any part of it, and to the table."""
    block = block_of(pairs)
    entries = [
        message(key, value, make_version(time_of(FIRST) + place, 7))
        for place, (key, value) in enumerate(pairs.items())
    ]
    assert list(block) == entries
    assert versions_of(block) == versions_of(entries)
    if entries[at:to]:
        assert list(block[at:to]) == entries[at:to]
        assert block[at:to].message.first_version == entries[at].version
    one, other = Table(), Table()
    assert one.apply_all(block) == other.apply_all(entries) == [Verdict.NEWER] * len(pairs)
    assert dict(one.items()) == dict(other.items())
    assert one.apply_all(entries) == [Verdict.SAME] * len(pairs)
    assert size_bytes(block) < size_bytes(entries) + 20


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        (BlockMessage(), None),
        (BlockMessage(first_version=FIRST), None),
        (BlockMessage(keys=["a"], values=["1"]), BlockMessage(first_version=FIRST)),
        (BlockMessage(keys=["a"], first_version=FIRST), BlockMessage(values=[""])),
        (BlockMessage(keys=["a"], values=["1", "2"], first_version=FIRST), BlockMessage(keys="b")),
    ],
)
def test_what_is_no_block_is_not_sound(bad: BlockMessage, good: BlockMessage | None) -> None:
    """And with what it lacks it is one."""
    assert not is_sound(bad)
    if good:
        bad.MergeFrom(good)
        assert is_sound(bad)


def test_versions_do_not_run_over() -> None:
    """A stranger's first version may be the last that there is."""
    last = make_version((1 << 64) - 1, 7)
    assert is_followed(last, 1)
    assert following(last, 1) == [last]
    assert not is_followed(last, 2)


async def written(disk: FakeDisk) -> Life:
    """A life that has written a block between two entries, and was killed."""
    life = await Life(disk).__aenter__()
    writes = [life.put("before", "1")]
    block = block_of({f"k{n}": str(n) for n in range(2_500)}, life.clock.ticks(0, 2_500))
    writes += [life.store.write(block), life.put("k7", "later")]
    verdicts = await asyncio.gather(*writes)
    assert [len(each) for each in verdicts] == [1, 2_500, 1]
    assert life.store.journal.entries == 2_502
    await life.end()
    return life


def test_a_block_is_replayed_whole() -> None:
    """Together with what stands in the same frame, and the clock goes on behind it."""
    disk = FakeDisk()
    life = run(written(disk))
    again = Life(disk.kill(), incarnation=2)
    assert dict(again.store.table.items()) == dict(life.store.table.items())
    assert again.data() == {f"k{n}": str(n) for n in range(2_500)} | {"before": "1", "k7": "later"}
    assert not again.found.incomplete
    assert again.clock.tick(0) > max(entry[1] for _, entry in life.store.table.items())


def test_a_version_that_knows_of_no_blocks_takes_their_frames_for_damage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would read the frame, skip the block, and serve without what was acknowledged."""
    disk = FakeDisk()
    run(written(disk))
    monkeypatch.setattr(frames, "_MAGICS", (frames.MAGIC,))
    monkeypatch.setattr(frames, "_COMMON", frames.MAGIC)
    older = Life(disk.kill(), incarnation=2)
    assert "is damaged" in older.found.incomplete


def test_a_frame_with_a_block_that_is_none_is_damage() -> None:
    """A checksum says that it is what was written, not that it means anything."""
    disk = FakeDisk()
    run(written(disk))
    journal = only(disk, "journal-")
    bad = JournalFrame(clock=1, blocks=[BlockMessage(keys=["a"], first_version=FIRST)])
    frame = frames.encode(bad.SerializeToString(), frames.MAGIC_WITH_BLOCKS)
    disk.write(journal, disk.files()[journal] + frame)
    again = Life(disk.kill(), incarnation=2)
    assert "is damaged" in again.found.incomplete
    assert again.data()["k7"] == "later"


@given(
    st.lists(st.tuples(st.sampled_from("abcdé"), st.none() | st.text(max_size=2), TIMES)),
    st.lists(st.tuples(st.sampled_from("abcdéf"), st.text(max_size=2)), min_size=1, max_size=8),
    TIMES,
    st.booleans(),
)
def test_a_table_takes_a_block_as_it_takes_its_entries(
    held: list[tuple[str, str | None, int]],
    puts: list[tuple[str, str]],
    time: int,
    digests_are_known: bool,
) -> None:
    """New keys, overwritten ones, tombstones, what is older, the same or damaged, a key twice."""
    tables = Table(), Table()
    for table in tables:
        table.order_keys()
        for key, value, at in held:
            table.apply(key, (value, make_version(at, 0)))
        if digests_are_known:
            _digests(table)
    block = Block([key for key, _ in puts], [value for _, value in puts], make_version(time, 0))
    verdicts = tables[0].apply_all(block)
    assert verdicts == tables[1].apply_all(list(block))
    assert _whole(tables[0]) == _whole(tables[1])


def _digests(table: Table) -> list[int]:
    return [table.digests.of(slot) for slot in range(SLOTS) if table.slot(slot)]


def _whole(table: Table) -> tuple[object, ...]:
    counts = table.live, table.tombstones, table.size_bytes, table.conflicts
    newest = [table.newest(slot) for slot in range(SLOTS)]
    keys = list(table.keys.behind("", ""))
    return dict(table.items()), counts, newest, keys, _digests(table)
