"""Is nobody there? Only a refusal and a name that does not exist say so for certain."""

from __future__ import annotations

import socket
import threading

import pytest

from kvcluster.cluster.peers.knocking import Knocking
from kvcluster.model.members import split_address
from tests.cluster.doors import (
    Behaviour,
    closes_at_once,
    door,
    is_silent,
    nobody,
    resets_at_once,
)

NO_WAY = ("255.255.255.255", 9)
"""Linux connects to no broadcast address: the network is unreachable."""


def resolves_to(patch: pytest.MonkeyPatch, *places: tuple[str, int]) -> None:
    """Let every name have these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]
    patch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


def fails_with(patch: pytest.MonkeyPatch, number: int) -> None:
    """Let no name be looked up."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "no address")

    patch.setattr(socket, "getaddrinfo", fail)


async def finds_nobody(address: str, within_s: float = 5) -> bool:
    """Knock once."""
    knocking = Knocking(timeout_s=2)
    try:
        return await knocking.finds_nobody(address, within_s)
    finally:
        await knocking.close()


async def test_refused_connection_is_nobody() -> None:
    """A process that ended is excused at once, and its peers need not wait for a silence."""
    with nobody() as address:
        assert await finds_nobody(address)


@pytest.mark.parametrize("behaviour", [resets_at_once, closes_at_once, is_silent])
async def test_connection_that_comes_about_is_somebody(behaviour: Behaviour) -> None:
    """Whatever becomes of it: somebody listens, be it a proxy before a peer that lives."""
    async with door(behaviour) as address:
        assert not await finds_nobody(address)


async def test_name_of_two_addresses_is_nobody_only_if_neither_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """gRPC tells what became of the last one only, and the peer may be at the first."""
    async with door(resets_at_once) as open_door:
        with nobody() as closed:
            resolves_to(monkeypatch, split_address(closed), split_address(open_door))
            assert not await finds_nobody("two:1")
            resolves_to(monkeypatch, split_address(closed), split_address(closed))
            assert await finds_nobody("two:1")


async def test_address_that_this_machine_cannot_reach_neither_excuses_nor_accuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cut off network is no proof that nobody is there; nor is an unused address that one is."""
    resolves_to(monkeypatch, NO_WAY)
    assert not await finds_nobody("far:1")
    with nobody() as closed:
        resolves_to(monkeypatch, NO_WAY, split_address(closed))
        assert await finds_nobody("far:1")


async def test_name_that_does_not_exist_is_nobody_and_a_silent_name_server_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name server that is down would excuse every peer of a cluster that is well."""
    fails_with(monkeypatch, socket.EAI_NONAME)
    assert await finds_nobody("gone:1")
    fails_with(monkeypatch, socket.EAI_AGAIN)
    assert not await finds_nobody("gone:1")


async def test_no_open_files_left_here_say_nothing_of_the_peer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """gRPC calls that a failure to connect, too."""

    def refuse(*_: object) -> None:
        raise OSError(24, "Too many open files")

    with nobody() as address:
        monkeypatch.setattr(socket, "socket", refuse)
        assert not await finds_nobody(address)


async def test_knock_is_shared_and_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that hangs costs one thread a peer, and nobody waits for it for long."""
    hangs, asked = threading.Event(), []

    def hang(*_: object, **__: object) -> None:
        asked.append(1)
        hangs.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    knocking = Knocking(timeout_s=2)
    for _ in range(5):
        assert not await knocking.finds_nobody("slow:1", within_s=0.01)
    assert len(asked) == 1
    await knocking.close()
    hangs.set()
