"""Answers can always be sent: a write whose answer cannot is done, and its client not know."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from kvcluster.cluster.requests.coordinator import Done, Written
from kvcluster.cluster.requests.translation import outcome_of
from kvcluster.config import MIB, Settings
from kvcluster.errors import AnswerFull, NoReplica, OutcomeUnknown
from kvcluster.model.entry import Version
from kvcluster.model.operation import Kind
from kvcluster.wire.answered import (
    batch_response,
    get_response,
    refuse_if_too_large,
    within_room,
)
from kvcluster.wire.error_info import Told, trailer_of
from kvcluster.wire.failures import details_of

from demo_pb2 import BatchResponse, GetRequest, Operation, PutRequest

VERSION = Version(bytes(12))
NODE = "localhost:50051"
_METADATA_BYTES = 8 * 1024
"""What gRPC takes by default in all trailers of a call."""


def _answer(value: str, gets: int, settings: Settings) -> BatchResponse:
    """To a put, and so many gets of a value."""
    asked = [Operation(put=PutRequest(key="put", value="1"))]
    asked += [Operation(get=GetRequest(key=f"{number}")) for number in range(gets)]
    outcomes = [outcome_of(Kind.PUT, Done(None, Written(VERSION, 3, 3)), NODE)]
    outcomes += [outcome_of(Kind.GET, Done((value, VERSION), None), NODE)] * gets
    return batch_response(asked, within_room(outcomes, settings))


@pytest.mark.parametrize(
    "settings",
    [Settings(), Settings(batch_bytes=14 * MIB, batch_operations=100)],
    ids=["as shipped", "large batches"],
)
def test_the_answer_to_a_batch_with_a_put_fits_into_a_message(settings: Settings) -> None:
    """Values that have no room say so, each for itself; the put is told as done."""
    for value, gets in (("𝄞" * (MIB // 4), 16), ("v" * 15 * MIB, 2), ("𝄞" * 4 * MIB, 1)):
        answer = _answer(value, gets, settings)
        assert answer.ByteSize() <= settings.message_limit_bytes
        assert answer.results[0].HasField("put")


def test_a_value_that_no_answer_can_carry_is_refused_with_its_size() -> None:
    """It was stored under larger limits; gRPC's own word would be that the call failed."""
    refuse_if_too_large("v" * 15 * MIB, Settings())
    with pytest.raises(AnswerFull, match=r"16,777,216 bytes long, .* carries 15,728,640"):
        refuse_if_too_large("v" * 16 * MIB, Settings())
    settings = Settings(value_limit_bytes=20 * MIB)
    refuse_if_too_large("v" * 20 * MIB, settings)
    largest = get_response(("v" * settings.answer_value_bytes, VERSION), NODE)
    assert largest.ByteSize() <= settings.message_limit_bytes


@pytest.mark.parametrize("character", ["x", "é", "€", "🦉", "\n", "\udc80"])
def test_the_trailers_of_a_failure_are_bounded(character: str) -> None:
    """Over 8 KiB gRPC drops them at random, and with them that nothing was written."""
    for error in (NoReplica(character * 10_000), OutcomeUnknown(character * 10_000)):
        details = details_of(error, writes=True)
        (_, status), *_ = trailer_of(14, details, Told("NO_REPLICA", True))
        assert isinstance(status, bytes)
        sent = len(quote(details)) + len(base64.b64encode(status))
        assert sent < _METADATA_BYTES - 1024
        assert details.endswith("; nothing was written") is isinstance(error, NoReplica)
