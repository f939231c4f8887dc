"""What a stream of calls says, as the error that a call alone would have had. Decides only.

A node says of each call that failed what its status and trailer would say, in a `Failure`. The
status of the stream itself is about the stream. A call on its way when it ends was carried out or
not, so of gRPC's words none may be handed on that would be certain of a call alone: "message larger
than max" was said of another call, "no such method" of none.
"""

from __future__ import annotations

import grpc

from kvcluster.wire.bounds import CALLS_AT_ONCE
from kvcluster.wire.delivery import undelivered
from kvcluster.wire.error_info import STATUS_CODES, Told, trailer_of
from kvcluster.wire.outline import exceeds, method_of, outline_of

from demo_pb2 import CallsResponse, Failure

PATH = "/demo.KeyValue/Calls"
"""The method of streams."""
_FIELDS = CALLS_AT_ONCE * 16
"""Of a message: as many answers as can be on their way twice over, each a failure of 7 fields."""
_OUTLINE = outline_of(method_of(PATH).output_type)


def call_error(
    code: grpc.StatusCode, details: str, trailer: grpc.aio.Metadata | None = None
) -> grpc.aio.AioRpcError:
    """The error of a call alone."""
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, trailer or nothing, details)


def error_in(failure: Failure) -> grpc.aio.AioRpcError:
    """What a node said of a call."""
    code = STATUS_CODES.get(failure.code, grpc.StatusCode.UNKNOWN)
    if not failure.reason:
        return call_error(code, failure.message)
    told = Told(failure.reason, failure.nothing_written, failure.value_limit_bytes, failure.version)
    trailer = trailer_of(code.value[0], failure.message, told)
    return call_error(code, failure.message, grpc.aio.Metadata(*trailer))


def error_of_end(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    """What the end of a stream is for a call on its way: a connection that broke."""
    if code is grpc.StatusCode.UNAVAILABLE and not undelivered(code.name, details):
        return call_error(code, details)
    return call_error(grpc.StatusCode.UNAVAILABLE, f"the stream of calls ended with {code.name}")


def frame_in(data: bytes) -> CallsResponse | None:
    """A message of the stream; None if it is none, or dear to parse."""
    if exceeds(data, _OUTLINE, _FIELDS):
        return None
    try:
        return CallsResponse.FromString(data)
    except Exception:  # protobuf's own error type differs between its versions
        return None
