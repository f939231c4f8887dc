"""Rates: what was asked of a node between two of its answers, and how long that took.

Nodes only count. So a rate is a difference, divided by the time that passed at the node itself:
its uptime goes on while an answer is late, and both counts are from the same moments as it. Two
answers of different lives of a node, or of a node that does not count, have no rates; that is shown
as unknown, for zero would be a claim.

Durations come in classes. A percentile lies somewhere in its class, and is taken from there as if
the calls of the class were spread evenly. What is longer than all classes is infinite: how much
longer is not known.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from demo_pb2 import StatusResponse, Traffic

_CLIENTS_METHODS = ("Put", "Get", "Delete", "Batch")
"""Calls of clients that end when they are answered; a Scan lasts as long as its reader wants."""
_NO_FAULT = (0, 1, 3)
"""OK; CANCELLED, by the caller; INVALID_ARGUMENT, of the caller."""


@dataclass(frozen=True)
class Rates:
    """Of one node, between two answers."""

    puts_per_s: float
    gets_per_s: float
    deletes_per_s: float
    p50_s: float | None = None
    """Half of the calls took no longer; None: there were none."""
    p99_s: float | None = None
    calls: int = 0
    failed: Mapping[int, int] = field(default_factory=dict)
    """How many of the calls ended with each status code that is a fault of the cluster."""
    failed_in_batches: Mapping[int, int] = field(default_factory=dict)
    """The same of operations in batches that did not fail as a whole."""

    @property
    def operations_per_s(self) -> float:
        """Puts, gets and deletes together."""
        return self.puts_per_s + self.gets_per_s + self.deletes_per_s


def rates(before: StatusResponse, after: StatusResponse) -> Rates | None:
    """What was asked between two answers of one node; None: they do not say."""
    span_s = after.uptime_s - before.uptime_s
    counted = before.HasField("traffic") and after.HasField("traffic")
    if not counted or span_s <= 0 or before.incarnation != after.incarnation:
        return None
    old, new = before.traffic, after.traffic
    passed = zip(_durations(old), _durations(new), strict=False)
    durations = [max(0, count - earlier) for earlier, count in passed]
    return Rates(
        puts_per_s=max(0, new.puts - old.puts) / span_s,
        gets_per_s=max(0, new.gets - old.gets) / span_s,
        deletes_per_s=max(0, new.deletes - old.deletes) / span_s,
        p50_s=percentile(new.within_s, durations, 50),
        p99_s=percentile(new.within_s, durations, 99),
        calls=sum(durations),
        failed=_faults(_codes(old), _codes(new)),
        failed_in_batches=_faults(old.batch_failures, new.batch_failures),
    )


def percentile(within_s: Sequence[float], durations: Sequence[int], share: float) -> float | None:
    """So many percent took no longer than this; None if there is nothing to tell it from.

    `durations`: how many were at most `within_s[i]`; the last: how many were longer than all.
    """
    total = sum(durations)
    if not total or len(durations) != len(within_s) + 1:
        return None
    rank, seen = total * share / 100, 0
    for index, count in enumerate(durations[:-1]):
        if count and seen + count >= rank:
            lower_s = within_s[index - 1] if index else 0.0
            return lower_s + (within_s[index] - lower_s) * (rank - seen) / count
        seen += count
    return math.inf


def _durations(traffic: Traffic) -> list[int]:
    """How many calls of clients there were in each class, since the node was started."""
    totals = [0] * (len(traffic.within_s) + 1)
    for method in traffic.methods:
        if method.method in _CLIENTS_METHODS and len(method.durations) == len(totals):
            totals = [sum(pair) for pair in zip(totals, method.durations, strict=True)]
    return totals


def _codes(traffic: Traffic) -> Counter[int]:
    """How many of them ended with each status code."""
    codes: Counter[int] = Counter()
    for method in traffic.methods:
        if method.method in _CLIENTS_METHODS:
            codes.update(dict(method.calls))
    return codes


def _faults(old: Mapping[int, int], new: Mapping[int, int]) -> dict[int, int]:
    came = Counter(new) - Counter(old)
    return {code: count for code, count in came.items() if code not in _NO_FAULT}
