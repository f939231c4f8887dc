"""What gRPC's words mean. Whoever is told "nothing was written" may safely write again."""

from __future__ import annotations

import grpc
import pytest

from kvcluster.client.failure import Kind, explain

Code = grpc.StatusCode

_NO_CONNECTION = "failed to connect to all addresses; last error: "

NEVER_SENT = [
    # As grpcio 1.72 and 1.85 say it.
    (
        Kind.UNREACHABLE,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host:"
        " connect: Connection refused (111)",
    ),
    (
        Kind.UNREACHABLE,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host:"
        " Connection refused",
    ),
    (
        Kind.UNREACHABLE,
        Code.UNAVAILABLE,
        "DNS resolution failed for nope.invalid:1: C-ares status is not ARES_SUCCESS"
        " qtype=AAAA name=nope.invalid is_balancer=0: Domain name not found",
    ),
    (
        Kind.UNREACHABLE,
        Code.UNAVAILABLE,
        "errors resolving nope.invalid:1: [field:hostname lookup error:address lookup failed for"
        " nope.invalid:1: Domain name not found]",
    ),
    (
        Kind.UNREACHABLE,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNAVAILABLE: ipv4:127.0.0.1:1: Socket closed",
    ),
    (
        Kind.UNREACHABLE,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNKNOWN: ipv4:10.0.0.9:1: No route to host",
    ),
    (
        Kind.TIMED_OUT,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNKNOWN: ipv4:127.0.0.1:1: connection attempt timed out before"
        " receiving SETTINGS frame",
    ),
    (
        Kind.WRONG_SERVICE,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNAVAILABLE: ipv4:127.0.0.1:1: Failed parsing HTTP/2",
    ),
    (Kind.WRONG_SERVICE, Code.UNKNOWN, "Received http2 header with status: 415"),
    (Kind.WRONG_SERVICE, Code.UNIMPLEMENTED, "Method not found!"),
]


@pytest.mark.parametrize(("kind", "code", "details"), NEVER_SENT)
def test_what_never_reached_a_node_wrote_nothing(kind: Kind, code: Code, details: str) -> None:
    """No connection, or nobody who understands us."""
    failure = explain(code, details, timeout_s=5.0)
    assert failure.kind is kind
    assert failure.nothing_written


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (Code.INVALID_ARGUMENT, "the key '' is 0 bytes long", Kind.BAD_REQUEST),
        (Code.FAILED_PRECONDITION, "the clock is 2 days ahead", Kind.REFUSED),
        (Code.RESOURCE_EXHAUSTED, "the disk is full; nothing was written", Kind.REFUSED),
        (Code.UNAVAILABLE, "this node is stopping; nothing was written", Kind.REFUSED),
        (Code.DEADLINE_EXCEEDED, "the deadline passed; nothing was written", Kind.TIMED_OUT),
        (Code.INTERNAL, "it is odd, but nothing was written", Kind.REFUSED),
    ],
)
def test_a_refusal_wrote_nothing_and_keeps_its_sentence(
    code: Code, details: str, kind: Kind
) -> None:
    """The codes that promise it, and every code whose details do."""
    failure = explain(code, details, timeout_s=5.0)
    assert failure.kind is kind
    assert failure.nothing_written
    assert str(failure) == details


@pytest.mark.parametrize(
    ("code", "details"),
    [
        (Code.UNAVAILABLE, "Socket closed"),
        (Code.UNAVAILABLE, "Stream removed (Socket closed)"),
        (Code.UNAVAILABLE, "recvmsg:Connection reset by peer"),
        (Code.UNAVAILABLE, "something new in a later gRPC"),
        (Code.UNAVAILABLE, ""),
        (Code.DEADLINE_EXCEEDED, "Deadline Exceeded"),
        (Code.DEADLINE_EXCEEDED, "the deadline passed while the write was on its way"),
        (Code.INTERNAL, "an internal error; see the log"),
        (Code.CANCELLED, "CANCELLED"),
        (Code.UNKNOWN, "Exception calling application"),
    ],
)
def test_every_other_failure_leaves_the_outcome_unknown(code: Code, details: str) -> None:
    """The safe mistake: the request may have been delivered."""
    assert not explain(code, details, timeout_s=5.0).nothing_written


def test_silence_is_told_with_the_time_that_was_waited() -> None:
    """gRPC's "Deadline Exceeded" says less."""
    assert "no answer within 1.5 s" in str(
        explain(Code.DEADLINE_EXCEEDED, "Deadline Exceeded", 1.5)
    )


def test_a_message_over_grpcs_limit_is_the_callers_to_change() -> None:
    """Both sizes are named, and no node is asked again."""
    details = "CLIENT: Sent message larger than max (18874379 vs. 16777216)"
    failure = explain(Code.RESOURCE_EXHAUSTED, details, timeout_s=5.0)
    assert failure.kind is Kind.BAD_REQUEST
    assert "18,874,379" in str(failure)
    assert "16,777,216" in str(failure)


def test_answer_that_cannot_be_read_is_told_in_words_and_leaves_the_outcome_open() -> None:
    """gRPC speaks of an exception; whoever answered so may have written all the same."""
    failure = explain(Code.INTERNAL, "Exception deserializing response!", timeout_s=5.0)
    assert (failure.kind, str(failure)) == (Kind.BROKEN, "its answer cannot be read")
    assert not failure.nothing_written
