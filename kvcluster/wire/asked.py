"""What is asked for: the messages of clients as operations, checked at the door.

A Put, Get or Delete is an operation (model/operation.py), alone or in a batch. What cannot be, a
key or a value that is too large, a condition that says nothing, an expiry in the far past, is found
here, before anything is done, and the same behind every door: a node's, and a gateway's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from kvcluster.config import Settings
from kvcluster.errors import BadRequest
from kvcluster.model.condition import Condition, Holds
from kvcluster.model.entry import VERSION_BYTES, Version, is_version
from kvcluster.model.expiry import check_expiry, check_ttl
from kvcluster.model.operation import Kind, Operation
from kvcluster.wire.kinds import kind_of
from kvcluster.wire.limits import check_key, check_value

from demo_pb2 import BatchRequest, Block, PutRequest
from demo_pb2 import Condition as ConditionMessage
from demo_pb2 import Operation as OperationMessage

TownTime: TypeAlias = Callable[[], int]
"""Says what time it is in the town (model/town_clock.py). Asked only if that matters."""


def operation_of(request: Any, settings: Settings, town_ms: TownTime) -> Operation:
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
    ttl_ms, expires_ms = request.ttl_ms, request.expires_ms
    if request.WhichOneof("life") == "ttl_ms":
        check_ttl(ttl_ms)
    elif expires_ms:
        check_expiry(expires_ms, town_ms())
    return Operation(kind, key, request.value, condition, ttl_ms=ttl_ms, expires_ms=expires_ms)


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
    messages: Iterable[OperationMessage], settings: Settings, town_ms: TownTime
) -> list[Operation | BadRequest]:
    """What each message asks for, or what is wrong with it."""
    found: list[Operation | BadRequest] = []
    for message in messages:
        name = message.WhichOneof("operation")
        try:
            if name is None:
                raise BadRequest("an operation of the batch is neither put nor get nor delete")
            found.append(operation_of(getattr(message, name), settings, town_ms))
        except BadRequest as error:
            found.append(error)
    return found
