"""What a client says of itself, before anything is asked."""

from __future__ import annotations

from kvcluster import AsyncClient, Client


async def test_a_client_shows_whom_it_asks_and_how_long() -> None:
    """In a debugger, in a log, at a prompt: which cluster was that?"""
    client = Client(["a:1", "b:2"], timeout_s=2)
    assert repr(client) == "Client('a:1,b:2', timeout_s=2)"
    assert repr(Client("a:1", retry_unknown=True)) == (
        "Client('a:1', timeout_s=5, retry_unknown=True)"
    )
    client.close()
    assert repr(client) == "<Client('a:1,b:2', timeout_s=2), closed>"
    async with AsyncClient("a:1") as other:
        assert repr(other) == "AsyncClient('a:1', timeout_s=5)"
    assert repr(other) == "<AsyncClient('a:1', timeout_s=5), closed>"


def test_what_an_open_client_shows_makes_another_one() -> None:
    """It can be copied from a log to a prompt."""
    client = Client(["a:1", "b:2"], timeout_s=0.25)
    assert repr(eval(repr(client))) == repr(client)
