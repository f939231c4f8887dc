"""The JSON and its versions at a start: whole, missing, edited, damaged or made by hand."""

from __future__ import annotations

import orjson
import pytest

from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.model.entry import ZERO
from kvcluster.storage.disk import numbers_of
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import (
    DATA,
    FOLDER,
    PATH,
    SETTINGS,
    Life,
    files_of,
    lived,
    only,
    restarted,
    until,
)
from tests.storage.virtual_loop import run


def test_a_missing_json_is_damage_but_its_tombstones_and_clock_are_used() -> None:
    """The journal is replayed, the rest must come from the peers."""
    disk = lived(stop=False, more={"d": "4"})
    disk.remove(PATH)
    life = Life(disk)
    assert life.found.incomplete == f"{PATH.name} is missing"
    assert life.data() == {"d": "4"}
    assert life.store.get("gone") is not None


def test_frames_without_any_versions_file_are_damage() -> None:
    """Nothing is written before the first checkpoint, so where there are frames there was one."""
    disk = lived(stop=False, more={"d": "4"})
    path = only(disk, "journal-")
    frames = disk.files()[path]
    for gone in (path, only(disk, "versions-")):
        disk.remove(gone)
    disk.write(FOLDER / "journal-00000001", frames)
    life = Life(disk)
    assert life.found.incomplete == "a versions file is missing"
    assert life.data() == {**DATA, "d": "4"}


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
    assert f"{PATH.name} was edited: 1 pair added;" in life.found.remarks[1]
    assert disk.files()[only(disk, ".edited-")] == edited
    left = restarted(disk.kill())
    assert orjson.loads(left.read(PATH)) == life.data()
    assert Life(left).found.remarks == []


@pytest.mark.parametrize(
    ("edited", "told"),
    [
        ({"a": "1", "b": "2"}, "1 pair that this node had stored gone"),
        (
            {**DATA, "b": "changed", "new": "x"},
            "2 pairs new or changed, 1 that this node had stored changed or gone",
        ),
        ({}, "3 pairs that this node had stored gone"),
    ],
)
def test_known_pairs_that_vanished_or_changed_make_the_node_incomplete(
    edited: dict[str, str], told: str
) -> None:
    """What it says is taken, and called an edit and no damage; but peers are asked."""
    disk = lived()
    disk.write(PATH, orjson.dumps(edited))
    life = Life(disk)
    assert life.data() == edited
    assert life.found.incomplete == f"{PATH.name} was edited: {told}"
    assert "damage" not in " ".join(life.found.remarks)
    assert "use put, delete or import" in life.found.remarks[-1]
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


def test_settings_of_the_limits_are_those_of_the_node() -> None:
    """A smaller limit refuses what a larger one takes."""
    disk = FakeDisk()
    disk.write(PATH, b'{"four": "12345"}')
    with pytest.raises(CannotStart, match="allowed are 1 to 3"):
        Life(disk.kill(), settings=Settings(key_limit_bytes=3))
    with pytest.raises(CannotStart, match="allowed are 0 to 4"):
        Life(disk.kill(), settings=Settings(value_limit_bytes=4))
    assert Life(disk, settings=SETTINGS).data() == {"four": "12345"}
