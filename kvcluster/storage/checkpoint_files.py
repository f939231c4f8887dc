"""The files of one checkpoint: written under temporary names, then installed.

    1  both temporary files, whole and synced
    2  rename versions to versions-n      (the old JSON still has its old versions)
    3  rename the JSON                    (from here on, n is the start)
    4  remove older versions and segments

Each line is durable before the next begins. The two files live in two folders, and a power cut may
keep what happened in one and take back what happened in the other; so each folder is synced on
its own, in this order.

Everything here blocks; the checkpoint runs it in its thread.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from kvcluster.errors import DiskFailed
from kvcluster.storage.disk import Disk, File, is_full, numbers_of
from kvcluster.storage.segment import SEGMENT_PREFIX, segment_name
from kvcluster.storage.versions import (
    VERSIONS_PREFIX,
    encode_footer,
    json_hasher,
    versions_name,
)

from demo_pb2 import VersionsFooter

TEMPORARY_SUFFIX = ".tmp"


class Output:
    """The JSON and the versions file of one checkpoint. Every method may raise OSError.

    On OSError: call `discard`, and all is as it was before.
    """

    def __init__(
        self, disk: Disk, json_path: Path, folder: Path, *, segment: int, sync_bytes: int
    ) -> None:
        self._disk = disk
        self._json_path = json_path
        self._versions_path = folder / versions_name(segment)
        self._sync_bytes = sync_bytes
        self._hasher = json_hasher()
        self._unsynced_bytes = 0
        self._files: list[File] = []
        self.size_bytes = 0
        """Of both files, as far as they are written."""

    def create(self) -> None:
        """Open both temporary files."""
        for path in (self._json_path, self._versions_path):
            self._files.append(self._disk.create(_temporary(path)))

    def append(self, json: bytes, versions: bytes) -> None:
        """Write a part of both; sync now and then, so that no large write-back piles up."""
        self._hasher.update(json)
        for file, data in zip(self._files, (json, versions), strict=True):
            file.append(data)
        self._unsynced_bytes += len(json) + len(versions)
        self.size_bytes += len(json) + len(versions)
        if self._unsynced_bytes >= self._sync_bytes:
            self._sync()

    def finish(self, json: bytes, footer: VersionsFooter) -> None:
        """Write the ends and make both files durable."""
        self._hasher.update(json)
        footer.json_hash = self._hasher.digest()
        self.append(b"", encode_footer(footer))
        self._files[0].append(json)
        self.size_bytes += len(json)
        self._sync()

    def install(self) -> None:
        """Give both files their names, the versions first. Raises DiskFailed, too."""
        assert not self._unsynced_bytes, "a power cut would leave a name without its bytes"
        for path in (self._versions_path, self._json_path):
            self._disk.replace(_temporary(path), path)
            try:
                self._disk.sync_folder(path.parent)
            except OSError as error:
                raise DiskFailed(f"fsync of folder {path.parent} failed: {error}") from error

    def discard(self) -> None:
        """Leave nothing behind, as far as the disk lets us.

        The versions go even under their own name: the old JSON does not need them, and a disk on
        which checkpoints keep failing must not fill up with them.
        """
        for path in (_temporary(self._json_path), _temporary(self._versions_path)):
            _remove(self._disk, path)
        _remove(self._disk, self._versions_path)

    def close(self) -> None:
        """Close both files."""
        while self._files:
            self._files.pop().close()

    def _sync(self) -> None:
        self._unsynced_bytes = 0
        try:
            for file in self._files:
                file.sync()
        except OSError as error:
            if is_full(error):
                raise  # both files are thrown away, so this sync is never retried
            raise DiskFailed(f"fsync of a checkpoint failed: {error}") from error


def remove_older(disk: Disk, folder: Path, segment: int) -> None:
    """Remove what a new checkpoint made useless. What stays is skipped at the next start.

    The versions go first: a versions file whose journal has gaps would look like damage.
    """
    names = disk.names(folder)
    for number in numbers_of(names, VERSIONS_PREFIX):
        if number != segment:
            _remove(disk, folder / versions_name(number))
    for number in numbers_of(names, SEGMENT_PREFIX):
        if number < segment:
            _remove(disk, folder / segment_name(number))


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + TEMPORARY_SUFFIX)


def _remove(disk: Disk, path: Path) -> None:
    with contextlib.suppress(OSError):
        disk.remove(path)
