"""How long calls took: counted in buckets, summed up by percentiles, drawn with bars.

A bucket is a twentieth wider than the one before, so a percentile is right to 5 %, from a
microsecond to minutes, in a few hundred numbers however many calls there were; keeping every call
would cost more than making it. The largest is kept exactly.

What is drawn has fewer: 1, 1.5, 2, 3, 5, 7 and their tenfold, which a person reads at a glance.

The bars tell the truth about shares, with one exception: a bucket that holds any call shows at
least the thinnest bar, for what is rare and slow is what one looks for.
"""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Sequence

_STEP = math.log(1.05)
_LEAST_S = 1e-6
_DRAWN_MS = [digit * 10.0**power for power in range(-2, 6) for digit in (1, 1.5, 2, 3, 5, 7)]
_EIGHTHS = " ▏▎▍▌▋▊▉█"
PERCENTILES = (50.0, 90.0, 99.0, 99.9)


class Histogram:
    """Durations in seconds."""

    def __init__(self) -> None:
        self.count = 0
        self.sum_s = 0.0
        self.max_s = 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, duration_s: float) -> None:
        """Count a call."""
        self.count += 1
        self.sum_s += duration_s
        self.max_s = max(self.max_s, duration_s)
        self._buckets[int(math.log(max(duration_s, _LEAST_S) / _LEAST_S) / _STEP)] += 1

    def percentile(self, share: float) -> float:
        """So many percent took no longer than this, in seconds; 0 if nothing was counted."""
        rank = math.ceil(self.count * share / 100)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return min(_upper_s(bucket), self.max_s)
        return self.max_s

    def drawn(self) -> list[tuple[float, int]]:
        """Pairs of an upper bound in milliseconds and a count, without the empty ends."""
        counts = [0] * (len(_DRAWN_MS) + 1)
        for bucket, count in self._buckets.items():
            middle_ms = _upper_s(bucket) / math.exp(_STEP / 2) * 1000
            counts[bisect.bisect_left(_DRAWN_MS, middle_ms)] += count
        full = [index for index, count in enumerate(counts) if count]
        if not full:
            return []
        bounds = [*_DRAWN_MS, math.inf]
        return [(bounds[index], counts[index]) for index in range(full[0], full[-1] + 1)]


def _upper_s(bucket: int) -> float:
    return _LEAST_S * math.exp((bucket + 1) * _STEP)


def milliseconds(duration_s: float) -> str:
    """A duration as a person reads it: "0.84 ms", "12.3 ms", "1,240 ms"."""
    value = duration_s * 1000
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f} ms"


def bars(drawn: Sequence[tuple[float, int]], width: int) -> list[str]:
    """A line for each bucket: its upper bound, a bar, its count and its share."""
    total = sum(count for _, count in drawn)
    most = max((count for _, count in drawn), default=0)
    lines = []
    for bound_ms, count in drawn:
        bound = f"to {bound_ms:,g} ms" if math.isfinite(bound_ms) else "longer"
        share = f"{count / total:.1%}" if count / total >= 0.001 or not count else "<0.1%"
        lines.append(f"{bound:>12}  {_bar(count, most, width):<{width}}  {count:>9,}  {share:>6}")
    return lines


def _bar(count: int, most: int, width: int) -> str:
    eighths = max(round(count / most * width * 8), 1) if count else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
