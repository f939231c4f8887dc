"""The real disk: what only a real one can do."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from kvcluster.errors import CannotStart
from kvcluster.storage.disk import OsDisk, is_full, numbers_of
from tests.storage.life import Life

HOLDER = """
import sys
from pathlib import Path
from kvcluster.storage.disk import OsDisk
disk = OsDisk()
disk.lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""

DISKS: list[OsDisk] = []


def life(path: Path) -> Life:
    """A life on the real disk, where locks of earlier lives have ended with them."""
    while DISKS:
        disk = DISKS.pop()
        while disk._locks:
            os.close(disk._locks.pop())
    DISKS.append(OsDisk())
    return Life(DISKS[-1], path=path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A JSON file to be, in a data folder that is not there yet."""
    return tmp_path / "new" / "folder" / "data_node_50051.json"


async def test_a_store_lives_on_a_real_disk(path: Path) -> None:
    """Start, write, stop, start again: real files, real threads."""
    first = life(path)
    async with first:
        for number in range(50):
            await first.put(f"k{number}", f"value {number}")
        await first.delete("k7")
        await first.checkpointed()
    expected = {f"k{number}": f"value {number}" for number in range(50) if number != 7}
    assert orjson.loads(OsDisk().read(path)) == expected
    assert life(path).data() == expected


@contextmanager
def no_open_file_left() -> Iterator[None]:
    """Somebody else has taken all that there are."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    try:
        highest = max(int(each.name) for each in Path("/dev/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 5, limits[1]))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for each in taken:
            os.close(each)


async def test_without_open_files_a_node_goes_on(path: Path) -> None:
    """A segment that was made with the last of them, and could not be synced, ended the node."""
    async with life(path) as one:
        await one.put("k", "v")
        await one.checkpointed()
        disk = DISKS[-1]
        with no_open_file_left():
            with pytest.raises(OSError, match="Too many open files"):
                disk.create(path.with_name("another"))
            disk.sync_folder(path.parent)
            disk.sync_folder(path.with_suffix(".wal"))
            await one.put("l", "w")
        await one.checkpointed()
    assert orjson.loads(OsDisk().read(path)) == {"k": "v", "l": "w"}


async def test_a_killed_process_leaves_its_writes(path: Path) -> None:
    """Whatever was acknowledged before the end is there, with no clean stop."""
    first = life(path)
    await first.__aenter__()
    for number in range(20):
        await first.put("k", str(number))
    await first.end()
    assert life(path).data() == {"k": "19"}


@pytest.fixture
def held(path: Path) -> Iterator[Path]:
    """The path of a store whose lock another process holds."""
    folder = path.with_suffix(".wal")
    folder.mkdir(parents=True)
    command = [sys.executable, "-c", HOLDER, str(folder / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield path
        process.kill()
    assert life(path).data() == {}, "a lock ends with its process, nobody has to remove a file"


def test_files_locked_by_another_process_are_in_use(held: Path) -> None:
    """Two servers on one data folder, and the second one says so."""
    with pytest.raises(CannotStart, match="in use by another server"):
        life(held)


@pytest.mark.parametrize("lacking", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_a_file_system_without_locks_is_a_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch, lacking: int
) -> None:
    """Nothing there would keep a second server off the files; a mere file as a lock did not."""

    def flock(*_: object) -> None:
        raise OSError(lacking, os.strerror(lacking))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(CannotStart) as refused:
        life(path)
    assert str(refused.value) == (
        f"cannot use {path.with_suffix('.wal')}: its file system has no locks that would keep a"
        f" second server off these files ({os.strerror(lacking)}); choose a local one with"
        " --data-dir"
    )


def test_a_file_system_without_synced_folders_is_a_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network folders of some kinds: a new file there may be gone after a power cut."""

    def sync(_: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr("kvcluster.storage.disk._sync", sync)
    with pytest.raises(CannotStart) as refused:
        life(path)
    assert str(refused.value) == (
        f"cannot use {path.parent.parent.parent}: its file system cannot sync a folder, so a power"
        " cut would take files back (Invalid argument); choose a local one with --data-dir"
    )


def test_an_error_of_the_lock_is_told_as_what_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every lock that cannot be had is held by another server."""

    def flock(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(CannotStart, match=r"cannot use .*\.wal: Input/output error$"):
        life(path)


def test_a_json_that_is_a_folder_is_a_sentence(path: Path) -> None:
    """Exit code 2, no traceback."""
    path.mkdir(parents=True)
    with pytest.raises(CannotStart, match=r"data_node_50051.json: Is a directory"):
        life(path)


def test_a_journal_folder_that_is_a_file_is_a_sentence(path: Path) -> None:
    """Somebody put a file where the folder belongs."""
    path.parent.mkdir(parents=True)
    path.with_suffix(".wal").write_text("")
    with pytest.raises(CannotStart, match=r"data_node_50051.wal: it is not a folder"):
        life(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_a_sentence(path: Path) -> None:
    """The folder is there, but is not ours."""
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o500)
    with pytest.raises(CannotStart, match="Permission denied"):
        life(path)
    path.parent.chmod(0o700)


def test_appends_go_behind_a_cut(tmp_path: Path) -> None:
    """After a truncate the next append stands at the new end, with no hole of NULs."""
    disk = OsDisk()
    file = disk.create(tmp_path / "f")
    file.append(b"whole")
    file.append(b"torn")
    file.truncate(5)
    file.append(b"next")
    file.sync()
    file.close()
    assert disk.read(tmp_path / "f") == b"wholenext"


def test_a_full_device_is_known_by_its_error() -> None:
    """ENOSPC passes; a read-only or broken disk does not."""
    full = OsDisk().create(Path("/dev/full"))
    with pytest.raises(OSError, match="No space") as caught:
        full.append(b"x")
    full.close()
    assert is_full(caught.value)
    assert not is_full(PermissionError())


def test_numbers_are_those_of_exact_names() -> None:
    """Copies, temporary files and strangers are not."""
    names = ["j-00000002", "j-00000010", "j-00000010.tmp", "j-3", "j-²²²²²²²²", "j-00000004.bad-1"]
    assert numbers_of(names, "j-") == [2, 10]
