"""The file that an export is writing: FILE.kv-part, which becomes FILE in one step at the end.

Nobody finds half of an export under its name. What an earlier run has written is gone on with when
its bookmark proves it: what stands behind the last page that was complete is cut off, a torn line
included.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from xxhash import xxh3_128

from kvcluster.config import MIB
from kvcluster.terminal.bookmark import Bookmark
from kvcluster.terminal.pairs import Format, to_line, to_member

SUFFIX = ".kv-part"


class Part:
    """The file, open for writing. Every method may raise OSError."""

    def __init__(self, target: Path, kind: Format, about: Mapping[str, str]) -> None:
        self.path = target.with_name(target.name + SUFFIX)
        self.keys = 0
        self.last_key = ""
        self._target = target
        self._kind = kind
        self._about = about
        self._hash = xxh3_128()
        self._done = 0
        self._file = self.path.open("r+b" if self.path.exists() else "w+b", buffering=MIB)

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

    def write(self, key: str, value: str) -> int:
        """Append a pair; return how many bytes it took."""
        if self._kind is Format.JSONL:
            data = to_line(key, value)
        else:
            data = (b",\n" if self.keys else b"{\n") + to_member(key, value)
        self._append(data)
        self.keys += 1
        self.last_key = key
        return len(data)

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self._done += len(data)

    def mark(self) -> Bookmark:
        """The place behind all that was written, once it is in the file."""
        self._file.flush()
        digest = self._hash.hexdigest()
        return Bookmark(self._done, self.keys, self.keys, digest, self.last_key, self._about)

    def install(self) -> None:
        """End the file, and give it its name; it is on disk then."""
        if self._kind is Format.JSON:
            self._append(b"\n}\n" if self.keys else b"{}\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self.path.replace(self._target)
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Let go of it, and leave it where it is."""
        with contextlib.suppress(OSError):  # what could not be written was told before
            self._file.close()
