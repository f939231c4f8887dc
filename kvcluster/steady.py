"""Steady clocks: one that does not stand still while the machine sleeps, and how long it slept.

Timers run on CLOCK_MONOTONIC, and so does the event loop. On Linux and macOS it stands still while
the machine is suspended, and with it everything that is measured by it: what seems a second ago was
yesterday. CLOCK_BOOTTIME on Linux does not, nor does CLOCK_MONOTONIC_RAW on macOS, which on Linux
is another thing. Where there is neither, only a wall clock can tell (model/pauses.py).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

_COUNTS_SLEEP = "CLOCK_MONOTONIC_RAW" if sys.platform == "darwin" else "CLOCK_BOOTTIME"
_ROUNDING_S = 0.1
"""The two clocks are not read at the same moment, nor slewed alike."""


def steady_clock() -> Callable[[], float]:
    """A clock in seconds that nobody sets and that does not stand still, as far as there is one."""
    number: int | None = getattr(time, _COUNTS_SLEEP, None)
    if number is None:
        return time.monotonic
    try:
        time.clock_gettime(number)
    except OSError:  # an old kernel, or something that only looks like one
        return time.monotonic
    return lambda: time.clock_gettime(number)


class Sleep:
    """Tells when this machine has slept."""

    def __init__(self) -> None:
        self._steady_s = steady_clock()
        self._slept_s = self._total_s()

    def is_over(self) -> bool:
        """Whether it slept since the last question, or since this was made."""
        slept_s = self._total_s()
        if slept_s - self._slept_s <= _ROUNDING_S:
            return False
        self._slept_s = slept_s
        return True

    def _total_s(self) -> float:
        return self._steady_s() - time.monotonic()
