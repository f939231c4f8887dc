"""Knobs: what a test turns in a node that runs: its clocks, and how slow its disk is.

They are a page of memory that both have mapped, backed by a file beside the node's own: what the
test writes there the node sees at its next look, without a message, and a node that is started
again finds its knobs as they were. `linked_server.py` puts a node on them.

Rejected: libfaketime, which is seldom installed, and strace, which needs leave to trace and slows
down all else: with knobs every machine tells the same story.
"""

from __future__ import annotations

import enum
import mmap
import struct
import time
from collections.abc import Callable
from pathlib import Path

from kvcluster.storage.disk import OsDisk, OsFile

_NUMBER = struct.Struct("=d")
_AHEAD, _DRIFT, _SINCE, _DELAY, _SLEEP = range(5)
_STOPPED_S = 0.3
"""A process that did not look at its clocks for so long was stopped: it does ten times a second."""


class Sleep(enum.IntEnum):
    """Which clocks stand still while the process is stopped, besides the process."""

    NONE = 0
    TIMERS = 1  # as on a laptop that is suspended
    STEADY = 2  # and the steady clock as well, as in a virtual machine that is paused


class Knobs:
    """Those of one node. All at rest: a clock that is right, a disk as fast as it is."""

    def __init__(self, path: Path) -> None:
        with path.open("a+b") as file:
            file.truncate(mmap.PAGESIZE)
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def wall_ms(self) -> int:
        """The time by the node's clock, in milliseconds since 1970."""
        now_s = time.time()
        drifted_s = self._get(_DRIFT) * (now_s - self._get(_SINCE))
        return int(1000 * (now_s + self._get(_AHEAD) + drifted_s))

    @property
    def sync_delay_s(self) -> float:
        """How much longer each sync takes."""
        return self._get(_DELAY)

    def jump(self, ahead_s: float) -> None:
        """Set the clock ahead of the right time, or back if negative; 0 sets it right."""
        self._set(_AHEAD, ahead_s)

    def drift(self, rate: float) -> None:
        """Let the clock gain so many seconds in a second from now on; 0 sets it right."""
        self._set(_DRIFT, 0.0)
        self._set(_SINCE, time.time())
        self._set(_DRIFT, rate)

    def slow_down_disk(self, delay_s: float) -> None:
        """Let every sync take so much longer; 0 for none."""
        self._set(_DELAY, delay_s)

    @property
    def sleep(self) -> Sleep:
        """What sleeps with the process."""
        return Sleep(int(self._get(_SLEEP)))

    def sleep_with(self, sleep: Sleep) -> None:
        """Let some clocks stand still while the process is stopped, from now on."""
        self._set(_SLEEP, sleep)

    def _get(self, place: int) -> float:
        number: float = _NUMBER.unpack_from(self._page, place * _NUMBER.size)[0]
        return number

    def _set(self, place: int, number: float) -> None:
        _NUMBER.pack_into(self._page, place * _NUMBER.size, number)


class SleepyClock:
    """A clock, without the time in which its machine would have slept."""

    def __init__(self, clock_s: Callable[[], float], sleeps: Callable[[], bool]) -> None:
        self._clock_s = clock_s
        self._sleeps = sleeps
        self._looked_s = clock_s()
        self._slept_s = 0.0

    def __call__(self) -> float:
        """What it says, in seconds."""
        now_s = self._clock_s()
        passed_s, self._looked_s = now_s - self._looked_s, now_s
        if passed_s > _STOPPED_S and self._sleeps():
            self._slept_s += passed_s
        return now_s - self._slept_s


class SlowFile(OsFile):
    """A real file whose sync may take long."""

    def __init__(self, path: Path, knobs: Knobs) -> None:
        super().__init__(path)
        self._knobs = knobs

    def sync(self) -> None:
        """See File."""
        super().sync()
        time.sleep(self._knobs.sync_delay_s)


class SlowDisk(OsDisk):
    """The disk of this machine, whose syncs may take long."""

    def __init__(self, knobs: Knobs) -> None:
        super().__init__()
        self._knobs = knobs

    def create(self, path: Path) -> SlowFile:
        """See Disk."""
        return SlowFile(path, self._knobs)

    def sync_folder(self, folder: Path) -> None:
        """See Disk."""
        super().sync_folder(folder)
        time.sleep(self._knobs.sync_delay_s)
