"""The tally: what clients tried, what was done, and what failed with which words."""

from __future__ import annotations

import threading
from collections import Counter

from tests.processes.errors import Error


class Tally:
    """Counts of calls by operation (put, delete, get), from any thread."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.errors: Counter[Error] = Counter()
        self.judged = 0
        """Reads that had to be right."""
        self.older = 0
        """Reads that were not, and need not be."""
        self.stalled = 0
        """Calls that failed while nothing was wrong but the machine, which stood still."""
        self._lock = threading.Lock()

    @property
    def acknowledged(self) -> int:
        """Writes that were."""
        return self.done["put"] + self.done["delete"]

    def failed(self, operation: str) -> int:
        """Calls of one kind that failed."""
        return sum(count for error, count in self.errors.items() if error[0] == operation)

    def tried(self, operation: str) -> int:
        """Calls of one kind that ended, well or not."""
        return self.done[operation] + self.failed(operation)

    def succeed(self, operation: str) -> None:
        """One call ended well."""
        with self._lock:
            self.done[operation] += 1

    def fail(self, error: Error) -> None:
        """One call did not."""
        with self._lock:
            self.errors[error] += 1

    def stall(self) -> None:
        """One call failed because the machine stood still."""
        with self._lock:
            self.stalled += 1

    def judge(self, right: bool, *, strict: bool) -> None:
        """One read was compared with what had been acknowledged; `strict`: it had to be right."""
        with self._lock:
            self.judged += strict
            self.older += not strict and not right

    def add(self, other: Tally) -> None:
        """Count what another has counted, too."""
        self.done.update(other.done)
        self.errors.update(other.errors)
        self.judged += other.judged
        self.older += other.older
        self.stalled += other.stalled
