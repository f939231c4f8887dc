"""What a failed call to a peer means, by what the peer says of it or, if it says nothing, gRPC."""

from __future__ import annotations

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from kvcluster.cluster.channels import _failure
from kvcluster.error_info import trailer_of
from kvcluster.errors import (
    NothingWritten,
    OutcomeUnknown,
    PeerBroke,
    PeerRejected,
    PeerUnreachable,
)

Code = grpc.StatusCode
NO_CONNECTION = "failed to connect to all addresses; last error: UNKNOWN: ipv4:1.2.3.4:1: refused"


@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize("reason", ["NOT_READY", "CONNECTION_LOST", "OF_A_LATER_VERSION"])
def test_a_peer_is_believed_and_not_the_words_in_its_sentence(reason: str, certain: bool) -> None:
    """It quotes what it heard of a third; a write that it may have done is not sent again."""
    trailer = Metadata(*trailer_of(14, NO_CONNECTION, reason, nothing_written=certain))
    failure = _failure(AioRpcError(Code.UNAVAILABLE, Metadata(), trailer, NO_CONNECTION))
    assert isinstance(failure, PeerRejected)
    if not certain:
        assert isinstance(failure.reason, OutcomeUnknown)
    elif reason != "CONNECTION_LOST":
        assert isinstance(failure.reason, NothingWritten)


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (Code.UNAVAILABLE, NO_CONNECTION, PeerUnreachable),
        (Code.UNAVAILABLE, "DNS resolution failed for nope:1: not found", PeerUnreachable),
        (Code.UNAVAILABLE, f"upstream: {NO_CONNECTION}", PeerBroke),
        (Code.UNAVAILABLE, "Socket closed", PeerBroke),
        (Code.RESOURCE_EXHAUSTED, "SERVER: Sent message larger than max (2 vs. 1)", PeerRejected),
    ],
)
def test_words_of_grpc_are_certain_only_where_it_could_not_send(
    code: Code, details: str, kind: type[Exception]
) -> None:
    """After anything else a forwarded write may have been carried out."""
    failure = _failure(AioRpcError(code, Metadata(), Metadata(), details))
    assert type(failure) is kind
    if isinstance(failure, PeerRejected):
        assert isinstance(failure.reason, OutcomeUnknown)
