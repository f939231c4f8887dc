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
from typing import TypeAlias

import grpc

from kvcluster.client.failure import UNREADABLE, Refusal, explain
from kvcluster.client.pending import Answer, Pending
from kvcluster.wire.error_info import STATUS_CODES, Told

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
    DeleteRequest,
    DeleteResponse,
    Failure,
    GetRequest,
    GetResponse,
    PutRequest,
    PutResponse,
)

_ANSWERS = {PutRequest: PutResponse, GetRequest: GetResponse, DeleteRequest: DeleteResponse}
Reply: TypeAlias = Answer | Refusal


def batch_of(operations: Sequence[Pending]) -> BatchRequest:
    """The message in which several operations travel together."""
    batch = BatchRequest()
    for operation in operations:
        request, message = operation.request, batch.operations.add()
        if isinstance(request, PutRequest):
            message.put.CopyFrom(request)
        elif isinstance(request, GetRequest):
            message.get.CopyFrom(request)
        else:
            message.delete.CopyFrom(request)
    return batch


def replies_in(answer: object, operations: Sequence[Pending]) -> list[Reply]:
    """What the answer to a call says of each operation in it."""
    if not isinstance(answer, BatchResponse):
        return [_fitting(operation, answer) for operation in operations]
    if len(answer.results) != len(operations):
        return [UNREADABLE] * len(operations)
    return [
        _fitting(operation, getattr(result, result.WhichOneof("result") or "failure"))
        for operation, result in zip(operations, answer.results, strict=True)
    ]


def _fitting(operation: Pending, answer: object) -> Reply:
    if isinstance(answer, Failure):
        code = STATUS_CODES.get(answer.code, grpc.StatusCode.UNKNOWN)
        told = Told(answer.reason, answer.nothing_written, answer.value_limit_bytes)
        return explain(code, answer.message, told, operation.timeout_s)
    fits = isinstance(answer, _ANSWERS[type(operation.request)])
    if fits and answer.served_by:  # type: ignore[attr-defined]  # it is one of the three
        return answer  # type: ignore[return-value]
    return UNREADABLE
