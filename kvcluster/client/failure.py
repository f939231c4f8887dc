"""What went wrong with a call, and the one question that follows: was anything written?

Whoever failed the call decides how that is answered. A node of this store says it beside the status
(`wire/error_info.py`): then its word alone counts, whatever stands in the sentence, which may quote
others. Where no node said anything, gRPC itself gave up, and only few of its words are certain
(`wire/delivery.py`). A bad argument and a failed precondition are: gRPC says neither by itself, so
something answered that keeps to demo.proto.

Where nothing is certain, the outcome is unknown. That is the safe mistake: a caller who looks again
loses a moment, one who was told "not done" may write twice.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

import grpc

from kvcluster.errors import (
    CERTAIN,
    AnswerFull,
    BadRequest,
    KvError,
    NothingWritten,
    PermissionDenied,
    Unauthenticated,
    as_told,
    reason_of,
)
from kvcluster.wire.delivery import Undelivered, undelivered
from kvcluster.wire.error_info import Told, told_in


class FailureKind(enum.Enum):
    """What a failed call means for whoever made it."""

    UNREACHABLE = "unreachable"  # no connection came about
    TIMED_OUT = "timed out"  # somebody may be there, and said nothing
    WRONG_SERVICE = "wrong service"  # somebody is there, and it is no node of this store
    BAD_REQUEST = "bad request"  # a node objects to the argument: no other will take it either
    REFUSED = "refused"  # a node cannot do it now: full disk, too busy, starting
    DENIED = "denied"  # a node does not know who asks, or he may not; no other node says otherwise
    TLS = "tls"  # somebody is there, and what the two show each other does not fit
    BROKEN = "broken"  # the connection, or the node, failed on the way


_OPEN = (FailureKind.TIMED_OUT, FailureKind.BROKEN)
"""Only what failed so may have been carried out all the same."""
TOO_OLD = "TOO_OLD"
"""Said by a client of a node that would ignore a part of an operation."""
_ABOUT_THE_OPERATION = {
    "ANSWER_FULL",
    "CONNECTION_LOST",
    "DISK_IS_FULL",
    "NO_MAJORITY",
    "NO_REPLICA",
    "OUTCOME_UNKNOWN",
    "TIMED_OUT",
    "TOO_LATE",
    TOO_OLD,
}
"""Errors that a node has with one operation and not with others. So it may stay in use."""


_UNKNOWN, _FORBIDDEN = reason_of(Unauthenticated), reason_of(PermissionDenied)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call, or one operation of it, was not carried out, or nobody knows."""

    kind: FailureKind
    reason: str
    """Why. It goes on after "localhost:50051: "."""
    nothing_written: bool
    name: str = ""
    """The node's own name for the error (`errors.reason_of`); empty if gRPC itself says it."""
    value_limit_bytes: int | None = None
    """If a value is too large, how large it may be, 0 where nobody says so; None if it is not."""
    version: bytes = b""
    """If nobody knows whether it was carried out: the version that it would have, if told."""

    def __post_init__(self) -> None:
        assert self.nothing_written or self.kind in _OPEN

    @property
    def is_final(self) -> bool:
        """Whether every node would refuse it."""
        return self.kind in (FailureKind.BAD_REQUEST, FailureKind.DENIED)

    def error(self, text: str) -> NothingWritten:
        """What is raised for what is final."""
        assert self.is_final
        if self.kind is FailureKind.DENIED:
            return (Unauthenticated if self.name == _UNKNOWN else PermissionDenied)(text)
        return BadRequest(text)

    @property
    def answer_full(self) -> bool:
        """Whether the same node gives it at once if it is asked again."""
        return self.name == reason_of(AnswerFull)

    @property
    def about_the_node(self) -> bool:
        """Whether the node would refuse other operations as well."""
        return (
            not self.is_final
            and self.kind is not FailureKind.TIMED_OUT
            and self.name not in _ABOUT_THE_OPERATION
        )


UNREADABLE = Refusal(FailureKind.BROKEN, "its answer cannot be read", nothing_written=False)
"""What came is no message, or does not fit the question; nobody knows what the node did."""


class CallFailed(KvError):
    """A call to a node failed, for programs that look at single nodes. The text says why."""

    def __init__(self, kind: FailureKind, reason: str, nothing_written: bool) -> None:
        super().__init__(kind, reason, nothing_written)
        self.kind = kind
        self.reason = reason
        self.nothing_written = nothing_written

    def __str__(self) -> str:
        return self.reason


