"""A limiter for log lines: as many as a person can read, then a count.

A token bucket (Turner, 1986): it fills at `rate_per_s` up to `burst`, and each line takes one
token. At human pace every line passes; under load the bucket runs empty, lines are counted
instead, and `take_suppressed` hands the counts to one summary line.
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
        self._suppressed: Counter[str] = Counter()

    def allows(self, kind: str, now_s: float, count: int = 1) -> bool:
        """Whether a line may be written now; if not, `count` is added to its kind."""
        gained = max(0.0, now_s - self._filled_at_s) * self._rate_per_s
        self._tokens = min(float(self._burst), self._tokens + gained)
        self._filled_at_s = now_s
        if self._tokens >= 1:
            self._tokens -= 1
            return True
        self._suppressed[kind] += count
        return False

    def take_suppressed(self) -> dict[str, int]:
        """What was counted of each kind since the last call."""
        counts, self._suppressed = dict(self._suppressed), Counter()
        return counts
