"""Every row of the design's table: what is found at start, and what is made of it."""

from __future__ import annotations

import asyncio
import errno
import random
from pathlib import Path

import orjson
import pytest

from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.model.entry import ZERO, make_version, time_of
from kvcluster.storage.disk import numbers_of
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import FOLDER, PATH, SETTINGS, Life, files_of, until
from tests.storage.virtual_loop import run

DATA = {"a": "1", "b": "2", "c": "3"}


def lived(*, stop: bool = True, more: dict[str, str] | None = None) -> FakeDisk:
    """A disk on which a store has written DATA, deleted "gone", and made a checkpoint.

    It was stopped cleanly, or killed with `more` in the journal only.
    """

    async def scenario(disk: FakeDisk) -> None:
        life = await Life(disk).__aenter__()
        for key, value in {"gone": "x", **DATA}.items():
            await life.put(key, value)
        await life.delete("gone")
        await life.note("peer:1", make_version(5, 5))
        await life.checkpointed()
        if stop:
            await life.store.close()
        else:
            for key, value in (more or {}).items():
                await life.put(key, value)
            await life.end()

    disk = FakeDisk()
    run(scenario(disk))
    return disk.kill()


def only(disk: FakeDisk, part: str) -> Path:
    """The one file whose name has `part`."""
    paths = [path for path in disk.files() if part in path.name]
    assert len(paths) == 1, paths
    return paths[0]


def restarted(disk: FakeDisk) -> FakeDisk:
    """Start, wait for the start to be done, stop cleanly; what is left then."""

    async def scenario() -> None:
        async with Life(disk, incarnation=7):
            pass

    run(scenario())
    return disk.kill()


def test_nothing_is_an_empty_node() -> None:
    """A first start: no data, no remark, and an empty JSON object to look at."""
    left = restarted(FakeDisk())
    assert left.read(PATH) == b"{}\n"
    life = Life(left)
    assert (life.data(), life.found.remarks, life.found.incomplete) == ({}, [], "")


def test_a_clean_stop_needs_the_json_and_its_versions_alone() -> None:
    """All is there: values, versions, tombstones, notes and the clock."""
    life = Life(lived())
    assert life.data() == DATA
    gone = life.store.get("gone")
    assert gone is not None
    assert gone[0] is None
    assert life.found.notes == {"peer:1": make_version(5, 5)}
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

    async def heal(disk: FakeDisk) -> None:
        async with Life(disk, incarnation=4) as life:
            await life.put("e", "5")
            life.store.mark_complete()

    left = left.kill()
    run(heal(left))
    healed = Life(left.kill(), incarnation=5)
    assert healed.found.incomplete == ""
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
                life.store.mark_complete() if len(disk.calls) == start + step else None
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


def test_a_missing_json_is_damage_but_its_tombstones_and_clock_are_used() -> None:
    """The journal is replayed, the rest must come from the peers."""
    disk = lived(stop=False, more={"d": "4"})
    disk.remove(PATH)
    life = Life(disk)
    assert life.found.incomplete == f"{PATH.name} is missing"
    assert life.data() == {"d": "4"}
    assert life.store.get("gone") is not None


@pytest.mark.parametrize("stop", [True, False])
def test_a_missing_versions_file_is_damage(stop: bool) -> None:
    """Without it the pairs would pass for hand-made ones, and deletes would be forgotten."""
    disk = lived(stop=stop, more={"d": "4"})
    disk.remove(only(disk, "versions-"))
    life = Life(disk)
    assert life.found.incomplete
    assert life.data().items() >= DATA.items()


def test_a_hand_made_json_counts_as_older_than_anything() -> None:
    """Each pair has the lowest version, and nothing is called missing."""
    disk = FakeDisk()
    disk.write(PATH, b'\xef\xbb\xbf{"k": "v", "Vi\xe1\xbb\x87t": "Nam"}')
    life = Life(disk)
    assert life.data() == {"k": "v", "Việt": "Nam"}
    assert {version for _, (_, version) in life.store.table.items()} == {ZERO}
    assert not life.found.incomplete
    assert "by hand" in life.found.remarks[0]
    left = restarted(disk.kill())
    assert orjson.loads(left.read(PATH)) == life.data()
    again = Life(left)
    assert {version for _, (_, version) in again.store.table.items()} == {ZERO}
    assert again.found.remarks == []
    assert files_of(left, "json.") == []


