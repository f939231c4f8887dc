"""The activity log: what a node does, one line each, as long as a person can follow.

Under load the lines become one summary a second. A token bucket (Turner, 1986) fills at
`rate_per_s` up to `burst`, and each line takes one token. When it runs empty, lines stop altogether
and are counted, until a second brings no more than the rate again: a terminal that shows some lines
of many would look like all of them.

A line names the key and the size of the value, never the value: logs are copied to places where
data should not go.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from operator import methodcaller
from typing import Any

from kvcluster.config import Settings
from kvcluster.wire.kinds import WRITING, kind_of
from kvcluster.wire.limits import shown

from demo_pb2 import (
    BatchResponse,
    ForwardRequest,
    ForwardResponse,
    PutManyRequest,
    PutManyResponse,
    ReplicateRequest,
    Result,
)

log = logging.getLogger("kvcluster")

_kind_of_result = methodcaller("WhichOneof", "result")

_SUMMARY_INTERVAL_S = 1.0
_MISMATCH = "condition not met"


def _mismatched_kind(result: Result) -> str:
    """Of which kind an operation was whose condition did not hold; empty: it did."""
    kind = result.WhichOneof("result")
    return kind if kind in WRITING and getattr(result, kind).HasField("mismatch") else ""


class Activity:
    """Writes lines for requests, or counts them when there are too many."""

    def __init__(self, self_name: str, settings: Settings) -> None:
        self._self_name = self_name
        self._limiter = Limiter(settings.log_rate_per_s, settings.log_burst)

    def one(self, request: Any, response: Any, sender: str = "") -> None:
        """A Put or a Delete was acknowledged; `sender` forwarded it, if one did.

        One whose condition did not hold is as little news as a read.
        """
        if response.HasField("mismatch"):
            return
        kind = kind_of(request)
        if self._allows(kind.capitalize()):
            what = f"{shown(request.key)}{_size_of(request)}{_found_by(response)}"
            _log(kind.upper(), f"{what}, {self._where(response)}{_for(sender)}")

    def batch(self, response: BatchResponse, sender: str = "") -> None:
        """A batch was carried out; `sender` forwarded it, if one did. Reads are no news."""
        kinds = Counter(map(_kind_of_result, response.results))
        if any(kinds[kind] for kind in WRITING):
            mismatched = Counter(map(_mismatched_kind, response.results))
            kinds += Counter({_MISMATCH: mismatched.total() - mismatched[""]})
            kinds -= mismatched
        self._several(kinds, sender)

    def put_many(self, request: PutManyRequest, response: PutManyResponse) -> None:
        """Puts in columns were carried out."""
        kinds = Counter(_kind_of_result(each.result) for each in response.exceptions)
        kinds["put"] += len(request.block.keys) - len(response.exceptions)
        self._several(kinds, "")

    def _several(self, kinds: Counter[str], sender: str) -> None:
        writes = sum(kinds[kind] for kind in WRITING)
        if writes and self._allows("Batch operation", writes):
            order = (*WRITING, "get", _MISMATCH, "failure")
            parts = [f"{kinds[kind]:,} {kind}" for kind in order if kinds[kind]]
            _log("BATCH", f"{', '.join(parts)}{_for(sender)}")

    def forwarded(self, request: ForwardRequest, response: ForwardResponse) -> None:
        """What a peer forwarded was carried out. Reads are no news."""
        name = request.WhichOneof("operation")
        if name == "batch":
            self.batch(response.batch, request.sender)
        elif name in WRITING:
            self.one(getattr(request, name), getattr(response, name), request.sender)

    def replicate(self, request: ReplicateRequest) -> None:
        """A peer's entries were stored."""
        count = len(request.entries) or len(request.block.keys)
        if count and self._allows("Replicate", count):
            more = f" and {count - 1:,} more" if count > 1 else ""
            key = request.entries[0].key if request.entries else request.block.keys[0]
            _log("REPLICATE", f"{shown(key)}{more}, from {request.sender}")

    async def summarize(self) -> None:
        """Once a second, for ever: a line for what was only counted."""
        while True:
            await asyncio.sleep(_SUMMARY_INTERVAL_S)
            counts = self._limiter.summarize()
            if counts:
                parts = [f"{count:,} {kind}" for kind, count in sorted(counts.items())]
                _log("LOAD", f"{', '.join(parts)} in the last second")

    def _where(self, response: Any) -> str:
        held = f"on {response.acknowledged} of {response.replicas} replicas"
        if response.served_by == self._self_name:
            return held
        return f"{held}, forwarded to {response.served_by}"

    def _allows(self, kind: str, count: int = 1) -> bool:
        if not log.isEnabledFor(logging.INFO):
            return False
        return self._limiter.allows(kind, time.monotonic(), count)


def _log(what: str, text: str) -> None:
    log.info("%s  %s", what, text)


def _size_of(request: Any) -> str:
    """How large the value is that was given, if one was."""
    if "value" not in request.DESCRIPTOR.fields_by_name:
        return ""
    size_bytes = len(request.value.encode())
    return f" ({size_bytes:,} byte{'' if size_bytes == 1 else 's'})"


def _found_by(response: Any) -> str:
    return "" if getattr(response, "found", True) else " (was not there)"


def _for(sender: str) -> str:
    return f", for {sender}" if sender else ""


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
        assert 0 <= self._tokens <= self._burst
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
