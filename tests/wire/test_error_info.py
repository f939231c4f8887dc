"""What a failed call tells programs, and what is made of a trailer that somebody else wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from kvcluster.errors import (
    BadRequest,
    NothingWritten,
    NotReady,
    OutcomeUnknown,
    by_reason,
    reason_of,
)
from kvcluster.wire.error_info import Told, told_in, trailer_of
from kvcluster.wire.failures import code_of, error_in, failure_of, named, value_limit_of, version_in

KEY = "grpc-status-details-bin"


class Call:
    """A call that failed, as gRPC hands it to whoever made it."""

    def __init__(self, trailer: Sequence[tuple[str, Any]] | None, *, message: str = "no") -> None:
        self._trailer = trailer
        self._message = message

    def trailing_metadata(self) -> Sequence[tuple[str, Any]] | None:
        return self._trailer

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return self._message


@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize("reason", by_reason())
def test_every_error_travels_and_is_the_same_again(reason: str, certain: bool) -> None:
    """A reason that got lost on the way would make a peer or a client treat it as unknown."""
    call = Call(trailer_of(14, "no", Told(reason, certain)))
    assert told_in(call) == Told(reason, certain)
    error = named(Told(reason, certain), "no")
    assert certain or isinstance(error, OutcomeUnknown)
    if certain is issubclass(by_reason()[reason], NothingWritten):
        assert reason_of(type(error)) == reason
    assert code_of(error) > 0


def test_the_limit_of_a_value_travels_as_a_number() -> None:
    """A program that stored bytes tells its person a limit in bytes, and parses no sentence."""
    error = BadRequest("too large", value_limit_bytes=1024)
    assert value_limit_of(error_in(failure_of(error, writes=True))) == 1024
    trailer = trailer_of(14, "no", Told("BAD_REQUEST", True, 1024))
    assert told_in(Call(trailer)) == Told("BAD_REQUEST", True, 1024)
    assert value_limit_of(NotReady("starting")) == 0


def test_the_version_of_an_unknown_outcome_travels() -> None:
    """By it a read tells whether the write happened; any other way to know there is none."""
    error = OutcomeUnknown("perhaps")
    assert version_in(error_in(failure_of(error, writes=True))) == b""
    error.version = bytes(range(12))
    again = error_in(failure_of(error, writes=True))
    assert isinstance(again, OutcomeUnknown)
    assert again.version == bytes(range(12))
    told = Told("OUTCOME_UNKNOWN", False, 0, bytes(range(12)))
    assert told_in(Call(trailer_of(14, "no", told))) == told


@pytest.mark.parametrize("digits", ["", "00", " " * 24, "00" * 13])
def test_a_version_that_is_none_is_left_out(digits: str) -> None:
    """Whoever poses as a node may write anything there."""
    info = AnyMessage()
    info.Pack(ErrorInfo(reason="NO", domain="kvcluster", metadata={"version": digits}))
    assert told_in(Call([(KEY, _status(info))])) == Told("NO", False)


@pytest.mark.parametrize("digits", ["", "-1", "1e3", "many", "9" * 13, "٣x"])
def test_a_limit_that_is_no_number_is_none(digits: str) -> None:
    """Whoever poses as a node may write anything there."""
    info = AnyMessage()
    info.Pack(ErrorInfo(reason="NO", domain="kvcluster", metadata={"value_limit_bytes": digits}))
    assert told_in(Call([(KEY, _status(info))])) == Told("NO", False, 0)


def test_a_reason_of_a_later_version_is_believed_in_what_it_says_of_the_write() -> None:
    """A name that is not known is no reason to send a write again, nor to call it unknown."""
    assert isinstance(named(Told("OF_TOMORROW", True), "no"), NothingWritten)
    assert isinstance(named(Told("OF_TOMORROW", False), "no"), OutcomeUnknown)


def test_reasons_are_spelled_as_google_wants_them() -> None:
    """[A-Z][A-Z0-9_]+[A-Z0-9], at most 63 characters: generic tools group by it."""
    assert {"BAD_REQUEST", "NOT_READY", "NO_REPLICA", "DISK_IS_FULL"} <= set(by_reason())
    for reason in by_reason():
        assert reason.replace("_", "").isalpha()
        assert reason == reason.upper()
        assert len(reason) < 64


def _status(*details: AnyMessage) -> bytes:
    return bytes(Status(code=14, message="no", details=details).SerializeToString())


_RUBBISH = AnyMessage(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff")


def _info(domain: str) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(ErrorInfo(reason="NOT_READY", domain=domain))
    return packed


@pytest.mark.parametrize(
    "trailer",
    [
        None,
        [],
        [("other", "x")],
        [(KEY, b"\xff\xff")],
        [(KEY, _status())],
        [(KEY, _status(_RUBBISH))],
        [(KEY, _status(_info("another.example")))],
    ],
)
def test_what_no_node_of_ours_wrote_tells_nothing(trailer: Any) -> None:
    """A proxy, another service, or damage: it is no error, and it promises nothing."""
    assert told_in(Call(trailer)) is None


def test_a_trailer_that_contradicts_its_call_tells_nothing() -> None:
    """Then somebody on the way changed one of the two."""
    trailer = trailer_of(14, "no", Told("NOT_READY", True))
    assert told_in(Call(trailer, message="yes")) is None
