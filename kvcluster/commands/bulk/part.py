"""The file that an export is writing: FILE.kv-part, which becomes FILE in one step at the end.

What is compressed is so from page to page: each ends a member of its own, as gzip calls it, which
every reader of such files puts together. So such a file can be cut behind a page like any other.

Nobody finds half of an export under its name. What an earlier run has written is kept when its
bookmark proves it, and the export continues there: what stands behind the last page that was
complete is cut off, a torn line included.

What takes the place of a file is as that was: of its mode and, if we may, of its owner and group.
Until then it is for nobody else, since it may hold what was kept from them.
"""

from __future__ import annotations

import contextlib
import os
import stat
import zlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from xxhash import xxh3_128

from kvcluster.commands.bulk import rows
from kvcluster.commands.bulk.bookmark import Bookmark
from kvcluster.commands.bulk.formats import Format
from kvcluster.commands.bulk.pairs import to_line, to_member
from kvcluster.commands.bulk.reading import BINARY
from kvcluster.config import MIB
from kvcluster.console.screen import file_name

SUFFIX = ".kv-part"
_GZIP_BITS = 31
"""What zlib calls gzip, with the largest window."""
_HAS_OWNERS = hasattr(os, "fchown")
_EVERYBODY, _PRIVATE = 0o666, 0o600
"""Modes, of which the umask takes some."""


class Part:
    """The file, open for writing. Every method may raise OSError."""

    def __init__(
        self,
        target: Path,
        kind: Format,
        about: Mapping[str, str],
        replaces: os.stat_result | None = None,
        *,
        packed: bool = False,
    ) -> None:
        """`replaces`: what stands under that name, if anything does. `packed`: compress it."""
        self.path = target.with_name(target.name + SUFFIX)
        self.name = file_name(str(self.path))
        """As a sentence calls it."""
        self.keys = 0
        self.last_key = ""
        self._target = target
        self._kind = kind
        self._packer = zlib.compressobj(wbits=_GZIP_BITS) if packed else None
        self._about = about
        self._hash = xxh3_128()
        self._done = 0
        self._replaces = replaces
        mode = _EVERYBODY if replaces is None else _PRIVATE
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | BINARY, mode)
        self._file = os.fdopen(descriptor, "r+b", buffering=MIB)
        if replaces is not None and _HAS_OWNERS:
            os.fchmod(descriptor, _PRIVATE)  # it may be there from an earlier run

    def go_on(self, mark: Bookmark) -> bool:
        """Continue behind the bookmark, if what stands before it is what was written."""
        left = mark.done
        while left and (data := self._file.read(min(left, MIB))):
            self._hash.update(data)
            left -= len(data)
        if left or self._hash.hexdigest() != mark.digest:
            self._hash.reset()
            return False
        self.keys, self.last_key, self._done = mark.keys, mark.last_key, mark.done
        return True

    def begin(self) -> None:
        """Cut off whatever stands behind the place where it goes on."""
        self._file.seek(self._done)
        self._file.truncate()
        if self._kind is Format.CSV and not self._done:
            self._append(rows.HEADER)

    def write(self, key: str, value: str, expires_at: datetime | None = None) -> int:
        """Append a pair; return how many bytes it took before it was packed."""
        if self._kind is Format.JSON:
            data = (b",\n" if self.keys else b"{\n") + to_member(key, value)
        elif self._kind is Format.CSV:
            data = rows.to_row(key, value)
        else:
            data = to_line(key, value, expires_at)
        self._append(data)
        self.keys += 1
        self.last_key = key
        return len(data)

    def _append(self, data: bytes) -> None:
        self._put(data if self._packer is None else self._packer.compress(data))

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self._done += len(data)

    def _end_page(self) -> None:
        if self._packer is not None:
            self._put(self._packer.flush())
            self._packer = zlib.compressobj(wbits=_GZIP_BITS)
        self._file.flush()

    def mark(self) -> Bookmark:
        """The place behind all that was written, once it is in the file."""
        self._end_page()
        digest = self._hash.hexdigest()
        return Bookmark(self._done, self.keys, self.keys, digest, self.last_key, self._about)

    def install(self) -> None:
        """End the file, and give it its name; it is on disk then."""
        if self._kind is Format.JSON:
            self._append(b"\n}\n" if self.keys else b"{}\n")
        self._end_page()
        if self._replaces is not None and _HAS_OWNERS:
            _make_alike(self._file, self._replaces)
        os.fsync(self._file.fileno())
        self._file.close()
        self.path.replace(self._target)
        if not _HAS_OWNERS:
            return  # Windows, where a folder cannot be opened either
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        """Leave nothing of it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of it, and leave it where it is."""
        with contextlib.suppress(OSError):  # what could not be written was told before
            self._file.close()


def _make_alike(file: BinaryIO, other: os.stat_result) -> None:
    """Give a file the group, owner and mode of another, as far as we may."""
    mode = stat.S_IMODE(other.st_mode)
    for owner in (other.st_uid, -1):  # only root may give it to somebody else
        with contextlib.suppress(PermissionError):
            os.fchown(file.fileno(), owner, other.st_gid)
            break
    else:
        mode &= ~stat.S_IRWXG  # what that group might do is not for ours
    os.fchmod(file.fileno(), mode)
