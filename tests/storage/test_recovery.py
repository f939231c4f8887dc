"""Recovery: crashes are cut, damage is said and kept, and the journal is replayed in order."""

from __future__ import annotations

import random

import orjson
import pytest

from kvcluster.model.entry import make_version, time_of
from kvcluster.storage.disk import numbers_of
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import (
    DATA,
    FOLDER,
    PATH,
    Life,
    files_of,
    lived,
    only,
    restarted,
    until,
)
from tests.storage.virtual_loop import run


def test_nothing_is_an_empty_node() -> None:
    """A first start: no data, no remark, and an empty JSON object to look at."""
    left = restarted(FakeDisk())
    assert left.read(PATH) == b"{}\n"
    life = Life(left)
    assert (life.data(), life.found.remarks, life.found.incomplete) == ({}, [], "")


def test_a_node_without_a_journal_needs_repair() -> None:
    """New, or its folder was lost: what is here may be absent, so peers must be asked."""
    empty = FakeDisk()
    by_hand = FakeDisk()
    by_hand.write(PATH, b'{"k": "v"}')
    folder_lost = lived(stop=False, more={"d": "4"})
    for path in list(folder_lost.files()):
        if path != PATH:
            folder_lost.remove(path)
    copies_left = FakeDisk()
    copies_left.make_folder(FOLDER)
    for name in ("lock", "journal-00000001.damaged-1", "versions-00000001.damaged-1"):
        copies_left.write(FOLDER / name, b"x")
    for disk in (empty, by_hand, folder_lost, copies_left):
        assert Life(disk).found.repair


def test_a_whole_node_needs_no_repair() -> None:
    """A clean stop, or a kill."""
    assert not Life(lived()).found.repair
    assert not Life(lived(stop=False, more={"d": "4"})).found.repair


@pytest.mark.parametrize("part", ["versions-", "journal-", PATH.name])
def test_a_node_with_a_part_of_its_files_missing_is_incomplete(part: str) -> None:
    """That is damage, which is worse, and said in its own way."""
    disk = lived(stop=False, more={"d": "4"})
    disk.remove(only(disk, part))
    life = Life(disk)
    assert life.found.incomplete
    assert life.found.repair


@pytest.mark.parametrize("whole", [True, False])
def test_the_need_for_repair_survives_until_every_peer_has_helped(whole: bool) -> None:
    """A node that was killed before it was made whole, or that not all peers made whole."""

    async def scenario(disk: FakeDisk) -> None:
        life = await Life(disk).__aenter__()
        await life.put("k", "v")
        life.store.mark_complete(whole=whole)
        await life.store.close()

    disk = FakeDisk()
    run(scenario(disk))
    left = disk.kill()
    assert Life(left).found.repair == (not whole)


def test_another_configuration_needs_repair() -> None:
    """With other members or another R the node holds slots that it never held before."""
    assert Life(lived(), configuration=2).store.repair
    assert not Life(lived()).store.repair


def test_the_files_of_another_node_are_not_taken_for_whole() -> None:
    """Two folders were swapped: what this node was counted for is in the other one."""
    swapped = Life(lived(), node="b:2").store
    assert "are those of a:1, not b:2's" in swapped.incomplete
    assert swapped.repair


def test_a_node_that_is_called_otherwise_in_another_member_list_needs_repair_only() -> None:
    """A host was renamed: its files are its own, and it holds other slots than before."""
    renamed = Life(lived(), node="b:2", configuration=2).store
    assert renamed.repair
    assert not renamed.incomplete


def test_a_node_killed_at_its_first_start_still_needs_repair() -> None:
    """Its first checkpoint stands, or nothing but an empty journal does."""

    async def scenario(disk: FakeDisk) -> None:
        await (await Life(disk).__aenter__()).end()

    disk = FakeDisk()
    run(scenario(disk))
    assert Life(disk.kill()).found.repair
    only_a_segment = FakeDisk()
    only_a_segment.make_folder(FOLDER)
    only_a_segment.write(FOLDER / "journal-00000001", b"")
    assert Life(only_a_segment).found.repair


@pytest.mark.parametrize(
    ("pairs", "by_hand"),
    [
        (DATA, False),
        (dict(reversed(DATA.items())), False),
        ({**DATA, "new": "by hand"}, True),
        ({**DATA, "b": "changed"}, True),
    ],
)
def test_a_json_with_pairs_that_nobody_stored_needs_repair(
    pairs: dict[str, str], by_hand: bool
) -> None:
    """A peer may know better; another order or layout is no edit."""
    disk = lived()
    disk.write(PATH, orjson.dumps(pairs))
    assert Life(disk).found.repair == by_hand


