"""A flip or a cut at every byte of every file: never silently wrong.

Whatever one broken byte does, one of two things is true after a start: all data is there as it
was, or the node says that it is incomplete, and the broken file was kept.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kvcluster.errors import CannotStart
from kvcluster.model.entry import Entry
from kvcluster.storage import frames
from tests.storage.fake_disk import FakeDisk
from tests.storage.life import PATH, Life
from tests.storage.virtual_loop import run

FILES = ["journal-", "versions-", PATH.name]
State = dict[str, Entry]


def state(life: Life) -> State:
    """Every entry, versions and tombstones included."""
    return dict(life.store.table.items())


async def make() -> FakeDisk:
    """A small disk with something in each file: a checkpoint, and frames behind it."""
    disk = FakeDisk()
    life = await Life(disk).__aenter__()
    for key in ("a", "b", "é", "gone"):
        await life.put(key, f"value of {key}")
    await life.delete("gone")
    await life.checkpointed()
    await life.put("a", "newer")
    await life.delete("b")
    await life.put("d", "")
    await life.put_many({"a": "newest", "e": "in a block"})
    await life.drop("gone")
    await life.end()
    return disk.kill()


@pytest.fixture(scope="module")
def disk() -> FakeDisk:
    """Made once; each test works on copies."""
    return run(make())


def path_of(disk: FakeDisk, part: str) -> Path:
    """The one file whose name begins so."""
    return next(path for path in disk.files() if path.name.startswith(part))


def start(disk: FakeDisk, path: Path, data: bytes) -> tuple[FakeDisk, Life | None]:
    """Start with this in place of a file; None if the node refuses to start."""
    broken = disk.kill()
    broken.write(path, data)
    before = broken.files()
    try:
        return broken, Life(broken, incarnation=2)
    except CannotStart:
        assert path == PATH
        assert broken.files() == before, "refused, and yet something was changed"
        return broken, None


def must_be_honest(disk: FakeDisk, path: Path, data: bytes, expected: State) -> bool:
    """Check one broken file; return whether anything was lost."""
    broken, life = start(disk, path, data)
    if life is None:
        return False
    found = state(life)
    if found != expected:
        assert life.found.incomplete, f"silently wrong: {found}"
    if life.found.incomplete:
        copies = [kept for kept in broken.files() if kept.name.startswith(f"{path.name}.")]
        assert [broken.files()[copy] for copy in copies] == [data]
    return found != expected


@pytest.mark.parametrize("part", FILES)
def test_a_flipped_bit_is_never_silently_wrong(disk: FakeDisk, part: str) -> None:
    """Every bit of every byte of a small journal, versions file and JSON."""
    path = path_of(disk, part)
    data = disk.files()[path]
    expected = state(Life(disk.kill()))
    lost = 0
    for position in range(len(data)):
        for bit in range(8):
            broken = data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]
            lost += must_be_honest(disk, path, broken, expected)
    assert lost, "some flip must lose something, or nothing was tested"


@pytest.mark.parametrize("part", FILES)
def test_an_overwritten_byte_is_never_silently_wrong(disk: FakeDisk, part: str) -> None:
    """A NUL, a quote and a newline at every byte, which JSON takes in its own ways."""
    path = path_of(disk, part)
    data = disk.files()[path]
    expected = state(Life(disk.kill()))
    for position in range(len(data)):
        for byte in (b"\0", b'"', b"\n", b"x"):
            broken = data[:position] + byte + data[position + 1 :]
            if broken != data:
                must_be_honest(disk, path, broken, expected)


def test_a_journal_cut_at_any_byte_holds_a_prefix_and_starts_again(disk: FakeDisk) -> None:
    """A cut journal is a crash: the whole groups before the cut are there, and no alarm."""
    path = path_of(disk, "journal-")
    data = disk.files()[path]
    before, states = disk.kill(), []
    before.write(path, b"")
    states.append(state(Life(before)))
    for size in range(len(data) + 1):
        broken, life = start(disk, path, data[:size])
        assert life is not None
        assert not life.found.incomplete
        if state(life) != states[-1]:
            states.append(state(life))
        again = Life(broken.kill(), incarnation=3)
        assert state(again) == state(life)
        assert again.found.remarks == []
    assert len(states) == 6, "five groups, each there or not, one after the other"
    assert states[-1] == state(Life(disk.kill()))


@pytest.mark.parametrize("part", ["versions-", PATH.name])
def test_a_checkpoint_cut_at_any_byte_is_damage(disk: FakeDisk, part: str) -> None:
    """Both files were whole and synced before they got their names."""
    path = path_of(disk, part)
    data = disk.files()[path]
    expected = state(Life(disk.kill()))
    for size in range(len(data)):
        must_be_honest(disk, path, data[:size], expected)
        must_be_honest(disk, path, data[:size] + bytes(len(data) - size), expected)


@pytest.mark.parametrize("part", FILES)
def test_after_damage_the_disk_becomes_plain_again(disk: FakeDisk, part: str) -> None:
    """The node starts, keeps what it has, and stays incomplete over the next start."""
    path = path_of(disk, part)
    data = disk.files()[path]

    async def once(broken: FakeDisk, incarnation: int) -> tuple[State, str]:
        life = Life(broken, incarnation=incarnation)
        found = state(life)
        async with life:
            await life.put(f"life {incarnation}", "works")
        return found, life.found.incomplete

    for position in range(0, len(data), 11):
        broken = disk.kill()
        broken.write(path, data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        first, incomplete = run(once(broken, 2))
        broken = broken.kill()
        second, still_incomplete = run(once(broken, 3))
        assert still_incomplete == incomplete
        assert {key: entry for key, entry in second.items() if key != "life 2"} == first
        assert second["life 2"][0] == "works"


def test_a_frame_that_checks_out_and_is_no_message_is_damage(disk: FakeDisk) -> None:
    """Written by a bug, or by a later version: no traceback, and every other frame is loaded."""
    path = path_of(disk, "journal-")
    data = disk.files()[path]
    strange = frames.encode(b"\xff\xff\xff")
    expected = state(Life(disk.kill()))
    broken, life = start(disk, path, strange + data)
    assert life is not None
    assert state(life) == expected
    assert f"{path.name} is damaged (5 of its groups could be read)" in life.found.incomplete
    assert [broken.files()[kept] for kept in broken.files() if "damaged" in kept.name] == [
        strange + data
    ]
