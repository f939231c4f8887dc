"""A disk that is full, for real: a small file system of its own, and a limit on file sizes.

The file system needs root. The limit needs none: the kernel writes what still fits and then says
EFBIG, which a node takes for "no room" just as ENOSPC. It can be set on a process that runs, and
taken back. Each has a word that says why this machine cannot do it, if it cannot.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class SmallDisk:
    """A file system that can be filled and emptied, mounted while the context lasts."""

    def __init__(self, folder: Path, size_kib: int) -> None:
        self.folder = folder
        self._size_kib = size_kib
        self._ballast = folder / "ballast"

    def __enter__(self) -> SmallDisk:
        """Mount it. Raises OSError with the reason if that is not possible here."""
        self.folder.mkdir()
        if os.geteuid():
            raise PermissionError("a file system can be mounted by root only")
        size = f"size={self._size_kib}k"
        mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.folder)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(" ".join(done.stderr.split()))
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)

    def fill(self) -> None:
        """Take all room that is left."""
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return

    def make_room(self) -> None:
        """Give back what was taken."""
        self._ballast.unlink()


@contextmanager
def file_size_limit(pid: int, limit_bytes: int) -> Iterator[None]:
    """No file that a process writes may grow past a size."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it may have ended meanwhile
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


def why_no_file_size_limit() -> str:
    """Why the limit cannot be set on another process here; empty if it can."""
    if not hasattr(resource, "prlimit"):
        return f"{sys.platform} has no prlimit"
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            with file_size_limit(process.pid, 4096):
                return ""
        except OSError as error:
            return f"prlimit: {error}"
        finally:
            process.kill()
