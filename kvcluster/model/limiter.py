"""A limiter for log lines: as many as a person can read, then a count.

A token bucket (Turner, 1986) fills at `rate_per_s` up to `burst`, and each line takes one token.
At human pace every line passes. When the bucket runs empty, lines stop altogether and are counted,
one summary a second, until a second brings no more than the rate again: a terminal that shows
some lines of many would look like all of them.
"""

from __future__ import annotations

from collections import Counter


class Limiter:
    """Decides, line by line. Times are seconds of any steady clock."""

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at_s = 0.0
        self._counting = False
        self._counted_lines = 0
        self._counts: Counter[str] = Counter()

    def allows(self, kind: str, now_s: float, count: int = 1) -> bool:
        """Whether a line may be written now; if not, `count` is added to its kind."""
        gained = max(0.0, now_s - self._filled_at_s) * self._rate_per_s
        self._tokens = min(float(self._burst), self._tokens + gained)
        self._filled_at_s = now_s
        if not self._counting and self._tokens >= 1:
            self._tokens -= 1
            return True
        self._counting = True
        self._counted_lines += 1
        self._counts[kind] += count
        return False

    def summarize(self) -> dict[str, int]:
        """What was counted of each kind since the last call; to be called once a second."""
        if self._counted_lines <= self._rate_per_s:
            self._counting = False
        self._counted_lines = 0
        counts, self._counts = dict(self._counts), Counter()
        return counts
