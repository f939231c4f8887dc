"""A disk in memory that may do everything that a real one may do.

It knows two states of each thing, what a process sees and what would survive a power cut, and all
the steps between them:

- the bytes of a file survive up to its last `sync`; of the writes after it any number may, in
  order, and the first that does not may be torn at any byte, or have its length survive without
  its bytes (NULs from a sector boundary on);
- a name in a folder survives once `sync_folder` was called for that folder. Of the creations,
  renames and removals after it each may survive or not, whatever became of the others. That is
  harsher than any file system we know, and what POSIX allows.

`crash` returns the disk as a power cut would leave it, `kill` as the end of the process would:
both are new disks, and the old one goes on. So a test can look at *every* moment of a run by
taking a crash in `after`, which is called behind each operation, and need run only once.

Deterministic: whatever is drawn comes from the `random.Random` that is passed.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kvcluster.storage.disk import DiskThread
from tests.storage.fake_files import Contents, Folder
from tests.storage.virtual_loop import VirtualLoop, VirtualThread


@dataclass
class _Fault:
    method: str
    error: int
    countdown: int
    part_of_name: str


class FakeFile:
    """A file of the fake disk, open for appending. See kvcluster.storage.disk.File."""

    def __init__(self, disk: FakeDisk, path: Path, contents: Contents) -> None:
        self._disk = disk
        self._path = path
        self._contents = contents
        self._open = True

    def append(self, data: bytes) -> None:
        """See File."""
        self._check_open()
        with self._disk.operation("append", self._path):
            room = self._disk.room()
            if room is not None and len(data) > room:
                self._contents.change(bytes(data[: max(room, 0)]))
                raise _error(errno.ENOSPC, self._path)
            self._contents.change(bytes(data))

    def sync(self) -> None:
        """See File."""
        self._check_open()
        with self._disk.operation("sync", self._path):
            self._contents.sync()

    def truncate(self, size: int) -> None:
        """See File."""
        self._check_open()
        with self._disk.operation("cut", self._path):
            self._contents.change(size)

    def close(self) -> None:
        """See File."""
        self._check_open()
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise _error(errno.EBADF, self._path)


class _Operation:
    """One operation: counted, perhaps refused, and followed by `after`."""

    def __init__(self, disk: FakeDisk, method: str, path: Path) -> None:
        self._disk, self._method, self._path = disk, method, path

    def __enter__(self) -> None:
        self._disk.mutex.acquire()
        try:
            self._disk.begin(self._method, self._path)
        except BaseException:
            self._disk.mutex.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._disk.mutex.release()
        if self._disk.after:
            self._disk.after(self._method, self._path)


class FakeDisk:
    """See the module, and kvcluster.storage.disk.Disk. `root` is a folder that is there."""

    def __init__(self, root: Path = Path("/data")) -> None:
        self._folders = {root: Folder(named=True)}
        self._locks: set[Path] = set()
        self._faults: list[_Fault] = []
        self.mutex = threading.RLock()
        self.root = root
        self.capacity: int | None = None
        """How many bytes fit; None: any number. Appends past it are written in part, and fail."""
        self.calls: list[tuple[str, Path]] = []
        """Every operation that was tried: its method ("sync", "append", ...) and path."""
        self.after: Callable[[str, Path], None] | None = None
        """Called behind each operation, failed ones included, in the thread that did it."""

    # ------------------------------------------------------------ what a test does

    def crash(self, rng: random.Random, keep: float = 0.5) -> FakeDisk:
        """The disk after a power cut. `keep` is the chance of each unsynced thing to survive."""
        with self.mutex:
            left = FakeDisk(self.root)
            left.capacity = self.capacity
            survivors: dict[int, Contents] = {}
            for path, folder in sorted(self._folders.items()):
                if not folder.named and rng.random() >= keep:
                    continue
                if path != self.root and path.parent not in left._folders:
                    continue
                names = folder.survivor(rng, keep)
                for contents in names.values():
                    if id(contents) not in survivors:
                        data = contents.survivor(rng, keep)
                        survivors[id(contents)] = Contents(data, bytearray(data))
                names = {name: survivors[id(contents)] for name, contents in names.items()}
                left._folders[path] = Folder(names, dict(names), named=True)
            return left

    def kill(self) -> FakeDisk:
        """The disk after the end of the process: nothing is lost, nothing more is synced."""
        with self.mutex:
            left = FakeDisk(self.root)
            left.capacity = self.capacity
            twins: dict[int, Contents] = {}  # the same contents may stand under several names
            left._folders = {path: each.twin(twins) for path, each in self._folders.items()}
            return left

    def fail(self, method: str, error: int, nth: int = 1, name: str = "") -> None:
        """Make the nth call of a method from now fail, of those on files whose name has `name`."""
        self._faults.append(_Fault(method, error, nth, name))

    def mend(self) -> None:
        """Make room without end, and let nothing fail any more."""
        self.capacity = None
        self._faults.clear()

    def write(self, path: Path, data: bytes) -> None:
        """Put a file there, durably, as a person or a broken disk would."""
        contents = Contents(data, bytearray(data))
        folder = self._folder(path.parent)
        folder.current[path.name] = folder.durable[path.name] = contents

    def files(self) -> dict[Path, bytes]:
        """Every file and its bytes, as a process sees them."""
        return {
            path / name: bytes(contents.current)
            for path, folder in sorted(self._folders.items())
            for name, contents in sorted(folder.current.items())
        }

    def count(self, method: str, name: str = "") -> int:
        """How often a method was called on files whose name has `name`."""
        return sum(1 for called, path in self.calls if called == method and name in path.name)

    def room(self) -> int | None:
        """How many bytes fit now."""
        if self.capacity is None:
            return None
        return self.capacity - sum(len(data) for data in self.files().values())

    # ------------------------------------------------------------ Disk

    def read(self, path: Path) -> bytes:
        """See Disk."""
        with self.operation("read", path):
            return bytes(self._existing(path).current)

    def lock(self, path: Path) -> None:
        """See Disk."""
        with self.operation("lock", path):
            if path in self._locks:
                raise BlockingIOError(f"{path} is locked")
            self._locks.add(path)

    def names(self, folder: Path) -> list[str]:
        """See Disk."""
        with self.operation("names", folder):
            here = self._folders.get(folder, Folder())
            inside = [path.name for path in self._folders if path.parent == folder != path]
            return sorted([*here.current, *inside])

    def make_folder(self, folder: Path) -> None:
        """See Disk."""
        if folder in self._folders:
            return
        self.make_folder(folder.parent)
        with self.operation("make_folder", folder):
            self._folders[folder] = Folder()
        self.sync_folder(folder.parent)

    def create(self, path: Path) -> FakeFile:
        """See Disk. What was there is cut to nothing, as O_TRUNC does."""
        with self.operation("create", path):
            folder = self._folder(path.parent)
            self._refuse_folder(path)
            if path.name in folder.current:
                folder.current[path.name].change(0)
            else:
                folder.change({path.name: Contents()})
            return FakeFile(self, path, folder.current[path.name])

    def replace(self, source: Path, target: Path) -> None:
        """See Disk."""
        assert source.parent == target.parent, "a rename between folders has no order at a crash"
        with self.operation("replace", target):
            self._refuse_folder(target)
            contents = self._existing(source)
            self._folder(source.parent).change({source.name: None, target.name: contents})

    def remove(self, path: Path) -> None:
        """See Disk."""
        with self.operation("remove", path):
            folder = self._folders.get(path.parent)
            if folder and path.name in folder.current:
                folder.change({path.name: None})

    def sync_folder(self, folder: Path) -> None:
        """See Disk."""
        with self.operation("sync_folder", folder):
            self._folder(folder).sync()
            for path, inner in self._folders.items():
                if path.parent == folder:
                    inner.named = True

    def truncate(self, path: Path, size: int) -> None:
        """See Disk."""
        with self.operation("truncate", path):
            contents = self._existing(path)
            contents.change(size)
            contents.sync()

    def thread(self, name: str) -> DiskThread:
        """See Disk."""
        loop = asyncio.get_running_loop()
        return VirtualThread(loop) if isinstance(loop, VirtualLoop) else DiskThread(name)

    # ------------------------------------------------------------ inside

    def operation(self, method: str, path: Path) -> _Operation:
        """What every operation happens in."""
        return _Operation(self, method, path)

    def begin(self, method: str, path: Path) -> None:
        """Count an operation; fail it if a test wants that."""
        self.calls.append((method, path))
        for fault in list(self._faults):
            if fault.method == method and fault.part_of_name in path.name:
                fault.countdown -= 1
                if fault.countdown == 0:
                    self._faults.remove(fault)
                    raise _error(fault.error, path)

    def _folder(self, path: Path) -> Folder:
        if path not in self._folders:
            raise _error(errno.ENOENT, path)
        return self._folders[path]

    def _existing(self, path: Path) -> Contents:
        self._refuse_folder(path)
        folder = self._folder(path.parent)
        if path.name not in folder.current:
            raise _error(errno.ENOENT, path)
        return folder.current[path.name]

    def _refuse_folder(self, path: Path) -> None:
        if path in self._folders:
            raise _error(errno.EISDIR, path)


def _error(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))
