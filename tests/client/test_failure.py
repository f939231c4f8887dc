"""What gRPC's words mean. Whoever is told "nothing was written" may safely write again."""

from __future__ import annotations

import grpc
import pytest

from kvcluster.client.failure import FailureKind, explain
from kvcluster.wire.error_info import Told

Code = grpc.StatusCode

_NO_CONNECTION = "failed to connect to all addresses; last error: "

NEVER_SENT = [
    # As grpcio 1.72 and 1.85 say it.
    (
        FailureKind.UNREACHABLE,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host:"
        " connect: Connection refused (111)",
    ),
    (
        FailureKind.UNREACHABLE,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host:"
        " Connection refused",
    ),
    (
        FailureKind.UNREACHABLE,
        Code.UNAVAILABLE,
        "DNS resolution failed for nope.invalid:1: C-ares status is not ARES_SUCCESS"
        " qtype=AAAA name=nope.invalid is_balancer=0: Domain name not found",
    ),
    (
        FailureKind.UNREACHABLE,
        Code.UNAVAILABLE,
        "errors resolving nope.invalid:1: [field:hostname lookup error:address lookup failed for"
        " nope.invalid:1: Domain name not found]",
    ),
    (
        FailureKind.UNREACHABLE,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNAVAILABLE: ipv4:127.0.0.1:1: Socket closed",
    ),
    (
        FailureKind.UNREACHABLE,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNKNOWN: ipv4:10.0.0.9:1: No route to host",
    ),
    (
        FailureKind.TIMED_OUT,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNKNOWN: ipv4:127.0.0.1:1: connection attempt timed out before"
        " receiving SETTINGS frame",
    ),
    (
        FailureKind.WRONG_SERVICE,
        Code.UNAVAILABLE,
        _NO_CONNECTION + "UNAVAILABLE: ipv4:127.0.0.1:1: Failed parsing HTTP/2",
    ),
    (FailureKind.WRONG_SERVICE, Code.UNKNOWN, "Received http2 header with status: 415"),
    (FailureKind.WRONG_SERVICE, Code.UNIMPLEMENTED, "Method not found!"),
]


@pytest.mark.parametrize(("kind", "code", "details"), NEVER_SENT)
def test_what_never_reached_a_node_wrote_nothing(
    kind: FailureKind, code: Code, details: str
) -> None:
    """No connection, or nobody who understands us."""
    failure = explain(code, details, None, timeout_s=5.0)
    assert failure.kind is kind
    assert failure.nothing_written


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (Code.INVALID_ARGUMENT, "BAD_REQUEST", FailureKind.BAD_REQUEST),
        (Code.FAILED_PRECONDITION, "CLOCK_ABSURD", FailureKind.REFUSED),
        (Code.RESOURCE_EXHAUSTED, "DISK_IS_FULL", FailureKind.REFUSED),
        (Code.UNAVAILABLE, "NOT_READY", FailureKind.REFUSED),
        (Code.DEADLINE_EXCEEDED, "TOO_LATE", FailureKind.TIMED_OUT),
        (Code.INTERNAL, "OF_A_LATER_VERSION", FailureKind.REFUSED),
    ],
)
def test_a_refusal_of_a_node_wrote_nothing_and_keeps_its_sentence(
    code: Code, reason: str, kind: FailureKind
) -> None:
    """Every code, if the node says so."""
    failure = explain(code, "not now; nothing was written", Told(reason, True), timeout_s=5.0)
    assert (failure.kind, failure.nothing_written, failure.reason) == (kind, True, "not now")


_QUOTED = [
    *(details for _, _, details in NEVER_SENT),
    "SERVER: Received message larger than max (20000000 vs. 16777216)",
    "the disk is full; nothing was written",
]


