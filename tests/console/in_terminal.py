"""client.py in a real terminal, with somebody who reads what it draws and presses keys."""

from __future__ import annotations

import codecs
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_DEADLINE_S = 20.0
_PATIENCE_S = 1.0
"""Between two times that a key is pressed."""
_WHERE = b"\x1b[6n"
"""A program asks where the cursor is, and a terminal answers."""


class Terminal:
    """client.py in a terminal of 80 columns."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.seen = ""
        self._master = master
        self._decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end in a character

    def wait_for(self, pattern: str, *, pressing: str = "") -> None:
        """Read until it has drawn this; `pressing`: a key to press now and again meanwhile."""
        end_s = time.monotonic() + _DEADLINE_S
        pressed_s = float("-inf")
        while not re.search(pattern, self.seen):
            last = self.seen[-500:]
            assert time.monotonic() < end_s, f"never drawn: {pattern!r}, but {last!r}"
            if pressing and time.monotonic() > pressed_s + _PATIENCE_S:
                os.write(self._master, pressing.encode())
                pressed_s = time.monotonic()
            if not self._read():
                assert re.search(pattern, self.seen), f"ended without {pattern!r}: {last!r}"

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], 0.1)
        if not ready:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux says so at the end of a terminal
            return False
        if _WHERE in data:
            os.write(self._master, b"\x1b[1;1R")
        self.seen += self._decoder.decode(data)
        return bool(data)

    def type(self, text: str) -> None:
        """Press these keys; what was drawn before is seen no more."""
        self.seen = ""
        os.write(self._master, text.encode())

    def press_ctrl_c(self) -> None:
        """As its terminal would tell it."""
        self.process.send_signal(signal.SIGINT)

    def hang_up(self) -> None:
        """The window is closed. No signal comes: it goes to who leads the session, if anybody."""
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """Nobody looks any more."""
        if self._master >= 0:
            self.hang_up()

    def end(self) -> int:
        """Wait for the end; the exit code."""
        end_s = time.monotonic() + _DEADLINE_S
        while self._read():  # until nobody has the terminal any more
            assert time.monotonic() < end_s, f"it did not end: {self.seen[-500:]!r}"
        return self.process.wait(_DEADLINE_S)


@contextmanager
def in_terminal(*arguments: str, **environment: str) -> Iterator[Terminal]:
    """client.py with these arguments, until the body ends."""
    master, slave = pty.openpty()
    environment = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **environment}
    process = subprocess.Popen(
        [sys.executable, "client.py", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    terminal = Terminal(master, process)
    try:
        yield terminal
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(_DEADLINE_S)
        terminal.close()
