"""The fake disk itself: like the real one while all is well, and as bad as it promises to be."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from kvcluster.storage.disk import Disk, OsDisk
from tests.storage.fake_disk import FakeDisk


def draws(disk: FakeDisk, path: Path, count: int = 300) -> set[bytes | None]:
    """What a file may be after a crash, over many crashes."""
    rng = random.Random(1)
    return {disk.crash(rng).files().get(path) for _ in range(count)}


def exercise(disk: Disk, root: Path) -> list[object]:
    """Every operation once or twice; what could be seen on the way."""
    folder = root / "a" / "b"
    seen: list[object] = [disk.names(folder)]
    disk.make_folder(folder)
    disk.make_folder(folder)
    file = disk.create(folder / "one.tmp")
    file.append(b"hello")
    file.append(b" world")
    file.sync()
    file.truncate(7)
    file.append(b"xx")
    file.close()
    disk.sync_folder(folder)
    seen += [disk.read(folder / "one.tmp"), disk.names(folder), disk.names(root)]
    disk.create(folder / "two").close()
    disk.replace(folder / "one.tmp", folder / "two")
    disk.truncate(folder / "two", 3)
    seen += [disk.read(folder / "two"), disk.names(folder)]
    disk.create(folder / "two").close()
    seen.append(disk.read(folder / "two"))
    disk.remove(folder / "two")
    disk.remove(folder / "two")
    seen.append(disk.names(folder))
    wrong: list[tuple[Callable[[Path], object], Path]] = [
        (disk.read, folder / "two"),
        (disk.read, folder),
        (disk.create, folder),
        (disk.create, root / "none" / "x"),
    ]
    for call, path in wrong:
        with pytest.raises((FileNotFoundError, IsADirectoryError)) as caught:
            call(path)
        seen.append((type(caught.value), caught.value.errno))
    return seen


def test_it_behaves_like_the_real_disk(tmp_path: Path) -> None:
    """The same calls show the same things on both."""
    assert exercise(FakeDisk(), Path("/data")) == exercise(OsDisk(), tmp_path)


def test_what_was_synced_survives_and_only_that_must() -> None:
    """A crash keeps every synced byte, and any part of what followed."""
    disk, path = FakeDisk(), Path("/data/f")
    file = disk.create(path)
    file.append(b"safe")
    file.sync()
    disk.sync_folder(path.parent)
    file.append(b"risk")
    seen = draws(disk, path)
    assert {b"safe", b"saferisk", b"saferi", b"safe\0\0\0\0"} <= seen
    assert all(data is not None and data.startswith(b"safe") for data in seen)
    assert disk.crash(random.Random(1), keep=0).files()[path] == b"safe"
    assert disk.crash(random.Random(1), keep=1).files()[path] == b"saferisk"


def test_nuls_begin_at_a_sector() -> None:
    """A sector is written whole or not at all."""
    disk, path = FakeDisk(), Path("/data/f")
    file = disk.create(path)
    disk.sync_folder(path.parent)
    file.append(b"x" * 1200)
    nuls = {data.index(b"\0") for data in draws(disk, path) if data and b"\0" in data}
    assert nuls == {0, 512, 1024}


def test_names_survive_by_the_sync_of_their_folder_alone() -> None:
    """A synced file in an unsynced folder may be gone; a rename may be lost or kept."""
    disk, path = FakeDisk(), Path("/data/f")
    for data, name in ((b"old", "f"), (b"new", "f.tmp")):
        file = disk.create(path.with_name(name))
        file.append(data)
        file.sync()
        if name == "f":
            assert draws(disk, path) == {b"old", None}
            disk.sync_folder(path.parent)
    disk.replace(path.with_name("f.tmp"), path)
    assert draws(disk, path) == {b"old", b"new"}
    disk.sync_folder(path.parent)
    assert draws(disk, path) == {b"new"}
    disk.remove(path)
    assert draws(disk, path) == {b"new", None}


def test_changes_in_two_folders_survive_independently() -> None:
    """The later may be kept and the earlier lost."""
    disk, inner = FakeDisk(), Path("/data/wal")
    disk.make_folder(inner)
    disk.create(inner / "first").close()
    disk.create(Path("/data/second")).close()
    rng = random.Random(1)
    seen = {frozenset(path.name for path in disk.crash(rng).files()) for _ in range(100)}
    both = frozenset({"first", "second"})
    assert seen == {both, both - {"first"}, both - {"second"}, frozenset()}


def test_a_kill_loses_nothing_and_a_later_crash_still_may() -> None:
    """The end of a process leaves the page cache as it was: seen by all, synced by none."""
    disk, path = FakeDisk(), Path("/data/f")
    disk.create(path).append(b"risk")
    killed = disk.kill()
    assert killed.files() == {path: b"risk"}
    assert killed.crash(random.Random(1), keep=0).files() == {}


def test_a_full_disk_takes_a_part_and_works_again_with_room() -> None:
    """ENOSPC after a partial write; removing a file makes room."""
    disk, path = FakeDisk(), Path("/data/f")
    disk.write(path.with_name("ballast"), b"x" * 6)
    disk.capacity = 10
    file = disk.create(path)
    with pytest.raises(OSError, match="No space") as caught:
        file.append(b"123456")
    assert caught.value.errno == errno.ENOSPC
    assert disk.read(path) == b"1234"
    disk.remove(path.with_name("ballast"))
    file.append(b"56")
    assert disk.read(path) == b"123456"


def test_the_chosen_call_fails_and_no_other() -> None:
    """Faults are counted per method, and by the name of the file if that is given."""
    disk = FakeDisk()
    file, other = disk.create(Path("/data/f")), disk.create(Path("/data/g"))
    disk.fail("sync", errno.EIO, nth=2, name="f")
    for each in (file, other, other):
        each.sync()
    with pytest.raises(OSError, match="Input/output"):
        file.sync()
    file.sync()
    assert disk.count("sync") == 5
    assert disk.count("sync", "f") == 3


def test_equal_seeds_give_equal_crashes() -> None:
    """A failing seed must fail again."""
    disk = FakeDisk()
    for number in range(5):
        disk.create(Path(f"/data/{number}")).append(bytes(range(100)))
    one, other = disk.crash(random.Random(7)), disk.crash(random.Random(7))
    assert one.files() == other.files() != disk.crash(random.Random(8)).files()
