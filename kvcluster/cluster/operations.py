"""Operations on the wire: what a message asks for, and how it is sent on to another node.

One place for both ways, since each kind of operation has a message of its own, and stands in
another one where several travel together. What cannot be, a key or a value that is too large, is
found here, before anything is done.
"""

from __future__ import annotations

from collections.abc import Iterable

from kvcluster.cluster.arguments import check_key, check_value
from kvcluster.config import Settings
from kvcluster.errors import BadRequest
from kvcluster.model.operation import Kind, Operation

from demo_pb2 import BatchRequest, DeleteRequest, ForwardRequest, GetRequest, PutRequest
from demo_pb2 import Operation as OperationMessage

Request = PutRequest | GetRequest | DeleteRequest
_KINDS: dict[type, Kind] = {
    PutRequest: Kind.PUT,
    GetRequest: Kind.GET,
    DeleteRequest: Kind.DELETE,
}


def operation_of(request: Request, settings: Settings) -> Operation:
    """What a request asks for. Raises BadRequest."""
    check_key(request.key, settings)
    if isinstance(request, PutRequest):
        check_value(request.value, settings)
        return Operation(Kind.PUT, request.key, request.value)
    return Operation(_KINDS[type(request)], request.key)


def operations_of(request: BatchRequest, settings: Settings) -> list[Operation | BadRequest]:
    """What a batch asks for, or what is wrong with it, one by one. Raises BadRequest."""
    count, limit = len(request.operations), settings.batch_operations
    if count > limit:
        raise BadRequest(f"the batch has {count:,} operations, allowed are {limit:,}")
    size_bytes, limit_bytes = request.ByteSize(), settings.batch_bytes
    if size_bytes > limit_bytes and count > 1:
        raise BadRequest(
            f"the batch of {count:,} operations is {size_bytes:,} bytes long,"
            f" allowed are {limit_bytes:,}"
        )
    return each_of(request.operations, settings)


def each_of(
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
    request = ForwardRequest()
    add = request.batch.operations.add
    for operation in operations:
        if operation.kind is Kind.PUT:
            add().put.MergeFrom(PutRequest(key=operation.key, value=operation.value))
        elif operation.kind is Kind.GET:
            add().get.key = operation.key
        else:
            add().delete.key = operation.key
    return request
