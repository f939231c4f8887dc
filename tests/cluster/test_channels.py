"""What a failed call to a peer means, by what the peer says of it or, if it says nothing, gRPC."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from kvcluster.cluster.peers.channels import Channels, _failure
from kvcluster.config import Settings
from kvcluster.errors import (
    NothingWritten,
    OutcomeUnknown,
    PeerBroke,
    PeerRejected,
    PeerSilent,
    PeerUnavailable,
    PeerUnconnected,
    PeerUnreachable,
)
from kvcluster.model.members import split_address
from kvcluster.wire.error_info import Told, trailer_of
from tests.cluster.doors import (
    Behaviour,
    closes_at_once,
    door,
    is_silent,
    nobody,
    resets_a_call,
    resets_at_once,
    resets_in_a_frame,
    resets_the_greeting,
)

from demo_pb2 import HealthCheckRequest

Code = grpc.StatusCode
NO_CONNECTION = "failed to connect to all addresses; last error: UNKNOWN: ipv4:1.2.3.4:1: refused"


@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize("reason", ["NOT_READY", "CONNECTION_LOST", "OF_A_LATER_VERSION"])
def test_a_peer_is_believed_and_not_the_words_in_its_sentence(reason: str, certain: bool) -> None:
    """It quotes what it heard of a third; a write that it may have done is not sent again."""
    trailer = Metadata(*trailer_of(14, NO_CONNECTION, Told(reason, certain)))
    failure = _failure(AioRpcError(Code.UNAVAILABLE, Metadata(), trailer, NO_CONNECTION))
    assert isinstance(failure, PeerRejected)
    if not certain:
        assert isinstance(failure.reason, OutcomeUnknown)
    elif reason != "CONNECTION_LOST":
        assert isinstance(failure.reason, NothingWritten)


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (Code.UNAVAILABLE, NO_CONNECTION, PeerUnconnected),
        (Code.UNAVAILABLE, "DNS resolution failed for nope:1: not found", PeerUnconnected),
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
    assert failure.nothing_delivered is (kind is PeerUnconnected)
    if isinstance(failure, PeerRejected):
        assert isinstance(failure.reason, OutcomeUnknown)


@contextlib.asynccontextmanager
async def asking(address: str) -> AsyncIterator[Callable[[], Awaitable[PeerUnavailable]]]:
    """What comes of a call to an address, as often as it is asked."""
    channels = Channels((address,), Settings(reconnect_backoff_s=30.0))

    async def ask() -> PeerUnavailable:
        try:
            await channels.ask(address, HealthCheckRequest(), 0.5)
        except PeerUnavailable as failure:
            return failure
        raise AssertionError("there is nobody who could answer")

    try:
        yield ask
    finally:
        await channels.close()


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (resets_at_once, PeerUnconnected),
        (closes_at_once, PeerUnconnected),
        (resets_the_greeting, PeerUnconnected),
        (resets_in_a_frame, PeerUnconnected),
        (resets_a_call, PeerBroke),
        (is_silent, PeerSilent),
    ],
)
async def test_connection_that_breaks_is_never_taken_for_nobody(
    behaviour: Behaviour, kind: type[PeerUnavailable]
) -> None:
    """Wherever it breaks; and what was not delivered is known as such, to the byte."""
    async with door(behaviour) as address, asking(address) as ask:
        for _ in range(3):
            assert type(await ask()) is kind


async def test_refused_connection_is_taken_for_nobody() -> None:
    """A peer whose process ended is not waited for."""
    with nobody() as address:
        async with asking(address) as ask:
            for _ in range(3):
                assert type(await ask()) is PeerUnreachable


async def test_refusal_that_grpc_repeats_is_not_believed_once_somebody_listens() -> None:
    """It rests between two attempts, and tells the reason of the last: the peer may be back."""
    with nobody() as address:
        pass  # its port is free again, and as good as ours
    async with asking(address) as ask:
        assert type(await ask()) is PeerUnreachable
        async with door(resets_at_once, split_address(address)[1]):
            assert type(await ask()) is PeerUnconnected