@pytest.mark.parametrize("details", _QUOTED)
@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
@pytest.mark.parametrize("certain", [True, False])
def test_a_node_is_believed_and_not_the_words_in_its_sentence(
    code: Code, details: str, certain: bool
) -> None:
    """It may quote what another node, or gRPC, told it."""
    told = Told("OUTCOME_UNKNOWN", certain)
    assert explain(code, details, told, timeout_s=5.0).nothing_written is certain
    assert explain(code, f"b: {details}", told, timeout_s=5.0).nothing_written is certain


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (Code.INVALID_ARGUMENT, "the key '' is 0 bytes long", FailureKind.BAD_REQUEST),
        (Code.FAILED_PRECONDITION, "the clock is 2 days ahead", FailureKind.REFUSED),
    ],
)
def test_two_codes_are_enough_for_certainty(code: Code, details: str, kind: FailureKind) -> None:
    """gRPC itself never uses them, so whoever does keeps to demo.proto."""
    failure = explain(code, details, None, timeout_s=5.0)
    assert (failure.kind, failure.nothing_written, failure.reason) == (kind, True, details)


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
        # What no node of this store says: its word would stand beside the status.
        (Code.RESOURCE_EXHAUSTED, "the disk is full; nothing was written"),
        (Code.UNAVAILABLE, "this node is stopping; nothing was written"),
        # The request came in and was carried out; only the answer did not get through.
        (Code.RESOURCE_EXHAUSTED, "SERVER: Sent message larger than max (2 vs. 1)"),
        (Code.RESOURCE_EXHAUSTED, "CLIENT: Received message larger than max (2 vs. 1)"),
        (Code.RESOURCE_EXHAUSTED, "Sent message larger than max (2 vs. 1)"),
        (Code.RESOURCE_EXHAUSTED, "received trailing metadata size exceeds hard limit"),
        # GOAWAY with ENHANCE_YOUR_CALM: too many pings.
        (Code.RESOURCE_EXHAUSTED, "Received RST_STREAM with error code 11"),
        # A proxy gave up waiting for whom it had passed the request on to.
        (Code.UNAVAILABLE, "Received http2 header with status: 502"),
        (Code.UNAVAILABLE, "Received http2 header with status: 504"),
        (Code.UNKNOWN, "Received http2 header with status: 408"),
        # The words are gRPC's, but it is not gRPC that speaks.
        (Code.UNKNOWN, "Unexpected <class 'OSError'>: failed to connect to all addresses"),
        (Code.UNAVAILABLE, "upstream: failed to connect to all addresses"),
        (Code.UNAVAILABLE, "Failed parsing HTTP/2"),
    ],
)
def test_every_other_failure_leaves_the_outcome_unknown(code: Code, details: str) -> None:
    """The safe mistake: the request may have been delivered."""
    assert not explain(code, details, None, timeout_s=5.0).nothing_written


def test_silence_is_told_with_the_time_that_was_waited() -> None:
    """gRPC's "Deadline Exceeded" says less."""
    refusal = explain(Code.DEADLINE_EXCEEDED, "Deadline Exceeded", None, 1.5)
    assert "no answer within 1.5 s" in refusal.reason


def test_a_message_over_grpcs_limit_is_the_callers_to_change() -> None:
    """Both sizes are named, and no node is asked again."""
    details = "CLIENT: Sent message larger than max (18874379 vs. 16777216)"
    failure = explain(Code.RESOURCE_EXHAUSTED, details, None, timeout_s=5.0)
    assert failure.kind is FailureKind.BAD_REQUEST
    assert failure.reason == "the message is 18,874,379 bytes long, allowed are 16,777,216"
    assert failure.nothing_written


def test_answer_that_cannot_be_read_is_told_in_words_and_leaves_the_outcome_open() -> None:
    """gRPC speaks of an exception; whoever answered so may have written all the same."""
    failure = explain(Code.INTERNAL, "Exception deserializing response!", None, timeout_s=5.0)
    assert (failure.kind, failure.reason) == (FailureKind.BROKEN, "its answer cannot be read")
    assert not failure.nothing_written
