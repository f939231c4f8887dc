"""The error that a failed call carries for programs: google.rpc.ErrorInfo, as other services do it.

A status code says too little and a sentence is for people. So every call that a node fails carries
the reason as a word (`errors.reason_of`), and whether something may have been written, in the
trailer that gRPC reserves for a `google.rpc.Status`. Any language with the usual error library
reads it; nothing here is our own but the domain and the reasons.

It is read by peers and by clients, written by nodes. What cannot be read is no error: then there is
the code, and the sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from grpc_status.rpc_status import from_call, to_status

STATUS_CODES = {code.value[0]: code for code in StatusCode}
"""By the numbers under which they travel."""
DOMAIN = "kvcluster"
NOTHING_WRITTEN = "nothing_written"
"""Key in the metadata: "true" if the request certainly wrote nothing, else "false"."""
VALUE_LIMIT_BYTES = "value_limit_bytes"
"""Another: how large a value may be, in decimal digits; there if the value was too large."""
VERSION = "version"
"""Another: in which version a write would be that may have happened, in hexadecimal digits; there
if it was one with a condition."""
_MOST_DIGITS = 12
_VERSION_DIGITS = 24

Trailer = tuple[tuple[str, str | bytes], ...]


def code_name(code: int) -> str:
    """What a status code is called; a number that is none, as a peer may send one, stays one."""
    return STATUS_CODES[code].name if code in STATUS_CODES else str(code)


@dataclass(frozen=True, slots=True)
class Told:
    """What a node says of a call, or of an operation of a batch, that it failed."""

    reason: str
    """Its name for the error."""
    nothing_written: bool
    value_limit_bytes: int = 0
    """How large a value may be, if it was too large; else 0."""
    version: bytes = b""
    """In which a write with a condition would be, if nobody knows whether it happened."""


def trailer_of(code: int, details: str, told: Told) -> Trailer:
    """The trailing metadata of a call that fails."""
    metadata = {NOTHING_WRITTEN: "true" if told.nothing_written else "false"}
    if told.value_limit_bytes:
        metadata[VALUE_LIMIT_BYTES] = str(told.value_limit_bytes)
    if told.version:
        metadata[VERSION] = told.version.hex()
    info = AnyMessage()
    info.Pack(ErrorInfo(reason=told.reason, domain=DOMAIN, metadata=metadata))
    status = to_status(Status(code=code, message=details, details=[info]))
    return status.trailing_metadata


def told_in(call: Any) -> Told | None:
    """What stands in the trailer of a call that failed; None: no node of ours said anything."""
    if not call.trailing_metadata():
        return None  # gRPC itself failed it; most failures are of this kind
    try:
        status = from_call(call)
        for detail in status.details if status else ():
            info = ErrorInfo()
            if detail.Unpack(info) and info.domain == DOMAIN:
                said = info.metadata
                certain = said.get(NOTHING_WRITTEN) == "true"
                limit_bytes = _number(said.get(VALUE_LIMIT_BYTES, ""))
                return Told(info.reason, certain, limit_bytes, _version(said.get(VERSION, "")))
    except (DecodeError, ValueError):
        pass
    return None


def _number(digits: str) -> int:
    """What a node wrote as a number; 0 if it is none."""
    return int(digits) if digits.isdecimal() and len(digits) <= _MOST_DIGITS else 0


def _version(digits: str) -> bytes:
    """The same of a version; empty if it is none."""
    return bytes.fromhex(digits) if len(digits) == _VERSION_DIGITS else b""