def test_a_clean_stop_needs_the_json_and_its_versions_alone() -> None:
    """All is there: values, versions, tombstones, notes and the clock."""
    life = Life(lived())
    assert life.data() == DATA
    gone = life.store.get("gone")
    assert gone is not None
    assert gone[0] is None
    assert life.found.hints == {"peer:1": make_version(5, 5)}
    assert life.found.clock >= max(time_of(version) for _, (_, version) in life.store.table.items())
    assert life.found.remarks == []
    assert not life.found.rewrite


def test_a_kill_needs_the_journal_too() -> None:
    """What came after the last checkpoint is replayed, deletes included."""
    life = Life(lived(stop=False, more={"a": "new", "d": "4"}))
    assert life.data() == {**DATA, "a": "new", "d": "4"}
    assert life.found.remarks == []


def test_a_clean_stop_right_after_a_kill_leaves_the_json_complete() -> None:
    """Nothing new was written, but the JSON was behind the journal."""
    left = restarted(lived(stop=False, more={"d": "4"}))
    assert orjson.loads(left.read(PATH)) == {**DATA, "d": "4"}


@pytest.mark.parametrize("tail", ["cut", "nuls"])
def test_a_torn_tail_is_cut_for_good_and_said(tail: str) -> None:
    """A crash in the middle of a write: cut, remarked, no damage; and durable at once."""
    disk = lived(stop=False, more={"d": "4", "e": "5"})
    path = only(disk, "journal-")
    whole = disk.files()[path]
    disk.write(path, whole[:-5] if tail == "cut" else whole + bytes(700))
    life = Life(disk)
    assert life.data() == ({**DATA, "d": "4"} if tail == "cut" else {**DATA, "d": "4", "e": "5"})
    assert not life.found.incomplete
    assert len(life.found.remarks) == 1
    assert "unfinished" in life.found.remarks[0]
    for keep in (0.0, 1.0):
        again = Life(disk.crash(random.Random(1), keep), incarnation=2)
        assert again.found.remarks == []
        assert again.data() == life.data()


def test_a_torn_tail_under_a_newer_empty_segment_is_still_a_crash() -> None:
    """A rotation that could not be finished leaves a file in which nothing was ever written."""
    disk = lived(stop=False, more={"d": "4", "e": "5"})
    path = only(disk, "journal-")
    number = numbers_of([path.name], "journal-")[0]
    disk.write(path, disk.files()[path][:-5])
    disk.write(FOLDER / f"journal-{number + 1:08d}", b"")
    life = Life(disk)
    assert not life.found.incomplete
    assert life.data() == {**DATA, "d": "4"}


def test_a_probe_of_a_full_disk_that_was_cut_and_not_synced_never_looks_like_damage() -> None:
    """Found by the simulator: later the probe's bytes are under a newer segment, after a crash."""
    disk = lived()
    number = numbers_of(disk.names(FOLDER), "journal-")[-1]
    for later in (number + 1, number + 2):
        probed = disk.create(FOLDER / f"journal-{later:08d}")
        disk.sync_folder(FOLDER)
        probed.append(bytes(5000))
        probed.truncate(0)
        probed.close()
    disk = restarted(disk.kill())
    for seed in range(50):
        assert Life(disk.crash(random.Random(seed))).found.incomplete == ""


def test_a_torn_tail_in_an_older_segment_is_damage() -> None:
    """It was whole when the newer segment got its first frame."""
    disk = lived(stop=False, more={"d": "4", "e": "5"})
    path = only(disk, "journal-")
    number = numbers_of([path.name], "journal-")[0]
    whole = disk.files()[path]
    disk.write(path, whole[:-5])
    disk.write(FOLDER / f"journal-{number + 1:08d}", whole)
    life = Life(disk)
    assert f"{path.name} is damaged" in life.found.incomplete
    assert life.data() == {**DATA, "d": "4", "e": "5"}


