"""Traffic: what was asked of this node, how each call ended, and how long it took.

It counts and judges nothing. `Status` gives the counts as they are (a dashboard asks twice and
subtracts), and so does the page that Prometheus reads; both tell of the same numbers.

A call is counted once, when it ends, under its method and its status code; one that its caller
cancelled too. A Batch is one call, however many operations are in it, so those are counted apart;
so are those that failed in it, for a batch is OK when all that it asked has failed. What an answer
had no room for is no failure: it is asked for again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import methodcaller

from kvcluster.errors import AnswerFull, reason_of
from kvcluster.model.timings import BOUNDS_S, Timings
from kvcluster.wire.kinds import KINDS

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
    MethodTraffic,
    PutManyRequest,
    PutManyResponse,
    Result,
)
from demo_pb2 import Traffic as TrafficMessage

_kind_of = methodcaller("WhichOneof", "operation")
_NO_ROOM = reason_of(AnswerFull)


@dataclass
class CallCounts:
    """The calls of one method."""

    by_code: Counter[int] = field(default_factory=Counter)
    """How many ended with each status code, by the code's number."""
    timings: Timings = field(default_factory=Timings)


class Traffic:
    """Counts calls, and the operations of clients in them."""

    def __init__(self) -> None:
        self.methods: dict[str, CallCounts] = {}
        """The calls of each method that was called."""
        self._batched: Counter[str] = Counter()
        self.batch_failures: Counter[int] = Counter()
        """Operations that failed in a Batch that did not, by status code."""

    def ended(
        self,
        method: str,
        code: int,
        duration_s: float,
        request: object = None,
        answer: object = None,
    ) -> None:
        """A call came to its end. In a Batch and in its answer, if it has one, is more to count."""
        calls = self.methods.get(method)
        if calls is None:
            calls = self.methods[method] = CallCounts()
        calls.by_code[code] += 1
        calls.timings.add(duration_s)
        if isinstance(request, BatchRequest):
            self._batched.update(map(_kind_of, request.operations))
        elif isinstance(request, PutManyRequest):
            self._batched["put"] += len(request.block.keys)
        if isinstance(answer, BatchResponse):
            self._count_failures(answer.results)
        elif isinstance(answer, PutManyResponse):
            self._count_failures(each.result for each in answer.exceptions)

    def _count_failures(self, results: Iterable[Result]) -> None:
        failures = [it.failure for it in results if it.HasField("failure")]
        self.batch_failures.update(it.code for it in failures if it.reason != _NO_ROOM)

    @property
    def operations(self) -> dict[str, int]:
        """The operations of clients, alone or in a Batch, by kind."""
        return {kind: self._batched[kind] + self._alone(kind) for kind in KINDS}

    def report(self) -> TrafficMessage:
        """All of it, for `Status`."""
        message = TrafficMessage(
            methods=[
                MethodTraffic(
                    method=name,
                    calls=calls.by_code,
                    durations=calls.timings.classes,
                    total_s=calls.timings.total_s,
                )
                for name, calls in self.methods.items()
            ],
            within_s=BOUNDS_S,
            batch_failures=self.batch_failures,
        )
        for kind, count in self.operations.items():
            setattr(message, f"{kind}s", count)
        return message

    def _alone(self, kind: str) -> int:
        calls = self.methods.get(kind.capitalize())
        return calls.timings.count if calls else 0
