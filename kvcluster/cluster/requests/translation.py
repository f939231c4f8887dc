"""Translation: operations and what comes of them, from one node to another, and onto the wire.

What a client asks for is read by wire/asked.py. Here it is sent on to another node, and what came
of it, here or there, is made an answer. One place for both ways, since each kind of operation has
messages of its own, and stands in others where several travel together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kvcluster.cluster.deciding.turns import Decided
from kvcluster.cluster.requests.coordinator import Done
from kvcluster.errors import KvError
from kvcluster.model.condition import Condition, Holds
from kvcluster.model.entry import is_live, version_of
from kvcluster.model.operation import Kind, Operation
from kvcluster.security.callers import ON_BEHALF
from kvcluster.wire.answered import Answer, Outcome, get_response
from kvcluster.wire.failures import error_in

from demo_pb2 import Condition as ConditionMessage
from demo_pb2 import DeleteResponse, ForwardRequest, Mismatch, PutResponse, Result


def outcome_of(kind: Kind, done: Done | Decided | KvError, node: str) -> Outcome:
    """What came of an operation that `node` carried out."""
    if isinstance(done, KvError):
        return done
    if isinstance(done, Decided):
        return _decided(kind, done, node)
    if done.written is None:
        return get_response(done.seen, node, done.expires_ms)
    version, replicas, acknowledged = done.written
    answer: Any = PutResponse if kind is Kind.PUT else DeleteResponse
    response: Answer = answer(
        version=version, replicas=replicas, acknowledged=acknowledged, served_by=node
    )
    if isinstance(response, DeleteResponse):
        response.found = is_live(done.seen)
    return response


def _decided(kind: Kind, done: Decided, node: str) -> Outcome:
    """What came of one that a majority decided."""
    ruling, seen = done.ruling, done.ruling.seen
    found, version = seen.value is not None, seen.version or b""
    if kind is Kind.GET:
        entry = seen.entry
        if entry is not None and seen.has_expired:
            entry = (None, version_of(entry))
        return get_response(entry, node, seen.expires_ms if is_live(entry) else 0)
    answer: Any = PutResponse if kind is Kind.PUT else DeleteResponse
    if ruling.mismatched:
        there = Mismatch(found=found, value=seen.value or "", version=version)
        there.expires_ms = seen.expires_ms if found else 0
        mismatched: Answer = answer(mismatch=there, served_by=node)
        return mismatched
    response: Answer = answer(
        version=ruling.version,
        replicas=done.replicas,
        acknowledged=done.acknowledged,
        served_by=node,
    )
    if isinstance(response, DeleteResponse):
        response.found = found
    return response


def outcome_in(result: Result) -> Outcome:
    """What another node says came of an operation."""
    name = result.WhichOneof("result")
    if name is None or name == "failure":
        return error_in(result.failure)
    answer: Answer = getattr(result, name)
    return answer


def condition_message(condition: Condition) -> ConditionMessage:
    """The same, as it travels."""
    message = ConditionMessage()
    takes = condition.what in (Holds.VALUE, Holds.VERSION)
    setattr(message, condition.what.value, condition.operand if takes else True)
    return message


def forward_of(operations: Iterable[Operation]) -> ForwardRequest:
    """The message in which operations are sent on."""
    request = ForwardRequest(name=ON_BEHALF.get())
    for operation in operations:
        _fill(getattr(request.batch.operations.add(), operation.kind.value), operation)
    return request


def _fill(message: Any, operation: Operation) -> None:
    message.key = operation.key
    if operation.kind is Kind.GET:
        message.linearizable = operation.linearizable
        return
    if operation.condition is not None:
        message.condition.CopyFrom(condition_message(operation.condition))
    if operation.value:
        message.value = operation.value
    if operation.ttl_ms:
        message.ttl_ms = operation.ttl_ms
    elif operation.expires_ms:
        message.expires_ms = operation.expires_ms