def test_damage_in_the_journal_loads_the_rest_keeps_the_file_and_says_so() -> None:
    """And `incomplete` outlives any number of restarts, until somebody says it is complete."""
    disk = lived(stop=False, more={"d": "4", "e": "5", "f": "6"})
    path = only(disk, "journal-")
    data = bytearray(disk.files()[path])
    data[len(data) // 2] ^= 1
    disk.write(path, bytes(data))
    life = Life(disk)
    assert len(life.data()) == 5
    assert path.name in life.found.incomplete

    left = disk.kill()
    for _ in range(2):
        left = restarted(left)
    copy = only(left, f"{path.name}.damaged-")
    assert left.files()[copy] == bytes(data)
    assert path not in left.files(), "the checkpoint has made it useless"
    assert path.name in Life(left, incarnation=3).found.incomplete

    async def repair(disk: FakeDisk) -> None:
        async with Life(disk, incarnation=4) as life:
            await life.put("e", "5")
            life.store.mark_complete(whole=True)

    left = left.kill()
    run(repair(left))
    repaired = Life(left.kill(), incarnation=5)
    assert repaired.found.incomplete == ""
    assert copy in left.files()


def test_incomplete_is_cleared_though_a_checkpoint_is_under_way() -> None:
    """`mark_complete` in the middle of a checkpoint that still says otherwise asks for another."""

    async def scenario(disk: FakeDisk, step: int) -> None:
        disk.remove(PATH)
        life = Life(disk, incarnation=2)
        async with life:
            assert life.store.incomplete
            start = len(disk.calls)
            disk.after = lambda _, __: (
                life.store.mark_complete(whole=True) if len(disk.calls) == start + step else None
            )
            await life.put("x", "y")
            await until(lambda: not life.store.incomplete)
            disk.after = None
        assert Life(disk.kill(), incarnation=3).found.incomplete == ""

    disk = lived()
    for step in range(2, 20):
        run(scenario(disk.kill(), step))


def test_copies_of_damaged_files_are_no_segments_and_are_never_deleted() -> None:
    """Their names begin as a segment's or a versions file's does."""
    disk = lived()
    copies = {
        FOLDER / "journal-00000005.damaged-1": b"x",
        FOLDER / "journal-00000999.damaged-2": b"",
        FOLDER / "versions-00000999.damaged-1": b"y",
        FOLDER / "journal-²": b"z",
        FOLDER / "journal-5": b"z",
        PATH.with_name(PATH.name + ".corrupt-1"): b"{",
    }
    for path, data in copies.items():
        disk.write(path, data)

    async def scenario() -> None:
        async with Life(disk) as life:
            assert life.found.remarks == []
            await life.put("d", "4")
            await life.checkpointed()

    run(scenario())
    assert copies.items() <= disk.files().items()


def test_damage_that_is_found_again_and_again_is_copied_once() -> None:
    """Starts that end before their first checkpoint must not fill the disk with copies."""
    disk = lived(stop=False, more={"d": "4", "e": "5"})
    path = only(disk, "journal-")
    disk.write(path, b"?" + disk.files()[path][1:])
    for number in range(5):
        Life(disk, incarnation=number + 1)
        disk = disk.kill()
    assert len(files_of(disk, ".damaged-")) == 1
    disk.write(path, b"!" + disk.files()[path][1:])
    Life(disk, incarnation=1)
    assert len(files_of(disk, ".damaged-")) == 2, "other bytes under the same stamp"


def test_a_missing_segment_is_damage() -> None:
    """The first, the last or one between: what it held is not known."""
    disk = lived(stop=False, more={"d": "4"})
    path = only(disk, "journal-")
    number = numbers_of([path.name], "journal-")[0]
    frame = disk.files()[path]
    for gap in (number, number + 1):
        broken = disk.kill()
        for each in (number, number + 1, number + 2):
            broken.write(FOLDER / f"journal-{each:08d}", frame)
        broken.remove(FOLDER / f"journal-{gap:08d}")
        life = Life(broken)
        assert life.found.incomplete == f"journal-{gap:08d} is missing"
        assert life.data()["d"] == "4"
    disk.remove(path)
    assert Life(disk).found.incomplete == f"{path.name} is missing"


def test_the_clock_is_past_every_version_even_if_what_carried_it_is_lost() -> None:
    """A damaged footer, and a wall clock set back: the next version is still the newest."""
    disk = lived()
    path = only(disk, "versions-")
    data = disk.files()[path]
    disk.write(path, data[: data.rindex(b"KVF1")])
    life = Life(disk)
    assert f"{path.name} is damaged" in life.found.incomplete
    newest = max(version for _, (_, version) in life.store.table.items())
    assert newest > make_version(1, 0)
    assert life.clock.tick(0) > newest


def test_notes_are_replayed_in_order() -> None:
    """A note that was cleared stays cleared, one that came again is there."""

    async def scenario() -> FakeDisk:
        disk = FakeDisk()
        life = await Life(disk).__aenter__()
        await life.note("a", make_version(1, 1))
        await life.note("b", make_version(2, 1))
        await life.note("a", None)
        await life.checkpointed()
        await life.note("b", None)
        await life.note("c", make_version(3, 1))
        await life.note("c", make_version(2, 2))
        await life.end()
        return disk.kill()

    assert Life(run(scenario())).found.hints == {"c": make_version(2, 2)}
