"""The disk, as small as storage needs it: one interface, so that tests can have a bad one.

`OsDisk` is the real one. The tests' fake forgets what was not synced, tears the last write, runs
full and fails an fsync; storage must keep its promises on both, so everything that touches a file
goes through here. Calls block, so a node that serves makes them in a thread (`DiskThread`), which
is the disk's, too: in virtual time there are no threads, and a fake disk does the work in the loop.

Every write that is to survive takes two syncs: of the file, for its bytes, and of the folder, for
its name. A file renamed without the first came back from a power cut with 0 bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import re
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

_EIGHT_DIGITS = re.compile("[0-9]{8}")
FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_LOCK_ERRNOS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK})
_NO_SYNC_ERRNOS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})


def is_full(error: OSError) -> bool:
    """Whether an error means "no room" (which passes) rather than "broken" (which does not)."""
    return error.errno in FULL_ERRNOS


def numbers_of(names: Sequence[str], prefix: str) -> list[int]:
    """The numbers of the files called prefix + eight digits, in order; others are left out.

    Copies of damaged files, whose names go on after the number, are others.
    """
    tails = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    return sorted(int(tail) for tail in tails if _EIGHT_DIGITS.fullmatch(tail))


class File(Protocol):
    """A file open for appending."""

    def append(self, data: bytes) -> None:
        """Write all of data at the end. On OSError, part of it may have been written."""

    def sync(self) -> None:
        """Return when every byte written so far would survive a power cut."""

    def truncate(self, size: int) -> None:
        """Cut the file to its first `size` bytes; the next append goes there."""

    def close(self) -> None:
        """Close without syncing."""


class Disk(Protocol):
    """Files and folders. Every method may raise OSError."""

    def read(self, path: Path) -> bytes:
        """All bytes of a file; FileNotFoundError if there is none."""

    def lock(self, path: Path) -> None:
        """Hold a lock file until the process ends; BlockingIOError if another process does."""

    def names(self, folder: Path) -> list[str]:
        """Names in a folder, sorted; empty if there is no such folder."""

    def make_folder(self, folder: Path) -> None:
        """Make a folder, its parents too, unless it is there; the names of new ones are synced."""

    def create(self, path: Path) -> File:
        """Open an empty file for appending, replacing what is there."""

    def replace(self, source: Path, target: Path) -> None:
        """Rename in one step, replacing the target."""

    def remove(self, path: Path) -> None:
        """Remove a file; nothing happens if it is not there."""

    def sync_folder(self, folder: Path) -> None:
        """Make creations, renames and removals in a folder survive a power cut."""

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file to its first `size` bytes and sync it."""

    def thread(self, name: str) -> DiskThread:
        """A new thread to do such things in, for who is in an event loop."""


PRIVATE, PRIVATE_FOLDER = 0o600, 0o700
"""What is stored is for the user who runs the node."""
Then = Callable[[Any, "BaseException | None"], object]
"""Takes what some work gave, or the error in which it ended."""


class DiskThread:
    """A thread of its own for what blocks: the event loop goes on meanwhile. Make it in the loop.

    Rejected: an executor of one thread. It makes a future for the thread and another for the loop,
    with a lock and a condition, for each piece of work. (A lone write through three nodes in one
    process: 0.94 of its processor time without, with the journal's callbacks.)
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: SimpleQueue[tuple[Callable[[], Any], Then] | None] = SimpleQueue()
        # A daemon, so that a disk that hangs does not keep a process that wants to end.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def hand_over(self, work: Callable[[], Any], then: Then) -> None:
        """Have something done there, behind what was asked for before; then call `then` here."""
        self._waiting.put((work, then))

    async def do(self, work: Callable[..., T], *arguments: object) -> T:
        """The same for who waits."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.hand_over(partial(work, *arguments), partial(_settle, done))
        return await done

    def end(self) -> None:
        """Return when it has done everything."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while asked := self._waiting.get():
            work, then = asked
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(then, *attempt(work))
            del asked, work, then  # or what it was would live until the next


def attempt(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """What some work gives, or the error in which it ends."""
    try:
        return work(), None
    except BaseException as error:
        return None, error


def _settle(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.done():
        return  # who waited has left
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)


class OsFile:
    """A real file, written with as few system calls as there are appends."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._fd = os.open(path, flags, PRIVATE)

    def append(self, data: bytes) -> None:
        """See File."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def sync(self) -> None:
        """See File. fdatasync still writes the file's new size, which is all we need."""
        _datasync(self._fd)

    def truncate(self, size: int) -> None:
        """See File."""
        os.ftruncate(self._fd, size)

    def close(self) -> None:
        """See File."""
        os.close(self._fd)


