"""The standard streams: all that is written arrives, or an error says so; what is read is whole.

Python takes its streams for such that wait. They need not be: whoever shares a pipe or a terminal
with us may have set it not to. Then a write that has no room takes what fits, and with
PYTHONUNBUFFERED `print` forgets the rest and says nothing; a read that finds nothing yet looks like
the end. So every program here takes its streams over. Below Python's buffers stands `Outlet`, the
one place that writes, and `Inlet`, which reads. Both wait in `select`, until there is room or data.

They never wait where no signal could reach them. A command that takes Ctrl+C for a wish
(stopping.py) has handlers that break nothing off, and a pipe that nobody reads would hold it for
ever. So once the end is wished for, who would have to wait is broken off. That is why a write is no
larger than what every pipe takes at once where it says that there is room.

Rejected: to make the streams wait by themselves. The flag is shared with whoever has them, too.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from kvcluster.config import KIB

_LOOK_INTERVAL_S = 0.1
"""How often who waits looks whether the end is wished for."""
_RETRY_S = 0.01
_AT_ONCE_BYTES: int = getattr(select, "PIPE_BUF", 512)
"""What every pipe takes that has room at all."""
_BUFFER_BYTES = 8 * KIB
_CAN_WAIT = hasattr(select, "poll")
"""Elsewhere (Windows) `select` knows sockets only; there a stream waits by itself."""
_FIRST_OF_OURS = 3
"""Below it are the numbers of the standard streams."""


class BrokenOff(Exception):
    """To read or write on would mean to wait, and the end is wished for."""


class _Waiting:
    """What holds for everybody who waits now."""

    ended: Callable[[], bool] = staticmethod(lambda: False)
    hurried = False


@contextlib.contextmanager
def broken_off_by(ended: Callable[[], bool]) -> Iterator[None]:
    """While the body runs: nobody waits once this says yes. It is asked in any thread."""
    before, _Waiting.ended = _Waiting.ended, ended
    try:
        yield
    finally:
        _Waiting.ended = before


@contextlib.contextmanager
def in_no_time() -> Iterator[None]:
    """While the body runs: what cannot be written at once is dropped, and standard output too."""
    _Waiting.hurried = True
    try:
        yield
        flush()
    finally:
        _Waiting.hurried = False


class Outlet(io.RawIOBase):
    """Standard output or error. A write takes what has room; the buffer above it sends the rest.

    After an error it takes everything and keeps nothing, so that it is told once: Python tries to
    write what is left over when the program ends.
    """

    def __init__(self, descriptor: int | None, name: str) -> None:
        """`descriptor`: None where the stream was closed before the program began."""
        self.name = name
        self._descriptor = descriptor
        self._is_broken = False

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """Its number."""
        if self._descriptor is None:
            raise io.UnsupportedOperation(f"{self.name} is closed")
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._descriptor is not None and os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        """Write the beginning of the data, once there is room; how many bytes. Raises OSError."""
        if self._is_broken:
            return len(data)
        try:
            return self._write(memoryview(data)[:_AT_ONCE_BYTES])
        except OSError:
            self._is_broken = True
            raise

    def _write(self, data: memoryview) -> int:
        if self._descriptor is None:
            raise OSError(errno.EBADF, f"{self.name} is closed")
        while self._has_room(self._descriptor):
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:  # there was room, but not for so much, or somebody was faster
                time.sleep(_RETRY_S)
        return len(data)  # dropped

    def _has_room(self, descriptor: int) -> bool:
        """Wait for room; False: it will not be waited for."""
        while _CAN_WAIT:
            hurried, ended = _Waiting.hurried, _Waiting.ended()
            patience_s = 0 if hurried or ended else _LOOK_INTERVAL_S
            if select.select((), (descriptor,), (), patience_s)[1]:
                return True
            # What another thread draws is of no use at the end, and nobody would catch an error.
            if hurried or (ended and threading.current_thread() is not threading.main_thread()):
                return False
            if ended:
                raise BrokenOff
        return True


class Inlet(io.RawIOBase):
    """A pipe or a terminal that is read. Its end is its end, and no pause of whoever writes."""

    def __init__(self, descriptor: int, *, owned: bool = False) -> None:
        """`owned`: it is closed together with this."""
        self._descriptor = descriptor
        self._owned = owned

    def readable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """Its number."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def readinto(self, buffer: Any) -> int:
        """Wait for data; 0 at the end. Raises BrokenOff, OSError."""
        while not _Waiting.ended():
            readable = (self._descriptor,)
            if _CAN_WAIT and not select.select(readable, (), (), _LOOK_INTERVAL_S)[0]:
                continue
            with contextlib.suppress(BlockingIOError):  # somebody else was faster
                data = os.read(self._descriptor, len(buffer))
                buffer[: len(data)] = data
                return len(data)
        raise BrokenOff

    def close(self) -> None:
        """Let go of it."""
        if self._owned and not self.closed:
            os.close(self._descriptor)
        super().close()


def has_hung_up(descriptor: int) -> bool:
    """Whether nobody is behind a terminal any more. A signal says so only to whom it reaches."""
    if not _CAN_WAIT:
        return False
    ends = select.POLLHUP | select.POLLERR | select.POLLNVAL
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & ends for _, events in poll.poll(0))


def take_over() -> None:
    """Put these in the place of Python's own, as UTF-8: keys are that, whatever the locale says.

    A stream that somebody else has put there, a test say, stays, and speaks UTF-8 as well.
    """
    _keep_numbers_free()
    python = sys.__stdin__, sys.__stdout__, sys.__stderr__
    if python[0] is not None and sys.stdin is python[0]:
        inlet = io.BufferedReader(Inlet(python[0].fileno()))
        sys.stdin = io.TextIOWrapper(inlet, "utf-8", "surrogateescape")
    if sys.stdout is python[1]:
        number = None if python[1] is None else python[1].fileno()
        sys.stdout = _text(Outlet(number, "standard output"))
    if python[2] is not None and sys.stderr is python[2]:
        sys.stderr = _text(Outlet(python[2].fileno(), "standard error"), line_buffering=True)
    for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


def _text(outlet: Outlet, *, line_buffering: bool = False) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(outlet, _BUFFER_BYTES)
    return io.TextIOWrapper(buffer, "utf-8", line_buffering=line_buffering or outlet.isatty())


def _keep_numbers_free() -> None:
    """Where a standard stream is closed, no socket or file of ours may get its number: libraries
    that die write their last words there.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < _FIRST_OF_OURS:
        pass
    os.close(descriptor)


def flush() -> None:
    """Send what was printed and waits in a buffer."""
    sys.stdout.flush()
