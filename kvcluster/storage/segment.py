"""A segment: one file of the journal, and the rules for writing to a disk that may fail.

Invariant: the file is whole frames from its start to `_size_bytes`, and a frame is behind that
mark only once it is as durable as it will ever be. What follows the mark, if anything, is one
write that failed, and it is cut off before anything else happens.

A full disk passes, a broken one does not, so the two leave this file as two errors: `DiskIsFull`
after the torn frame was cut, `DiskFailed` for all the rest. A failed sync is always final: Linux
marks the pages clean, and the next sync succeeds without having written them.

A segment is never opened a second time. A start begins a new one, so nothing is ever appended
behind bytes that another life left there.

Everything here blocks; the journal calls it in its thread, but for the first segment of a life,
which is opened before anybody is served.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kvcluster.errors import DiskFailed, DiskIsFull
from kvcluster.model.timings import Timings
from kvcluster.storage.disk import Disk, is_full

SEGMENT_PREFIX = "journal-"


def segment_name(number: int) -> str:
    """The file name of a segment. Numbers only grow."""
    return f"{SEGMENT_PREFIX}{number:08d}"


class Segment:
    """An open segment, empty at first. Its name is durable before anything is written to it."""

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        number: int,
        *,
        syncs: Timings,
        now_s: Callable[[], float],
    ) -> None:
        self.number = number
        self._name = segment_name(number)
        self._folder = folder
        self._syncs = syncs
        self._now_s = now_s
        self._file = disk.create(folder / self._name)
        self._size_bytes = 0
        self._tail = False  # something may follow the mark: a write that failed, and was not cut
        try:
            disk.sync_folder(folder)
        except OSError as error:
            self._file.close()
            raise DiskFailed(f"fsync of folder {folder} failed: {error}") from error

    def append(self, frame: bytes, *, sync: bool) -> None:
        """Add a frame, or leave no trace of it. Raises DiskIsFull, DiskFailed."""
        self._write(frame)
        if sync:
            self.sync()
        self._size_bytes += len(frame)
        self._tail = False

    def probe(self, size_bytes: int) -> None:
        """Learn whether there is room for so much. Raises DiskIsFull, DiskFailed.

        A crash in the middle leaves NULs, which the next start cuts off as a torn tail.
        """
        self._write(bytes(size_bytes))
        self._cut()

    def sync(self) -> None:
        """Make everything written so far durable, cuts included. Raises DiskFailed."""
        started_s = self._now_s()
        try:
            self._file.sync()
        except OSError as error:
            raise DiskFailed(f"fsync of {self._name} failed: {error}") from error
        self._syncs.add(self._now_s() - started_s)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        assert not self._tail, "nobody could read what stands behind a torn frame"
        self._tail = True
        try:
            self._file.append(data)
        except OSError as error:
            if not is_full(error):
                raise DiskFailed(f"cannot write {self._name}: {error}") from error
            self._cut()
            raise DiskIsFull(f"the disk under {self._folder} filled up") from error

    def _cut(self) -> None:
        try:
            self._file.truncate(self._size_bytes)
        except OSError as error:
            raise DiskFailed(f"cannot cut a torn frame off {self._name}: {error}") from error
        self._tail = False