def test_pairs_added_by_hand_join_those_that_keep_their_versions() -> None:
    """Nothing known is gone, so the node is complete; a copy is kept all the same."""
    disk = lived(stop=False, more={"d": "4"})
    versions = {key: entry[1] for key, entry in Life(disk.kill()).store.table.items()}
    edited = orjson.dumps({"new": "by hand", **DATA})
    disk.write(PATH, edited)
    life = Life(disk)
    assert life.data() == {**DATA, "d": "4", "new": "by hand"}
    held = {key: entry[1] for key, entry in life.store.table.items()}
    assert held == {**versions, "new": ZERO}
    assert not life.found.incomplete
    assert disk.files()[only(disk, ".edited-")] == edited
    left = restarted(disk.kill())
    assert orjson.loads(left.read(PATH)) == life.data()
    assert Life(left).found.remarks == []


@pytest.mark.parametrize("edited", [{"a": "1", "b": "2"}, {**DATA, "b": "changed"}, {}])
def test_known_pairs_that_vanished_or_changed_make_the_node_incomplete(
    edited: dict[str, str],
) -> None:
    """Edited or damaged, nobody can tell: what it says is taken, and peers are asked."""
    disk = lived()
    disk.write(PATH, orjson.dumps(edited))
    life = Life(disk)
    assert life.data() == edited
    assert "edited or damaged" in life.found.incomplete
    assert only(disk, ".edited-")
    if edited.get("b") == "changed":
        entry = life.store.get("b")
        assert entry == ("changed", ZERO)


def test_a_deleted_key_does_not_come_back_by_an_edit() -> None:
    """Its tombstone is newer than what a person writes; see the design on restoring copies."""
    disk = lived()
    disk.write(PATH, orjson.dumps({**DATA, "gone": "x"}))
    assert Life(disk).data() == DATA


