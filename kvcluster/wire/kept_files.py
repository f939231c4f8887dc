"""Kept files: what was read from files, and is read again when they change.

Certificates are renewed, tokens are added, secrets are swapped, and no node or program should have
to start anew for it. So whoever uses such files asks here what they say now. They are looked at
when somebody asks, and once a second at most; it costs a `stat` each.

What was good stays in force while what is there now is not: a file that is written in place, is
half there, or away, or a key and a certificate between two renames. That is told once for each
state of the files, and so is the next change that is good.

Files are changed in one go by renaming new ones over the old ones. Their inode is part of what is
compared, so a copy with an old date is seen as well.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
Stamp = tuple[tuple[int, ...], ...]

_LOOK_S = 1.0


class KeptFiles(Generic[T]):
    """Some files, and what they say together. In any thread."""

    def __init__(
        self, paths: Sequence[Path], parse: Callable[[], T], tell: Callable[[str], None]
    ) -> None:
        """`parse` reads them. Raises OSError, or ValueError as `parse` does, if they are no good.

        `tell` is given a sentence when they change.
        """
        self._paths = tuple(paths)
        self._parse = parse
        self._tell = tell
        self._lock = threading.Lock()
        self._looked_s = time.monotonic()
        self._stamp = self._look()
        self._value = parse()
        self.changes = 0
        """How often they were read again, and were good."""

    def now(self) -> T:
        """What they say now, or said when they were good last."""
        if time.monotonic() - self._looked_s >= _LOOK_S:
            with self._lock:
                self._read_again()
        return self._value

    def _read_again(self) -> None:
        self._looked_s = time.monotonic()
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        names = ", ".join(map(str, self._paths))
        try:
            value = self._parse()
            if self._look() != stamp:
                self._stamp = ()  # it changed meanwhile: look again
                return
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            self._tell(f"{names}: {why}; what was read before stays in force")
            return
        self._value = value
        self.changes += 1
        self._tell(f"{names}: read again, and in force from now on")

    def _look(self) -> Stamp:
        return tuple(_stamp_of(path) for path in self._paths)


def _stamp_of(path: Path) -> tuple[int, ...]:
    """What changes when a file does; empty if it cannot be looked at."""
    try:
        it = path.stat()
    except OSError:
        return ()
    return (it.st_mtime_ns, it.st_ctime_ns, it.st_size, it.st_ino, it.st_dev)
