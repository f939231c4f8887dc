"""A parcel: operations that travel together, how they are sent, and what comes back for each.

It holds the keys of its operations until they have ended (`waiting_line.py`), also while it rests
or looks for a node. At each node it hands over as many operations as a batch may have, in order.

A lone operation travels as a plain Put, Get or Delete, several as one Batch, or, if they put
distinct keys, as a PutMany, which costs less. Afterwards that makes no difference: each has a
reply, an answer or a `Refusal`. If a call failed as a whole, that is the refusal of every operation
in it. What a refusal means is decided in one place (`failure.py`).

An answer that does not fit its question is a node that cannot be understood: unknown. So is one
that names no node: an empty message must be read neither as "no such key" nor as "done".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc

from kvcluster.client.crate import Crate
from kvcluster.client.failure import UNREADABLE, FailureKind, Refusal, explain
from kvcluster.client.pending import Answer, Pending
from kvcluster.model.entry import Version, following, is_followed, is_version
from kvcluster.wire.error_info import STATUS_CODES, Told
from kvcluster.wire.kinds import kind_of

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
    Block,
    Failure,
    PutManyRequest,
    PutManyResponse,
    PutRequest,
    PutResponse,
    Result,
)

Reply: TypeAlias = Answer | Refusal


@dataclass(eq=False, slots=True)
class Parcel:
    """Operations on their way."""

    operations: list[Pending]
    """Those that have not ended, in their order."""
    crate: Crate | None = None
    """All that is in it, as long as that is not unpacked; then it has no operations."""
    avoid: frozenset[str] = frozenset()
    """Nodes that refused some of them in this round."""
    rounds: int = 0
    """How often all nodes there are had refused."""
    is_hedge: bool = False
    """Its reads are on their way in another parcel as well, to a node that is silent."""
    on_first_way: bool = False
    """No node has had its say yet, and it takes the place of a parcel that could leave."""
    may_retry: bool = False
    """The retry budget has paid for it: what fails is tried again, as long as there is time."""
    watch: asyncio.TimerHandle | None = None
    """When to look whether the node that was asked says anything at all."""
    hedges: list[tuple[Parcel, asyncio.Task[None]]] = field(default_factory=list)

    @property
    def wanted(self) -> bool:
        """Whether anybody waits for what is in it."""
        if self.crate is not None:
            return not self.crate.over
        return not all(operation.over for operation in self.operations)

    @property
    def latest_s(self) -> float:
        """The last of its deadlines."""
        return max(operation.deadline_s for operation in self.operations)

    def to_hedge(self) -> list[Pending]:
        """Reads that may be asked of another node while this one says nothing.

        Not those behind a write of the same parcel: elsewhere they would miss it.
        """
        written: set[str] = set()
        reads: list[Pending] = []
        for operation in self.operations:
            if operation.writes:
                written.add(operation.key)
            elif not (operation.over or operation.hedged or operation.key in written):
                reads.append(operation)
        return reads


def columns_of(operations: Sequence[Pending]) -> PutManyRequest | None:
    """The message in which several puts of distinct keys travel together; None: they are not."""
    if len(operations) < 2:
        return None
    requests = [it.request for it in operations if isinstance(it.request, PutRequest)]
    keys = [request.key for request in requests]
    if len(set(keys)) < len(operations):
        return None
    return PutManyRequest(block=Block(keys=keys, values=[it.value for it in requests]))


def batch_of(operations: Sequence[Pending]) -> BatchRequest:
    """The message in which several operations travel together."""
    batch = BatchRequest()
    for operation in operations:
        request, message = operation.request, batch.operations.add()
        getattr(message, kind_of(request)).CopyFrom(request)
    return batch


def replies_in(answer: object, operations: Sequence[Pending]) -> list[Reply]:
    """What the answer to a call, or the refusal of it, says of each operation in it."""
    if isinstance(answer, Refusal):
        return [answer] * len(operations)
    if isinstance(answer, PutManyResponse):
        puts = _each_in(answer, len(operations))
        return [_fitting(*it) for it in zip(operations, puts, strict=True)]
    if not isinstance(answer, BatchResponse):
        return [_fitting(operation, answer) for operation in operations]
    if len(answer.results) != len(operations):
        return [UNREADABLE] * len(operations)
    each = map(_outcome, answer.results)
    return [_fitting(*it) for it in zip(operations, each, strict=True)]


def _outcome(result: Result) -> object:
    return getattr(result, result.WhichOneof("result") or "failure")


def _each_in(answer: PutManyResponse, count: int) -> list[object]:
    """What came of each put in columns; None where that cannot be read."""
    first = Version(answer.first_version)
    each: list[object] = [None] * count
    if is_version(first) and is_followed(first, count):
        replicas, acknowledged, node = answer.replicas, answer.acknowledged, answer.served_by
        each = [
            PutResponse(
                version=version, replicas=replicas, acknowledged=acknowledged, served_by=node
            )
            for version in following(first, count)
        ]
    for exception in answer.exceptions:
        if exception.place < count:
            each[exception.place] = _outcome(exception.result)
    return each


def _fitting(operation: Pending, answer: object) -> Reply:
    if isinstance(answer, Failure):
        code = STATUS_CODES.get(answer.code, grpc.StatusCode.UNKNOWN)
        told = Told(answer.reason, answer.nothing_written, answer.value_limit_bytes, answer.version)
        return explain(code, answer.message, told, operation.timeout_s)
    fits = kind_of(answer) == kind_of(operation.request)
    if fits and answer.served_by:  # type: ignore[attr-defined]  # it is an answer to one
        return answer  # type: ignore[return-value]
    return UNREADABLE


def is_too_much(replies: Sequence[Reply]) -> bool:
    """Whether a batch was refused for its size: with settings of its own a node may take less.

    A wrong argument is refused for the one operation that has it, so this can be nothing else.
    """
    first = replies[0]
    return (
        len(replies) > 1
        and isinstance(first, Refusal)
        and first.kind is FailureKind.BAD_REQUEST
        and all(reply is first for reply in replies)
    )