_NOT_GRPC = "something answers there, but it is no gRPC server"
_NO_NODE = "a gRPC server, but not a node of this store, or one too old to know the question"
_NEVER_SENT = {
    Undelivered.NO_HOST: (FailureKind.UNREACHABLE, "no such host"),
    Undelivered.NOT_GRPC: (FailureKind.WRONG_SERVICE, _NOT_GRPC),
    Undelivered.NO_METHOD: (FailureKind.WRONG_SERVICE, _NO_NODE),
}
_KEPT_TO_THE_CONTRACT = {
    grpc.StatusCode.INVALID_ARGUMENT: FailureKind.BAD_REQUEST,
    grpc.StatusCode.FAILED_PRECONDITION: FailureKind.REFUSED,
}
"""With these codes nothing was done; demo.proto promises it, and gRPC itself never uses them."""
_SILENT_CONNECTION = ("timed out", "timeout", "deadline")
_NO_HTTP_2 = "failed parsing http/2"
_CUT = ("socket closed", "connection reset", "broken pipe", "stream removed", "goaway")
_TLS = "failed to connect to all addresses; TLS: "
"""As gRPC begins, and as it never goes on."""
_GARBLED = "deserializing response"
_TOO_LARGE = "message larger than max"


def explain(code: grpc.StatusCode, details: str, told: Told | None, timeout_s: float) -> Refusal:
    """Say what a failed call means. Pure: the same words give the same answer.

    `told`: what a node said of it beside the status; None: no node did.
    """
    if told is not None:
        return _said_by_node(code, details, told)
    if why := undelivered(code.name, details):
        return _never_sent(why, details, timeout_s)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Refusal(FailureKind.TIMED_OUT, _silence(timeout_s), nothing_written=False)
    reason = as_told(details.removesuffix(CERTAIN)) or code.name
    if code in _KEPT_TO_THE_CONTRACT:
        return Refusal(_KEPT_TO_THE_CONTRACT[code], reason, nothing_written=True)
    return Refusal(FailureKind.BROKEN, _broken(details) or reason, nothing_written=False)


def tls_error(trouble: str) -> grpc.aio.AioRpcError:
    """The error of a call that came to nothing for this trouble with TLS."""
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, nothing, nothing, f"{_TLS}{trouble}")


def refusal_in(error: grpc.aio.AioRpcError, timeout_s: float) -> Refusal:
    """What a call means that failed, for every operation in it."""
    return explain(error.code(), error.details() or "", told_in(error), timeout_s)


def is_unknown_method(answer: object) -> bool:
    """Whether a node does not know what it was asked, or is no node: nothing was written."""
    return isinstance(answer, Refusal) and answer.kind is FailureKind.WRONG_SERVICE


def _said_by_node(code: grpc.StatusCode, details: str, told: Told) -> Refusal:
    reason = as_told(details.removesuffix(CERTAIN)) or code.name
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        kind = FailureKind.TIMED_OUT
    elif not told.nothing_written:
        kind = FailureKind.BROKEN
    elif code is grpc.StatusCode.INVALID_ARGUMENT:
        kind = FailureKind.BAD_REQUEST
    elif told.reason in (_UNKNOWN, _FORBIDDEN):
        kind = FailureKind.DENIED
    else:
        kind = FailureKind.REFUSED
    limit_bytes = told.value_limit_bytes or None
    return Refusal(kind, reason, told.nothing_written, told.reason, limit_bytes, told.version)


def _never_sent(why: Undelivered, details: str, timeout_s: float) -> Refusal:
    if why is Undelivered.NO_CONNECTION:
        kind, reason = _no_connection(details, timeout_s)
    elif why is Undelivered.TOO_LARGE:
        reason = f"the message is {_sizes(details)}"
        return Refusal(FailureKind.BAD_REQUEST, reason, nothing_written=True, value_limit_bytes=0)
    else:
        kind, reason = _NEVER_SENT[why]
    return Refusal(kind, reason, nothing_written=True)


def _no_connection(details: str, timeout_s: float) -> tuple[FailureKind, str]:
    text = details.lower()
    if details.startswith(_TLS):
        return FailureKind.TLS, details.removeprefix(_TLS)
    if _NO_HTTP_2 in text:
        return FailureKind.WRONG_SERVICE, _NOT_GRPC
    if "refused" in text:
        return FailureKind.UNREACHABLE, "connection refused, nothing listens there"
    if any(phrase in text for phrase in _SILENT_CONNECTION):
        return FailureKind.TIMED_OUT, _silence(timeout_s)
    if any(phrase in text for phrase in _CUT):
        return FailureKind.UNREACHABLE, "something there closes every connection at once"
    return FailureKind.UNREACHABLE, f"no connection: {_last_words(details)}"


def _broken(details: str) -> str:
    """What broke, in words of ours; empty if gRPC's have to do."""
    text = details.lower()
    if _TOO_LARGE in text:
        return f"its answer is {_sizes(details)}"
    if any(phrase in text for phrase in _CUT):
        return "the connection broke before the answer came"
    return UNREADABLE.reason if _GARBLED in text else ""


def _silence(timeout_s: float) -> str:
    return f"no answer within {timeout_s:g} s; it may be frozen or cut off"


def _sizes(details: str) -> str:
    # "CLIENT: Sent message larger than max (18874379 vs. 16777216)"
    sizes = re.search(r"\((\d+) vs\. (\d+)\)", details)
    if sizes is None:
        return f"too large ({as_told(details)})"
    size, limit = map(int, sizes.groups())
    return f"{size:,} bytes long, allowed are {limit:,}"


def _last_words(details: str) -> str:
    # "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.9:50051: No route ..."
    return as_told(details.rpartition(": ")[2] or details)