class OsDisk:
    """The disk of this machine.

    Folders stay open, from their lock or their first sync on. Clients take as many open files as
    there are, and a file that was made and whose name cannot be synced would end the node.

    A lock is the system's, on an open file, so it ends with its process, however that ends. Where a
    file system has no such locks we refuse to work. Rejected: a lock that is a mere file instead
    (`filelock` does so). It outlives a kill, and who then takes it for a leftover may be wrong.
    """

    def __init__(self) -> None:
        self._locks: list[int] = []
        self._folders: dict[Path, int] = {}
        weakref.finalize(self, _close_all, self._locks, self._folders)

    def lock(self, path: Path) -> None:
        """See Disk."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._opened(path.parent)
        except OSError as error:
            os.close(fd)
            lacks = "has no locks that would keep a second server off these files"
            raise _unfit(error, path.parent, _NO_LOCK_ERRNOS, lacks) from error
        self._locks.append(fd)

    def read(self, path: Path) -> bytes:
        """See Disk."""
        return path.read_bytes()

    def names(self, folder: Path) -> list[str]:
        """See Disk."""
        try:
            return sorted(os.listdir(folder))  # noqa: PTH208 - names are wanted, not paths
        except FileNotFoundError:
            return []

    def make_folder(self, folder: Path) -> None:
        """See Disk."""
        if not folder.is_dir():
            self.make_folder(folder.parent)
            folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
            self.sync_folder(folder.parent)

    def create(self, path: Path) -> OsFile:
        """See Disk."""
        return OsFile(path)

    def replace(self, source: Path, target: Path) -> None:
        """See Disk."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """See Disk."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()

    def sync_folder(self, folder: Path) -> None:
        """See Disk."""
        try:
            _sync(self._opened(folder))
        except OSError as error:
            lacks = "cannot sync a folder, so a power cut would take files back"
            raise _unfit(error, folder, _NO_SYNC_ERRNOS, lacks) from error

    def thread(self, name: str) -> DiskThread:
        """See Disk."""
        return DiskThread(name)

    def _opened(self, folder: Path) -> int:
        if folder not in self._folders:
            self._folders[folder] = os.open(folder, os.O_RDONLY)
        return self._folders[folder]

    def truncate(self, path: Path, size: int) -> None:
        """See Disk."""
        fd = os.open(path, os.O_WRONLY)
        try:
            os.ftruncate(fd, size)
            _sync(fd)
        finally:
            os.close(fd)


def _close_all(locks: Sequence[int], folders: Mapping[Path, int]) -> None:
    for fd in (*locks, *folders.values()):
        os.close(fd)


def _unfit(error: OSError, folder: Path, errnos: frozenset[int], lacks: str) -> OSError:
    """The same error with a name; and with what to do, if it says what the file system lacks."""
    if error.errno not in errnos:
        return OSError(error.errno, error.strerror, error.filename or str(folder))
    why = f"its file system {lacks} ({error.strerror}); choose a local one with --data-dir"
    return OSError(error.errno, why, str(folder))


if sys.platform == "darwin":
    # macOS has no fdatasync, and its fsync leaves the bytes in the drive's cache.
    def _sync(fd: int) -> None:
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)

    _datasync = _sync
else:
    _sync = os.fsync
    _datasync = os.fdatasync
