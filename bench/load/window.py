"""The window: the time in which calls count, and what the processes used in it.

A call counts if it ends in the window. The ends of the window are where the event loop got to them,
not where they were planned: a client that keeps the loop busy would otherwise count calls of a time
that was longer than it is said to be.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence

from bench.load.jobs import Answer
from bench.measure import processor
from bench.measure.statistics import quantile

_MICRO = 1e6


class Window:
    """Collects how long calls took. `pids`: the processes of the system that is called."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self.times_s = array("d")
        self.errors = 0
        self.first_error = ""
        self.is_open = self.is_over = False
        self._begun_s = self._ended_s = 0.0
        self._system_s = self._client_s = 0.0

    def open(self) -> None:
        """From now on calls count."""
        self._system_s = processor.used_s(self._pids)
        self._client_s = time.process_time()
        self._begun_s = time.perf_counter()
        self.is_open = True

    def close(self) -> None:
        """No call counts that ends later."""
        self._ended_s = time.perf_counter()
        self.is_open, self.is_over = False, True
        self._system_s = processor.used_s(self._pids) - self._system_s
        self._client_s = time.process_time() - self._client_s

    def failed(self, error: Exception) -> None:
        """A call failed."""
        self.errors += 1
        self.first_error = self.first_error or f"{type(error).__name__}: {error}"

    def figures(self, count: int | None = None) -> Answer:
        """What came out, per call or per key (`count`). Raises ValueError if no call ended."""
        if not self.times_s:
            raise ValueError(self.first_error or "no call ended in time")
        done = len(self.times_s) if count is None else count
        figures: Answer = {
            "rate": done / (self._ended_s - self._begun_s),
            "p50_ms": quantile(self.times_s, 0.5) * 1e3,
            "p99_ms": quantile(self.times_s, 0.99) * 1e3,
            "longest_ms": max(self.times_s) * 1e3,
            "client_us": self._client_s / done * _MICRO,
            "errors": self.errors,
            "first_error": self.first_error,
        }
        if self._pids and processor.is_told():
            figures["system_us"] = self._system_s / done * _MICRO
            figures["system_share"] = self._system_s / (self._ended_s - self._begun_s)
        return figures
