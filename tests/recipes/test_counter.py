"""A counter loses no addition, and counts none of unknown outcome twice."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from kvcluster import AsyncClient, BadRequest, Client, OutcomeUnknown
from kvcluster.recipes import AsyncCounter, Counter
from tests.client.deciding_node import DecidingCluster


def test_what_many_add_is_all_there(members: str, key: str) -> None:
    """By one client and by another, in threads of both."""
    with Client(members, timeout_s=30.0) as one, Client(members, timeout_s=30.0) as other:

        def add(number: int) -> int:
            return Counter((one, other)[number % 2], key).add(number)

        with ThreadPoolExecutor(6) as pool:
            seen = list(pool.map(add, range(20)))
        assert max(seen) == sum(range(20)) == Counter(one, key).value()


async def test_the_asynchronous_counter_does_the_same(members: str, key: str) -> None:
    """Tasks of one client."""
    async with AsyncClient(members, timeout_s=30.0) as client:
        counter = AsyncCounter(client, key)
        assert await counter.value() == 0
        await asyncio.gather(*(counter.add() for _ in range(20)))
        assert await counter.add(-5) == 15
        assert await counter.value() == 15


def test_an_unknown_addition_is_counted_once_or_not_at_all(
    deciders: DecidingCluster, store: Client
) -> None:
    """The number is between what was certain and that plus what was unknown."""
    counter = Counter(store, "n")
    counter.add(10)
    for done in (True, False):
        deciders.shelf.unknown["n"] = [done]
        with pytest.raises(OutcomeUnknown):
            counter.add()
    assert counter.value() == 11


def test_what_is_no_number_is_not_counted_on(store: Client) -> None:
    """Neither lost nor taken for nothing."""
    store.put("n", "many")
    for work in (Counter(store, "n").add, Counter(store, "n").value):
        with pytest.raises(BadRequest, match="'many' is no whole number"):
            work()
    assert store.get("n") == "many"
