"""Replies: what came back for each operation of a call, in one form however it travelled.

A lone operation travels as a plain Put, Get or Delete, several as one Batch. Afterwards that makes
no difference: each has a reply, an answer or a `Refusal`. If a call failed as a whole, that is the
refusal of every operation in it.

What a refusal means is decided in one place (`failure.explain`), by what a node says of it; the
node's own name for the error also says whether it is about this operation or about the node. An
answer that does not fit its question is a node that cannot be understood: unknown. So is one that
names no node: an empty message must be read neither as "no such key" nor as "done".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import grpc

from kvcluster.client.failure import FailureKind, explain
from kvcluster.client.pending import Answer, Pending
from kvcluster.errors import AnswerFull, reason_of
from kvcluster.wire.error_info import STATUS_CODES, Told, told_in
from kvcluster.wire.kinds import kind_of

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
    Failure,
)

_ABOUT_THE_OPERATION = {
    "ANSWER_FULL",
    "CONNECTION_LOST",
    "DISK_IS_FULL",
    "NO_REPLICA",
    "OUTCOME_UNKNOWN",
    "TIMED_OUT",
    "TOO_LATE",
}
"""Errors that a node has with one operation and not with others. So it may stay in use."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An operation was not done, or nobody knows. `reason` goes on after "localhost:50051: "."""

    kind: FailureKind
    reason: str
    nothing_written: bool
    name: str = ""
    """The node's own name for the error (`errors.reason_of`); empty if gRPC itself says it."""
    value_limit_bytes: int | None = None
    """As in CallFailed."""

    @property
    def answer_full(self) -> bool:
        """Whether the same node gives it at once if it is asked again."""
        return self.name == reason_of(AnswerFull)

    @property
    def about_the_node(self) -> bool:
        """Whether the node would refuse other operations as well."""
        return self.kind not in (FailureKind.BAD_REQUEST, FailureKind.TIMED_OUT) and (
            self.name not in _ABOUT_THE_OPERATION
        )


Reply: TypeAlias = Answer | Refusal


def batch_of(operations: Sequence[Pending]) -> BatchRequest:
    """The message in which several operations travel together."""
    batch = BatchRequest()
    for operation in operations:
        request, message = operation.request, batch.operations.add()
        getattr(message, kind_of(request)).CopyFrom(request)
    return batch


def replies_in(answer: object, operations: Sequence[Pending]) -> list[Reply]:
    """What the answer to a call says of each operation in it."""
    if not isinstance(answer, BatchResponse):
        return [_fitting(operation, answer) for operation in operations]
    if len(answer.results) != len(operations):
        return [_unreadable()] * len(operations)
    return [
        _fitting(operation, getattr(result, result.WhichOneof("result") or "failure"))
        for operation, result in zip(operations, answer.results, strict=True)
    ]


def refusal_in(error: grpc.aio.AioRpcError, timeout_s: float) -> Refusal:
    """What a call that failed as a whole says of every operation in it."""
    return _refusal(error.code(), error.details() or "", told_in(error), timeout_s)


def _fitting(operation: Pending, answer: object) -> Reply:
    if isinstance(answer, Failure):
        code = STATUS_CODES.get(answer.code, grpc.StatusCode.UNKNOWN)
        told = Told(answer.reason, answer.nothing_written, answer.value_limit_bytes)
        return _refusal(code, answer.message, told, operation.timeout_s)
    fits = kind_of(answer) == kind_of(operation.request)
    if fits and answer.served_by:  # type: ignore[attr-defined]  # it is an answer to one
        return answer  # type: ignore[return-value]
    return _unreadable()


def _refusal(code: grpc.StatusCode, details: str, told: Told | None, timeout_s: float) -> Refusal:
    failure = explain(code, details, told, timeout_s)
    name = told.reason if told is not None else ""
    return Refusal(
        failure.kind, failure.reason, failure.nothing_written, name, failure.value_limit_bytes
    )


def _unreadable() -> Refusal:
    return Refusal(FailureKind.BROKEN, "its answer cannot be read", nothing_written=False)
