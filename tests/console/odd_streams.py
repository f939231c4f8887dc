"""client.py with streams that are not as Python takes them to be: such that do not wait, as whoever
shares a pipe or a terminal with us may have set them, and readers and writers who take their time.
"""

from __future__ import annotations

import array
import fcntl
import os
import select
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.processes.harness import eventually

ROOT = Path(__file__).resolve().parents[2]
PIPE_BYTES = 65_536
"""What a pipe takes without anybody who reads it."""


class Pipe:
    """A pipe of which neither end waits by itself; this holds both."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        for end in (self.reading, self.writing):
            os.set_blocking(end, False)

    def is_full(self) -> bool:
        """Whether it takes no more."""
        return not select.select((), (self.writing,), (), 0)[1]

    def write(self, data: bytes) -> None:
        """Write, and wait until somebody has read it."""
        os.write(self.writing, data)
        eventually(lambda: not held_bytes(self.reading), "the pipe is read")

    def read_nothing(self) -> None:
        """Wait until it is full."""
        eventually(self.is_full, "the pipe is full")
        self.close_writing()

    def read_slowly(self) -> bytes:
        """Wait until it is full, then read it to its end."""
        self.read_nothing()
        os.set_blocking(self.reading, True)
        with os.fdopen(self.reading, "rb", closefd=False) as file:
            return file.read()

    def close_writing(self) -> None:
        """Leave that end to whoever has it, too."""
        if self.writing >= 0:
            os.close(self.writing)
        self.writing = -1

    def close(self) -> None:
        """Both ends."""
        self.close_writing()
        os.close(self.reading)


def held_bytes(pipe: int) -> int:
    """What was written into a pipe and is not read yet."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


@contextmanager
def running(*arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A Python program of ours, until the body ends."""
    program = arguments if arguments[0].endswith(".py") else ("client.py", *arguments)
    standard = {name: subprocess.PIPE for name in ("stdout", "stderr") if name not in options}
    process = subprocess.Popen(
        [sys.executable, *program], cwd=ROOT, encoding="utf-8", **(standard | options)
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def has_open(process: subprocess.Popen[str], file: str, count: int = 1) -> bool:
    """Whether a process has opened a file, so often."""
    folder = Path("/proc", str(process.pid), "fd")
    return sum(str(number.readlink()) == file for number in folder.iterdir()) >= count
