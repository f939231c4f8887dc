"""Standard error that nobody has to wait for: order, gaps, and what happens when it breaks."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import threading
from collections.abc import Iterator

import pytest

from kvcluster.server.log_lines import form_of
from kvcluster.server.log_stream import LogStream
from tests.processes.harness import eventually

_GAP = re.compile(r"\d\d:\d\d:\d\d\.\d{3}  LOG  ([\d,]+) lines? (?:is|are) missing here: they (.+)")
_PATIENCE_S = 20.0
_LINE_BYTES = 10
_ROOM = 20
"""So many lines are kept for a reader who does not read, besides the one that is being written."""


class Reader:
    """Where the bytes go. It takes `allowed` writes and lets the next one wait."""

    def __init__(self) -> None:
        self.read = bytearray()
        self.room_bytes: int | None = None
        self._allowed = threading.Semaphore(0)
        self._waits = threading.Event()

    def write(self, _: int, data: memoryview) -> int:
        """One write, as os.write does it; also where there is room for a part, or for nothing."""
        self._waits.set()
        self._allowed.acquire()
        part = bytes(data if self.room_bytes is None else data[: self.room_bytes])
        if not part:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.room_bytes is not None:
            self.room_bytes -= len(part)
        self.read += part
        return len(part)

    def allow(self, writes: int = 1_000_000) -> None:
        """Read again, so many lines; or all, from now on."""
        self._allowed.release(writes)

    def stand_still(self, stream: LogStream) -> None:
        """Return once the first line waits to be read."""
        stream.write(numbered(0))
        assert self._waits.wait(_PATIENCE_S)

    @property
    def lines(self) -> list[str]:
        """What was read."""
        return self.read.decode().splitlines()


def numbered(number: int) -> str:
    """A line."""
    return f"{number:0{_LINE_BYTES - 1}}\n"


def numbers(lines: list[str]) -> list[int]:
    """Those of the numbered lines."""
    return [int(line) for line in lines if line.isdigit()]


def gaps(lines: list[str]) -> list[tuple[int, str]]:
    """How many lines are said to be missing, and why, in their order."""
    found = [match for line in lines if (match := _GAP.fullmatch(line))]
    return [(int(match[1].replace(",", "")), match[2]) for match in found]


@pytest.fixture
def reader() -> Iterator[Reader]:
    """Somebody who may or may not read."""
    made = Reader()
    yield made
    made.allow()


@pytest.fixture
def stream(reader: Reader) -> LogStream:
    """What he may read."""
    return LogStream(2, limit_bytes=_ROOM * _LINE_BYTES + 1, write=reader.write)


def test_lost_lines_are_told_in_the_form_of_the_others(reader: Reader) -> None:
    """A program that reads objects must find one there, too; and one for what was printed."""
    stream = LogStream(2, limit_bytes=1, write=reader.write, form=form_of("json", terminal=False))
    reader.stand_still(stream)
    for _ in range(3):
        stream.put("{}")
    reader.allow()
    eventually(lambda: len(reader.lines) == 2, "the gap is told")
    printed, gap = map(json.loads, reader.lines)
    assert printed["message"] == numbered(0)[:-1]
    assert (gap["level"], gap["event"]) == ("warning", "LOG")
    assert gap["message"] == "3 lines are missing here: they were not read"


def test_lines_are_read_as_they_were_written(reader: Reader, stream: LogStream) -> None:
    """In their order, whole, whatever pieces they came in."""
    reader.allow()
    for number in range(5):
        print("line", number, "Đà Nẵng", file=stream)
    assert stream.drain(_PATIENCE_S)
    assert reader.lines == [f"line {number} Đà Nẵng" for number in range(5)]


def test_lost_lines_are_counted_and_told_in_their_place(reader: Reader, stream: LogStream) -> None:
    """One line stands for all that nobody read in time; those before and after are there."""
    reader.stand_still(stream)
    for number in range(1, 100):
        stream.write(numbered(number))
    reader.allow(_ROOM // 2 + 3)
    eventually(lambda: len(reader.lines) == _ROOM // 2 + 3, "more than half of it is read")
    stream.write(numbered(100))
    stream.write(numbered(101))
    reader.allow()
    assert stream.drain(_PATIENCE_S)
    assert numbers(reader.lines) == [*range(_ROOM + 1), 100, 101]
    assert gaps(reader.lines) == [(99 - _ROOM, "were not read")]
    assert _GAP.fullmatch(reader.lines[_ROOM + 1])


def test_a_slow_reader_makes_one_gap_of_many_losses(reader: Reader, stream: LogStream) -> None:
    """Lines are taken again when half of the queue is free, and not one now and one then."""
    reader.stand_still(stream)
    for number in range(1, _ROOM + 1 + _ROOM // 2):
        stream.write(numbered(number))
        if number > _ROOM:
            reader.allow(1)
            eventually(lambda: reader.lines[-1:] == [numbered(number - _ROOM - 1)[:-1]], "a line")  # noqa: B023
    reader.allow()
    assert stream.drain(_PATIENCE_S)
    assert gaps(reader.lines) == [(_ROOM // 2, "were not read")]


def test_lost_lines_are_told_when_no_other_follows(reader: Reader, stream: LogStream) -> None:
    """Whoever looks at the log of a node that is quiet again must not take it for whole."""
    reader.stand_still(stream)
    for number in range(1, 1_002 + _ROOM):
        stream.write(numbered(number))
    reader.allow()
    eventually(lambda: gaps(reader.lines), "the gap is told")
    assert gaps(reader.lines) == [(1_001, "were not read")]
    assert stream.lost_lines == 1_001


def test_a_reader_who_does_not_read_holds_up_no_end(reader: Reader, stream: LogStream) -> None:
    """What waits for him is given up after a while."""
    reader.stand_still(stream)
    assert not stream.drain(timeout_s=0.01)


def test_what_has_no_end_of_line_is_written_when_it_is_flushed(
    reader: Reader, stream: LogStream
) -> None:
    """And at the end."""
    reader.allow()
    stream.write("one ")
    stream.flush()
    stream.write("two")
    assert stream.drain(_PATIENCE_S)
    assert reader.lines == ["one two"]


def test_a_full_disk_is_a_gap_with_its_reason(reader: Reader, stream: LogStream) -> None:
    """Once there is room again the log says what it lacks; a torn line spoils no other."""
    reader.allow()
    reader.room_bytes = 10
    for line in ("first\n", "second\n", "third\n"):
        stream.write(line)
        assert stream.drain(_PATIENCE_S)
    reader.room_bytes = None
    stream.write("fourth\n")
    assert stream.drain(_PATIENCE_S)
    first, torn, gap, fourth = reader.lines
    assert (first, torn, fourth) == ("first", "seco", "fourth")
    assert gaps([gap]) == [(2, "could not be written (No space left on device)")]
    assert stream.lost_lines == 2


def test_lines_of_many_threads_stay_whole(reader: Reader, stream: LogStream) -> None:
    """A log line is one write; none has a piece of another in its middle."""
    reader.allow()
    handler = logging.StreamHandler(stream)
    record = logging.makeLogRecord({"msg": "x" * 50})

    def emit() -> None:
        for _ in range(50):
            handler.emit(record)
            assert stream.drain(_PATIENCE_S)

    threads = [threading.Thread(target=emit) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert reader.lines == ["x" * 50] * 200


def test_whoever_speaks_in_the_middle_of_a_line_is_heard(reader: Reader, stream: LogStream) -> None:
    """A finalizer may complain at any moment, in the thread that has the lock."""
    reader.allow()
    with stream._lock:
        stream.write("in the middle\n")
    assert stream.drain(_PATIENCE_S)
    assert reader.lines == ["in the middle"]


def test_a_pipe_whose_reader_has_left_holds_up_nobody() -> None:
    """EPIPE: lines go nowhere, and the end comes at once."""
    end, fd = os.pipe()
    os.close(end)
    stream = LogStream(fd)
    stream.write("nobody\n" * 10)
    assert stream.drain(_PATIENCE_S)
    stream.write("hears\n")
    assert stream.drain(_PATIENCE_S)
    os.close(fd)


def test_a_pipe_that_others_made_non_blocking_loses_nothing() -> None:
    """EAGAIN is no loss: the thread waits for the reader, as it does without."""
    end, fd = os.pipe()
    os.set_blocking(fd, False)
    stream = LogStream(fd)
    whole = "".join(map(numbered, range(20_000)))
    stream.write(whole)
    read = b""
    while len(read) < len(whole):
        read += os.read(end, 65_536)
    assert read.decode() == whole
    assert stream.drain(_PATIENCE_S)
    os.close(end)
    os.close(fd)
