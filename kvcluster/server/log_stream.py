"""Standard error: lines wait here for whoever reads them, so that nobody who writes one has to.

A write to a pipe that nobody reads waits for ever, and so does one to a terminal that Ctrl+S
stopped, or to a log driver that hangs. From the event loop it would freeze the node: no answer, no
heartbeat, no SIGTERM. So a line is put into a queue, and a thread of its own writes it. This stands
in the place of `sys.stderr`, and so takes whatever Python says there: our log and that of any
library, warnings, a traceback from any thread, the last one included.

- Lines stay in their order, and none has another in its middle.
- The queue has a bound. What comes when it is full is dropped and counted, until half of it is
  free again: one gap is told once, in its place, and not in a hundred pieces.
- What cannot be written (nobody holds the other end any more, the disk is full) is dropped, counted
  and told in the same way.
- At the end what waits is written, within a bound of time.
- Only the thread touches the descriptor, and holds no lock while it does: it may never come back,
  and nobody waits for it, the end of the process least of all.

Rejected: O_NONBLOCK, since a terminal or a pipe has it for everybody who holds it, not for us
alone. And QueueHandler with QueueListener of `logging`: they see only what is logged, say with a
traceback on standard error that their queue is full, and wait for their thread without a bound.

Known: what C code writes goes past this, such as gRPC's own log, where GRPC_VERBOSITY asks for it.
"""

from __future__ import annotations

import io
import os
import select
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import NamedTuple

from kvcluster.server.log_lines import LineForm

_QUEUE_BYTES = 1024 * 1024
"""Some 10,000 lines: eight minutes of a busy node, whose log is limited to 20 lines a second."""
_DRAIN_S = 1.0
"""How much longer a stop may take because nobody reads."""


class _Lines(NamedTuple):
    dropped: int
    """How many lines are missing before these."""
    data: bytes


class LogStream(io.TextIOBase):
    """A text stream to a descriptor; to write to it never waits."""

    def __init__(
        self,
        fd: int,
        encoding: str = "utf-8",
        limit_bytes: int = _QUEUE_BYTES,
        write: Callable[[int, memoryview], int] = os.write,
        form: LineForm | None = None,
    ) -> None:
        self._form = form or LineForm()
        self._fd = fd
        self._encoding = encoding
        self._limit_bytes = limit_bytes
        self._write_fd = write
        self._queue: SimpleQueue[_Lines | threading.Event] = SimpleQueue()
        # Whoever holds it may be interrupted by himself: a finalizer.
        self._lock = threading.RLock()
        self._line = ""  # the last one, which has no end yet
        self._dropped = 0  # lines, since the last that was taken
        self._dropped_in_all = 0
        self._taken_bytes = 0
        self._done_bytes = 0  # written by the thread only, as all that follows
        self._failed = 0  # lines, since the last that was written
        self._failed_in_all = 0
        self._why_failed = ""
        self._torn = False  # the last write ended in the middle of a line
        threading.Thread(target=self._write_for_ever, name="stderr", daemon=True).start()

    @property
    def lost_lines(self) -> int:
        """How many were dropped, or could not be written, since the beginning."""
        return self._dropped_in_all + self._failed_in_all

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Of the bytes."""
        return self._encoding

    def fileno(self) -> int:
        """The descriptor."""
        return self._fd

    def isatty(self) -> bool:
        """Whether a person may be reading."""
        return os.isatty(self._fd)

    def writable(self) -> bool:
        """Always; what there is no room for is dropped."""
        return True

    def write(self, text: str) -> int:
        """Take a text; it is on its way once its line has an end."""
        with self._lock:
            lines, end, self._line = (self._line + text).rpartition("\n")
            if end:
                self._take(self._form.unasked(lines + end))
        return len(text)

    def put(self, line: str) -> None:
        """Take a line of the log, which has its form already."""
        with self._lock:
            self._take(f"{line}\n")

    def flush(self) -> None:
        """Let go of a line that has no end yet; does not wait until it is written."""
        with self._lock:
            line, self._line = self._line, ""
            if line:
                self._take(self._form.unasked(line))

    def drain(self, timeout_s: float = _DRAIN_S) -> bool:
        """Wait until all that came is written, but no longer than that; whether it is."""
        self.flush()
        drained = threading.Event()
        self._queue.put(drained)
        return drained.wait(timeout_s)

    def _take(self, text: str) -> None:
        room = self._limit_bytes // 2 if self._dropped else self._limit_bytes
        if self._taken_bytes - self._done_bytes >= room:
            lines = text.count("\n")
            self._dropped += lines
            self._dropped_in_all += lines
            return
        item = _Lines(self._dropped, text.encode(self._encoding, "backslashreplace"))
        self._dropped = 0
        self._taken_bytes += len(item.data)
        self._queue.put(item)

    def _write_for_ever(self) -> None:
        while True:
            item = self._queue.get()
            if isinstance(item, _Lines):
                self._write(item)
                self._done_bytes += len(item.data)
            if self._dropped and self._queue.empty():
                with self._lock:
                    dropped, self._dropped = self._dropped, 0
                self._write(_Lines(dropped, b""))
            if isinstance(item, threading.Event):
                item.set()

    def _write(self, lines: _Lines) -> None:
        missing = lines.dropped + self._failed
        before = (b"\n" if self._torn else b"") + (self._gap(missing) if missing else b"")
        data, written = memoryview(before + lines.data), 0
        try:
            while written < len(data):
                written += self._write_some(data[written:])
        except OSError as error:
            lost = lines.data[max(written - len(before), 0) :].count(b"\n")
            self._failed_in_all += lost
            self._failed = lost + (missing if written < len(before) else 0)
            self._why_failed = error.strerror or str(error)
            self._torn = self._torn if not written else data[written - 1] != ord("\n")
        else:
            self._failed, self._why_failed, self._torn = 0, "", False

    def _write_some(self, data: memoryview) -> int:
        try:
            return self._write_fd(self._fd, data)
        except BlockingIOError:  # somebody else who holds it made it so
            select.select([], [self._fd], [])
            return 0

    def _gap(self, missing: int) -> bytes:
        """A line that stands for others, in the form of those of the log."""
        lines = "1 line is" if missing == 1 else f"{missing:,} lines are"
        why = f"could not be written ({self._why_failed})" if self._why_failed else "were not read"
        line = self._form.about_itself(f"{lines} missing here: they {why}")
        return f"{line}\n".encode(self._encoding)
