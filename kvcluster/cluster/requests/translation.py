"""Translation: operations and what comes of them, from the wire and onto it.

What a client asks for is read here, sent on to another node here, and so are answers, which are
made at the node that a client asked or, forwarded, at another. One place for both ways, since each
kind of operation has messages of its own, and stands in others where several travel together. What
cannot be, a key or a value that is too large, is found here, before anything is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from kvcluster.cluster.deciding.turns import Decided
from kvcluster.cluster.requests.coordinator import Done
from kvcluster.config import Settings
from kvcluster.errors import AnswerFull, BadRequest, KvError
from kvcluster.model.condition import Condition, Holds
from kvcluster.model.entry import VERSION_BYTES, Entry, Version, is_live, is_version
from kvcluster.model.operation import Kind, Operation
from kvcluster.security.callers import ON_BEHALF
from kvcluster.wire.failures import error_in, failure_of
from kvcluster.wire.kinds import kind_of
from kvcluster.wire.limits import check_key, check_value

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
    Block,
    DeleteResponse,
    ForwardRequest,
    GetResponse,
    Mismatch,
    PutRequest,
    PutResponse,
    Result,
)
from demo_pb2 import Condition as ConditionMessage
from demo_pb2 import Operation as OperationMessage

Answer: TypeAlias = PutResponse | GetResponse | DeleteResponse
Outcome: TypeAlias = Answer | KvError
"""What came of one operation."""


def outcome_of(kind: Kind, done: Done | Decided | KvError, node: str) -> Outcome:
    """What came of an operation that `node` carried out."""
    if isinstance(done, KvError):
        return done
    if isinstance(done, Decided):
        return _decided(kind, done, node)
    if done.written is None:
        return get_response(done.seen, node)
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
        expires_ms = seen.expires_ms if found else 0
        return GetResponse(
            found=found,
            value=seen.value or "",
            version=version,
            served_by=node,
            expires_ms=expires_ms,
        )
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


def batch_response(asked: Iterable[OperationMessage], outcomes: Iterable[Outcome]) -> BatchResponse:
    """What came of many operations, in their order."""
    response = BatchResponse()
    for message, outcome in zip(asked, outcomes, strict=True):
        result = response.results.add()
        if isinstance(outcome, KvError):
            result.failure.MergeFrom(failure_of(outcome, writes=not message.HasField("get")))
        else:
            getattr(result, kind_of(outcome)).MergeFrom(outcome)
    return response


def within_room(outcomes: Sequence[Outcome], settings: Settings) -> list[Outcome]:
    """The same, with values left out that an answer has no room for; it says so in their place.

    So it can always be sent: else a write in it would be done, and its client not know.
    """
    used_bytes, limit_bytes = 0, settings.batch_bytes
    fitting = list[Outcome]()
    if _need_little(outcomes, min(limit_bytes, settings.answer_value_bytes)):
        return list(outcomes)
    for outcome in outcomes:
        size_bytes = len(_value_in(outcome).encode())
        if size_bytes > settings.answer_value_bytes:
            fitting.append(_too_large(size_bytes, settings))
        elif size_bytes and used_bytes and used_bytes + size_bytes > limit_bytes:
            full = f"the answer has no room over {limit_bytes:,} bytes; ask again"
            fitting.append(AnswerFull(full))
        else:
            used_bytes += size_bytes
            fitting.append(outcome)
    return fitting


def _need_little(outcomes: Sequence[Outcome], limit_bytes: int) -> bool:
    """Whether all values have room, at four bytes a character."""
    return 4 * sum(len(_value_in(outcome)) for outcome in outcomes) <= limit_bytes


def _value_in(outcome: Outcome) -> str:
    """The value that an outcome carries: what was read, or what is there instead."""
    if isinstance(outcome, GetResponse):
        return outcome.value
    return "" if isinstance(outcome, KvError) else outcome.mismatch.value


def refuse_if_too_large(value: str, settings: Settings) -> None:
    """Raise AnswerFull if no answer can carry a value: it was stored under larger limits."""
    if len(value) <= settings.answer_value_bytes // 4:  # a character takes 1 to 4 bytes
        return
    size_bytes = len(value.encode())
    if size_bytes > settings.answer_value_bytes:
        raise _too_large(size_bytes, settings)


def _too_large(size_bytes: int, settings: Settings) -> AnswerFull:
    return AnswerFull(
        f"the value is {size_bytes:,} bytes long, and an answer of this node carries"
        f" {settings.answer_value_bytes:,}; start it with a larger value_limit_bytes"
    )


def get_response(entry: Entry | None, node: str) -> GetResponse:
    """The answer to a Get, from the data of `node`. None: the key was never seen."""
    if entry is None:
        return GetResponse(served_by=node)
    value, version = entry
    return GetResponse(found=value is not None, value=value or "", version=version, served_by=node)


def operation_of(request: Any, settings: Settings) -> Operation:
    """What a PutRequest, GetRequest or DeleteRequest asks for. Raises BadRequest."""
    key, kind = request.key, Kind(kind_of(request))
    check_key(key, settings)
    if kind is Kind.GET:
        return Operation(kind, key, linearizable=request.linearizable)
    condition = condition_in(request.condition) if request.HasField("condition") else None
    if condition is not None and isinstance(condition.operand, str):
        check_value(condition.operand, settings)
    if kind is Kind.DELETE:
        return Operation(kind, key, condition=condition)
    check_value(request.value, settings)
    return Operation(
        kind,
        key,
        request.value,
        condition,
        ttl_ms=request.ttl_ms,
        expires_ms=request.expires_ms,
    )


def condition_in(message: ConditionMessage) -> Condition:
    """The condition in a message. Raises BadRequest if it asks for nothing, or for no version."""
    name = message.WhichOneof("holds")
    if name is None:
        raise BadRequest("the condition says nothing; one that always holds is none=true")
    what = Holds(name)
    if what is Holds.VALUE:
        return Condition(what, message.value)
    if what is Holds.VERSION:
        if not is_version(message.version):
            raise BadRequest(
                f"the condition names the version {message.version[: VERSION_BYTES + 1].hex()!r} of"
                f" {len(message.version):,} bytes; a version has {VERSION_BYTES}"
            )
        return Condition(what, Version(message.version))
    if not getattr(message, name):
        raise BadRequest(f"the condition says {name}=false, which is none; say what must hold")
    return Condition(what)


def condition_message(condition: Condition) -> ConditionMessage:
    """The same, as it travels."""
    message = ConditionMessage()
    takes = condition.what in (Holds.VALUE, Holds.VERSION)
    setattr(message, condition.what.value, condition.operand if takes else True)
    return message


def refuse_large_batch(request: BatchRequest, settings: Settings) -> None:
    """Raise BadRequest if a batch has too many operations, or is too long."""
    count, limit = len(request.operations), settings.batch_operations
    if count > limit:
        raise BadRequest(f"the batch has {count:,} operations, allowed are {limit:,}")
    size_bytes, limit_bytes = request.ByteSize(), settings.batch_bytes
    if size_bytes > limit_bytes and count > 1:
        raise BadRequest(
            f"the batch of {count:,} operations is {size_bytes:,} bytes long,"
            f" allowed are {limit_bytes:,}"
        )


def refuse_bad_block(block: Block, settings: Settings) -> None:
    """Raise BadRequest if a block has too many puts, or is too long, or its columns differ."""
    keys, values, limit = len(block.keys), len(block.values), settings.put_many_keys
    if keys != values or block.first_version:
        raise BadRequest(f"the block has {keys:,} keys and {values:,} values, or has a version")
    if keys > limit:
        raise BadRequest(f"the block has {keys:,} puts, allowed are {limit:,}")
    size_bytes, limit_bytes = block.ByteSize(), settings.batch_bytes
    if size_bytes > limit_bytes and keys > 1:
        raise BadRequest(
            f"the block of {keys:,} puts is {size_bytes:,} bytes long, allowed are {limit_bytes:,}"
        )


def batch_of(block: Block) -> BatchRequest:
    """The same puts as a batch."""
    pairs = zip(block.keys, block.values, strict=True)
    puts = [PutRequest(key=key, value=value) for key, value in pairs]
    return BatchRequest(operations=[OperationMessage(put=put) for put in puts])


def operations_of(
    messages: Iterable[OperationMessage], settings: Settings
) -> list[Operation | BadRequest]:
    """What each message asks for, or what is wrong with it."""
    found: list[Operation | BadRequest] = []
    for message in messages:
        name = message.WhichOneof("operation")
        try:
            if name is None:
                raise BadRequest("an operation of the batch is neither put nor get nor delete")
            found.append(operation_of(getattr(message, name), settings))
        except BadRequest as error:
            found.append(error)
    return found


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