@pytest.mark.parametrize(
    "text", [b"", b"{", b'{"a": "1"', b"\xff\xfe", b'{"a": "\xff"}', b"\0" * 50]
)
@pytest.mark.parametrize("known", [True, False])
def test_what_is_not_json_is_kept_and_counts_as_damage(text: bytes, known: bool) -> None:
    """Set aside, never deleted; then the journal, and what is missing is said."""
    disk = lived(stop=False, more={"d": "4"}) if known else FakeDisk()
    disk.write(PATH, text)
    life = Life(disk)
    assert "is not JSON" in life.found.incomplete
    assert life.data() == ({"d": "4"} if known else {})
    left = restarted(disk.kill())
    assert left.files()[only(left, ".corrupt-")] == text
    assert "is not JSON" in Life(left).found.incomplete


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b"[]", "flat JSON object"),
        (b'"x"', "flat JSON object"),
        (b'{"ok": "1", "n": 5}', "'n' is a number"),
        (b'{"n": null}', "'n' is null"),
        (b'{"n": true}', "'n' is true or false"),
        (b'{"n": ["' + "é".encode() * 100 + b'"]}', "'n' is a list"),
        (b'{"n": {"deep": "x"}}', "'n' is an object"),
        (b'{"": "x"}', "key '' is 0 bytes long"),
        (orjson.dumps({"é" * 513: "x"}), f"key '{'é' * 40}…' is 1,026 bytes long"),
        (orjson.dumps({"big": "x" * 2_000_000}), "value of key 'big' is 2,000,000 bytes"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("known", [True, False])
def test_a_json_that_cannot_be_served_is_refused_by_key_and_nothing_changes(
    text: bytes, named: str, known: bool
) -> None:
    """A sentence for the person who wrote it, and every file as it was."""
    disk = lived(stop=False, more={"d": "4"}) if known else FakeDisk()
    disk.write(PATH, text)
    before = disk.files()
    with pytest.raises(CannotStart) as caught:
        Life(disk)
    assert named in str(caught.value)
    assert PATH.name in str(caught.value)
    assert disk.files() == before


def test_keys_and_values_at_their_limits_are_served() -> None:
    """1,024 bytes of key, and a value as large as the setting says."""
    pairs = {"é" * 512: "x" * 1024 * 1024, "k": ""}
    disk = FakeDisk()
    disk.write(PATH, orjson.dumps(pairs))
    assert Life(disk).data() == pairs


def test_a_lock_held_by_another_says_so_before_anything_is_read() -> None:
    """Two servers on the same files."""
    disk = FakeDisk()
    Life(disk)
    disk.calls.clear()
    with pytest.raises(CannotStart, match="in use"):
        Life(disk)
    assert disk.count("read") == 0


@pytest.mark.parametrize("method", ["read", "lock", "make_folder", "sync_folder"])
def test_files_that_cannot_be_used_are_named(method: str) -> None:
    """A clear sentence with the path and the reason."""
    disk = lived() if method == "read" else FakeDisk()
    disk.fail(method, errno.EACCES)
    with pytest.raises(CannotStart, match=r"cannot use /data.*: Permission denied"):
        Life(disk)


@pytest.mark.parametrize(
    ("method", "number"),
    [("create", errno.EACCES), ("create", errno.ENOSPC), ("sync_folder", errno.EIO)],
)
@pytest.mark.parametrize("nth", [1, 2])
def test_a_start_that_cannot_open_its_journal_or_write_its_json_ends_with_a_sentence(
    method: str, number: int, nth: int
) -> None:
    """At the first file or a later one; no task is left behind, and the next start works."""

    async def scenario() -> None:
        disk = FakeDisk()
        life = Life(disk)
        disk.fail(method, number, nth=nth)
        with pytest.raises(CannotStart):
            await life.__aenter__()
        await asyncio.gather(*life.tasks.values(), return_exceptions=True)
        assert restarts(disk.kill())

    run(scenario())


def restarts(disk: FakeDisk) -> bool:
    """Whether a start finds nothing to complain about."""
    return not Life(disk, incarnation=2).found.remarks


def test_a_new_folder_survives_a_power_cut() -> None:
    """The folder's own name is durable before anything in it is promised."""

    async def scenario(disk: FakeDisk) -> list[FakeDisk]:
        async with Life(disk) as life:
            await life.put("a", "1")
            return [disk.crash(random.Random(seed), keep=0.0) for seed in range(3)]

    killed: list[FakeDisk] = []
    fresh = FakeDisk()
    fresh.after = lambda method, _: killed.append(fresh.kill()) if method == "make_folder" else None
    starts = [FakeDisk()]
    Life(fresh)
    starts += killed  # a start that was killed before it could sync the name
    assert len(starts) == 2
    for disk in starts:
        for left in run(scenario(disk)):
            assert Life(left).data() == {"a": "1"}


def test_leftover_temporary_files_go_away() -> None:
    """A kill in the middle of a checkpoint leaves two."""
    disk = lived()
    disk.write(PATH.with_name(PATH.name + ".tmp"), b"half")
    disk.write(FOLDER / "versions-00000009.tmp", b"half")
    assert Life(disk).found.remarks == []
    assert files_of(disk, ".tmp") == []


def test_of_two_versions_files_that_match_the_newer_is_taken() -> None:
    """The JSON may be the same twice, while a delete in between is only in the newer one.

    A power cut may take back the removal of the older versions file, and not that of its journal.
    """

    async def scenario() -> FakeDisk:
        disk = FakeDisk()
        async with Life(disk) as life:
            await life.put("a", "1")
            await life.checkpointed()
            older = only(disk, "versions-")
            kept = disk.files()[older]
            for ack in (life.put("b", "2"), life.delete("b"), life.put("a", "1")):
                await ack
            await until(lambda: older not in disk.files())
        disk.write(older, kept)
        return disk.kill()

    disk = run(scenario())
    assert len(files_of(disk, "versions-")) == 2
    life = Life(disk)
    assert life.found.remarks == []
    assert life.store.get("b") is not None, "its tombstone"


def test_an_edit_between_a_crash_and_the_start_needs_no_journal_that_is_gone() -> None:
    """Two versions files, the older one's journal partly removed, and a JSON that matches none."""
    disk = lived()
    newer = only(disk, "versions-")
    number = numbers_of([newer.name], "versions-")[0]
    disk.write(FOLDER / f"versions-{number - 1:08d}", disk.files()[newer])
    disk.write(PATH, orjson.dumps({**DATA, "new": "by hand"}))
    life = Life(disk)
    assert not life.found.incomplete, life.found.remarks
    assert life.data() == {**DATA, "new": "by hand"}


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

    assert Life(run(scenario())).found.notes == {"c": make_version(2, 2)}


def test_settings_of_the_limits_are_those_of_the_node() -> None:
    """A smaller limit refuses what a larger one takes."""
    disk = FakeDisk()
    disk.write(PATH, b'{"four": "12345"}')
    with pytest.raises(CannotStart, match="allowed are 1 to 3"):
        Life(disk.kill(), settings=Settings(key_limit_bytes=3))
    with pytest.raises(CannotStart, match="allowed are 0 to 4"):
        Life(disk.kill(), settings=Settings(value_limit_bytes=4))
    assert Life(disk, settings=SETTINGS).data() == {"four": "12345"}
