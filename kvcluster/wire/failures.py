"""Failures: how an error of this library reads on the wire, and how it is read again.

A call that fails carries a status code and a sentence. An operation of a batch that fails carries
the same two in a message of its own, since the batch as a whole did not fail. Both are made here,
by one table, and so is the way back: a node that forwarded a batch raises what the other raised.

Codes are plain numbers here; the border (server/rpc.py) makes gRPC's own of them.
"""

from __future__ import annotations

import enum

from kvcluster.errors import (
    CERTAIN,
    AnswerFull,
    BadRequest,
    ConnectionLost,
    DiskIsFull,
    KvError,
    NothingWritten,
    NotReady,
    OutcomeUnknown,
    Overloaded,
    PeerRefused,
    PermissionDenied,
    TimedOut,
    TooLate,
    Unauthenticated,
    UnknownService,
    as_told,
    by_reason,
    reason_of,
)
from kvcluster.wire.error_info import Told

from demo_pb2 import Failure


class Code(enum.IntEnum):
    """Those of gRPC's status codes that a node answers with."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


_CODES: list[tuple[type[KvError], Code]] = [
    (BadRequest, Code.INVALID_ARGUMENT),
    (UnknownService, Code.NOT_FOUND),
    (PeerRefused, Code.FAILED_PRECONDITION),
    (Unauthenticated, Code.UNAUTHENTICATED),
    (PermissionDenied, Code.PERMISSION_DENIED),
    (Overloaded, Code.RESOURCE_EXHAUSTED),
    (AnswerFull, Code.RESOURCE_EXHAUSTED),
    (DiskIsFull, Code.RESOURCE_EXHAUSTED),
    (NotReady, Code.UNAVAILABLE),
    (TooLate, Code.DEADLINE_EXCEEDED),
    (TimedOut, Code.DEADLINE_EXCEEDED),
    (ConnectionLost, Code.UNAVAILABLE),
    (OutcomeUnknown, Code.INTERNAL),
]
_ERRORS = by_reason()


def code_of(error: KvError) -> Code:
    """The status code of an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Code.INTERNAL)


def details_of(error: KvError, *, writes: bool) -> str:
    """The sentence, cut if it is long. To callers that wanted to write it says when nothing was."""
    certain = CERTAIN if writes and isinstance(error, NothingWritten) else ""
    return as_told(str(error)) + certain


def failure_of(error: KvError, *, writes: bool) -> Failure:
    """The message of one operation that failed."""
    return Failure(
        code=code_of(error),
        message=details_of(error, writes=writes),
        nothing_written=isinstance(error, NothingWritten),
        reason=reason_of(type(error)),
        value_limit_bytes=value_limit_of(error),
        version=version_in(error),
    )


def version_in(error: KvError) -> bytes:
    """In which version a write would be that may have happened, if it is known; else empty."""
    return error.version if isinstance(error, OutcomeUnknown) else b""


def value_limit_of(error: KvError) -> int:
    """How large a value may be, if that is what an error is about; else 0."""
    return error.value_limit_bytes if isinstance(error, BadRequest) else 0


def named(told: Told | Failure, details: str) -> KvError:
    """The error that a node named, with its sentence.

    Whether something may have been written is what it says of that, not what its name says: names
    may be added, and who contradicts itself is not believed to have done nothing.
    """
    kind = _ERRORS.get(told.reason, NothingWritten)
    if not told.nothing_written and issubclass(kind, NothingWritten):
        kind = OutcomeUnknown
    error = kind(as_told(details.removesuffix(CERTAIN)))
    if isinstance(error, BadRequest):
        error.value_limit_bytes = told.value_limit_bytes
    if isinstance(error, OutcomeUnknown):
        error.version = told.version
    return error


def error_in(failure: Failure) -> KvError:
    """The error in a message."""
    return named(failure, failure.message or f"status code {failure.code}")
