"""What went wrong with a call, and the one question that follows: was anything written?

gRPC reports a failure as a status code and a text. The code alone does not do: `UNAVAILABLE` is
"nobody listens there" and also "the connection broke after your write was delivered". Yet one text
is certain. gRPC says "failed to connect to all addresses" only when no connection came about, so
the request cannot have left this machine. Nodes say "nothing was written" when they know it.

Where neither holds, the outcome is unknown. That is the safe mistake: a caller who looks again
loses a moment, one who was told "not done" may write twice.

Known weak spot: texts belong to gRPC, and may change with its versions. A text that is not
recognised only makes an answer less certain, never wrong; the tests hold today's.
"""

from __future__ import annotations

import enum
import re

import grpc

from kvcluster.errors import KvError

CERTAIN = "nothing was written"
"""How a node says, in the details of an error, that it is certain."""


class Kind(enum.Enum):
    """What a failed call means for whoever made it."""

    UNREACHABLE = "unreachable"  # no connection came about
    TIMED_OUT = "timed out"  # somebody may be there, and said nothing
    WRONG_SERVICE = "wrong service"  # somebody is there, and it is no node of this store
    BAD_REQUEST = "bad request"  # a node objects to the argument: no other will take it either
    REFUSED = "refused"  # a node cannot do it now: full disk, too busy, starting
    BROKEN = "broken"  # the connection, or the node, failed on the way


class CallFailed(KvError):
    """A call to a node failed. The text says why; it goes on after "localhost:50051: "."""

    def __init__(self, kind: Kind, reason: str, *, nothing_written: bool) -> None:
        super().__init__(reason)
        self.kind = kind
        self.nothing_written = nothing_written

    def __str__(self) -> str:
        return str(self.args[0])


_CERTAIN_CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: Kind.BAD_REQUEST,
    grpc.StatusCode.FAILED_PRECONDITION: Kind.REFUSED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Kind.REFUSED,
    grpc.StatusCode.UNIMPLEMENTED: Kind.WRONG_SERVICE,
}
"""With these codes the request was not carried out; demo.proto promises it."""

_NO_NODE = "a gRPC server, but not a node of this store, or one too old to know the question"
_NO_CONNECTION = ("failed to connect to all addresses", "failed to connect to remote host")
_NO_SUCH_HOST = ("errors resolving", "dns resolution failed", "address lookup failed")
_NOT_GRPC = ("failed parsing http/2", "http2 header with status")
_SILENT_CONNECTION = ("timed out", "timeout", "deadline")
_CUT = ("socket closed", "connection reset", "broken pipe", "stream removed", "goaway")
_GARBLED = "deserializing response"
_TOO_LARGE = "message larger than max"


def explain(code: grpc.StatusCode, details: str, timeout_s: float) -> CallFailed:
    """Say what a gRPC failure means. Pure: the same words give the same answer."""
    text = details.lower()
    if any(phrase in text for phrase in _NO_SUCH_HOST):
        return _never_sent(Kind.UNREACHABLE, "no such host")
    if any(phrase in text for phrase in _NOT_GRPC):
        return _never_sent(Kind.WRONG_SERVICE, "something answers there, but it is no gRPC server")
    if any(phrase in text for phrase in _NO_CONNECTION):
        return _no_connection(details, timeout_s)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return _never_sent(Kind.WRONG_SERVICE, _NO_NODE)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return _too_late(details, timeout_s)
    return _answered(code, details)


def _never_sent(kind: Kind, reason: str) -> CallFailed:
    return CallFailed(kind, reason, nothing_written=True)


def _no_connection(details: str, timeout_s: float) -> CallFailed:
    text = details.lower()
    if "refused" in text:
        return _never_sent(Kind.UNREACHABLE, "connection refused, nothing listens there")
    if any(phrase in text for phrase in _SILENT_CONNECTION):
        return _never_sent(Kind.TIMED_OUT, _silence(timeout_s))
    if any(phrase in text for phrase in _CUT):
        return _never_sent(Kind.UNREACHABLE, "something there closes every connection at once")
    return _never_sent(Kind.UNREACHABLE, f"no connection: {_last_words(details)}")


def _too_late(details: str, timeout_s: float) -> CallFailed:
    certain = CERTAIN in details.lower()
    # gRPC's own words ("Deadline Exceeded") say less than ours; a node's say more.
    from_node = certain or not re.match("deadline.exceeded", details, re.IGNORECASE)
    reason = details if details and from_node else _silence(timeout_s)
    return CallFailed(Kind.TIMED_OUT, reason, nothing_written=certain)


def _answered(code: grpc.StatusCode, details: str) -> CallFailed:
    text = details.lower()
    if _TOO_LARGE in text:
        return CallFailed(Kind.BAD_REQUEST, _size(details), nothing_written=True)
    if code in _CERTAIN_CODES:
        return CallFailed(_CERTAIN_CODES[code], details or code.name, nothing_written=True)
    if any(phrase in text for phrase in _CUT):
        reason = "the connection broke before the answer came"
        return CallFailed(Kind.BROKEN, reason, nothing_written=False)
    if _GARBLED in text:
        return CallFailed(Kind.BROKEN, "its answer cannot be read", nothing_written=False)
    certain = CERTAIN in text
    kind = Kind.REFUSED if certain else Kind.BROKEN
    return CallFailed(kind, details or code.name, nothing_written=certain)


def _silence(timeout_s: float) -> str:
    return f"no answer within {timeout_s:g} s; it may be frozen or cut off"


def _size(details: str) -> str:
    # "CLIENT: Sent message larger than max (18874379 vs. 16777216)"
    sizes = re.search(r"\((\d+) vs\. (\d+)\)", details)
    if sizes is None:
        return f"the message is too large ({details}); {CERTAIN}"
    size, limit = map(int, sizes.groups())
    return f"the message is {size:,} bytes long, allowed are {limit:,}; {CERTAIN}"


def _last_words(details: str) -> str:
    # "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.9:50051: No route ..."
    return details.rpartition(": ")[2] or details
