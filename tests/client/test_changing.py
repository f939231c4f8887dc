"""Methods that look first and write then: nothing comes in between, and nothing is done twice."""

from __future__ import annotations

import asyncio
import math
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import cast

import pytest

from kvcluster import (
    AsyncClient,
    BadRequest,
    Client,
    ConditionFailed,
    Held,
    OutcomeUnknown,
    Unavailable,
)
from kvcluster.client.retrying import give_way_s
from tests.client.deciding_node import DecidingCluster


@pytest.fixture
def key() -> str:
    """One that no other test has."""
    return f"key/{uuid.uuid4()}"


@pytest.fixture
def store(deciders: DecidingCluster) -> Iterator[Client]:
    """A client of three fakes that decide."""
    with Client(deciders.members) as client:
        yield client


def _plus_one(old: str | bytes | None) -> str:
    return str(int(old or 0) + 1)


def test_a_counter_of_many_threads_loses_nothing(members: str, key: str) -> None:
    """Each of them reads, adds and writes; without a condition most would be overwritten."""
    with Client(members, timeout_s=30.0) as client:

        def add(_: int) -> None:
            for _ in range(10):
                client.update(key, _plus_one)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add, range(8)))
        assert client.get(key, linearizable=True) == "80"


async def test_a_counter_of_many_tasks_loses_nothing(members: str, key: str) -> None:
    """The same for asyncio, where all of them are in one batch."""
    async with AsyncClient(members, timeout_s=30.0) as client:
        await asyncio.gather(*(client.update(key, _plus_one) for _ in range(50)))
        assert await client.get(key, linearizable=True) == "50"


async def test_updates_of_one_client_are_decided_together(deciders: DecidingCluster) -> None:
    """Else one of them came through in a round, and all others had come too late."""
    async with AsyncClient(deciders.members) as client:
        await client.put("k", "0")
        await asyncio.gather(*(client.update("k", _plus_one) for _ in range(200)))
        assert await client.get("k") == "200"
        tried = sum(len(node.conditions) for node in deciders.deciding)
        assert tried < 500, "of 200, with those that were too late"


async def test_what_was_only_guessed_decides_nothing(deciders: DecidingCluster) -> None:
    """A function that refuses what another update may leave behind is asked again about the truth.

    Nor is a key taken for gone, or for one that needs no write, by what is not certain.
    """

    def sell(old: str | bytes | None) -> str:
        left = int(old or 0)
        if not left:
            raise LookupError("sold out")
        return str(left - 1)

    async with AsyncClient(deciders.members) as client:
        await client.put("stock", "3")
        sold = await asyncio.gather(
            *(client.update("stock", sell) for _ in range(10)), return_exceptions=True
        )
        assert sum(isinstance(it, Held) for it in sold) == 3
        assert sum(isinstance(it, LookupError) for it in sold) == 7
        assert await client.get("stock") == "0"
        gone = [client.update("n", lambda old: None if old == "1" else "1") for _ in range(4)]
        assert [it and it.value for it in await asyncio.gather(*gone)].count("1") == 2
        assert await client.get("n") is None


async def test_a_row_of_updates_survives_somebody_who_comes_between(
    deciders: DecidingCluster,
) -> None:
    """All behind him were too late, and none of them is lost or counted twice."""
    strangers = iter(["1000", "2000", "3000"])

    def come_between(key: str) -> None:
        if len(writes) % 20 == 7 and (value := next(strangers, None)):
            deciders.store[key] = value
            deciders.shelf.versions[key] = bytes(11) + value[:1].encode()
        writes.append(key)

    writes: list[str] = []
    async with AsyncClient(deciders.members, timeout_s=20) as client:
        deciders.shelf.before_write = come_between
        seen = await asyncio.gather(*(client.update("k", _plus_one) for _ in range(60)))
        values = [int(it.value) for it in seen if it]
        assert len(set(values)) == 60, "each was counted"
        assert max(values) == int(await client.get("k") or 0)


def test_an_update_gives_what_is_there_then(members: str, key: str) -> None:
    """The value as it was put, and the version for what comes next."""
    with Client(members) as client:
        first = client.update(key, lambda old: b"\xff" if old is None else None)
        assert first is not None
        assert first == client.read(key, linearizable=True)
        client.put(key, b"\xfe", if_version=first.version)
        held = client.update(key, lambda old: cast(bytes, old) + b"\x00")
        assert held is not None
        assert (held.value, client.get_bytes(key)) == (b"\xfe\x00", b"\xfe\x00")
        assert client.update(key, lambda _: None) is None
        assert client.read(key, linearizable=True) is None
        assert client.update(key, lambda _: None) is None


def test_an_unknown_outcome_ends_an_update(deciders: DecidingCluster, store: Client) -> None:
    """It may have happened. A second time would count one thing twice."""
    calls = 0

    def count(old: str | bytes | None) -> str:
        nonlocal calls
        calls += 1
        return _plus_one(old)

    for done, left in ((True, "1"), (False, "1")):
        deciders.shelf.unknown["k"] = [done]
        with pytest.raises(OutcomeUnknown):
            store.update("k", count)
        assert store.get("k") == left
    assert calls == 2


def test_who_came_second_looks_again(deciders: DecidingCluster, store: Client) -> None:
    """What a failed condition told him is old when he has rested: who was told first won again."""
    store.put("k", "5")
    others = iter(["6", "7"])

    def be_first(key: str) -> None:
        if value := next(others, None):
            deciders.store[key] = value
            deciders.shelf.versions[key] = value.encode() * 12

    deciders.shelf.before_write = be_first
    reads = sum(node.calls.count("Get") for node in deciders.nodes)
    assert cast(Held, store.update("k", _plus_one)).value == "8"
    assert sum(node.calls.count("Get") for node in deciders.nodes) == reads + 3


def test_who_never_comes_first_is_told_so(deciders: DecidingCluster) -> None:
    """Nothing was written, and that is certain: each time somebody else had been there."""
    numbers = iter(range(10**6))

    def be_first(key: str) -> None:
        deciders.store[key] = str(number := next(numbers))
        deciders.shelf.versions[key] = number.to_bytes(12, "big")

    deciders.shelf.before_write = be_first
    why = r"others changed the key first, \d+ times within 0"
    with Client(deciders.members, timeout_s=0.5) as client, pytest.raises(Unavailable, match=why):
        client.update("k", _plus_one)


def test_what_the_function_raises_comes_out_and_nothing_is_written(store: Client) -> None:
    """Also from the thread that called, so that its traceback is of use."""
    where: list[int] = []

    def fail(_: object) -> str:
        where.append(threading.get_ident())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.update("k", fail)
    assert where == [threading.get_ident()]
    with pytest.raises(BadRequest, match="a value is a string or bytes, not int: 7"):
        store.update("k", lambda _: cast(str, 7))
    assert store.get("k") is None


def test_a_touch_gives_a_key_another_time_and_the_same_value(
    deciders: DecidingCluster, store: Client
) -> None:
    """Of a key that is not there it says so, and makes none."""
    assert not store.touch("k", 60)
    assert store.get("k") is None
    stored = store.put("k", b"\xff", ttl_s=1)
    assert store.touch("k", 60)
    held = store.read("k")
    assert held is not None
    assert (held.value, held.version > stored.version) == (b"\xff", True)
    left_s = store.ttl("k")
    assert left_s is not None
    assert 58 < left_s <= 60
    deciders.pass_s(61)
    assert not store.touch("k", 60)
    assert (store.get("k"), store.ttl("k")) == (None, None)


def test_a_key_that_persists_never_expires(deciders: DecidingCluster, store: Client) -> None:
    """And one that never did is left alone."""
    assert not store.persist("k")
    store.put("k", "1", ttl_s=60)
    assert store.persist("k")
    assert store.ttl("k") == math.inf
    held = store.read("k")
    assert store.persist("k")
    assert store.read("k") == held
    deciders.pass_s(3600)
    assert store.get("k") == "1"


def test_a_put_without_a_time_makes_a_key_permanent_unless_it_keeps_it(
    deciders: DecidingCluster, store: Client
) -> None:
    """As in Redis; whoever wants something else has to say so."""
    store.put("k", "1", ttl_s=60)
    before = cast(Held, store.read("k")).expires_at
    store.put("k", "2", keep_ttl=True)
    assert cast(Held, store.read("k")).expires_at == before
    assert cast(Held, store.update("k", _plus_one)).expires_at == before
    assert cast(Held, store.read("k")).expires_at == before
    assert cast(Held, store.update("k", _plus_one, ttl_s=600)).expires_at != before
    with pytest.raises(ConditionFailed) as caught:
        store.put("k", "9", keep_ttl=True, if_value="2")
    assert caught.value.value == "4"
    assert caught.value.expires_at == cast(Held, store.read("k")).expires_at
    store.put("k", "5", keep_ttl=True, if_value="4")
    assert 500 < cast(float, store.ttl("k")) < 600
    store.put("k", "6")
    assert store.ttl("k") == math.inf
    store.put("new", "1", keep_ttl=True)
    assert store.ttl("new") == math.inf


def test_a_key_expires_for_a_read_at_once_and_for_a_condition_a_little_later(
    deciders: DecidingCluster, store: Client
) -> None:
    """So the holder of a lock stops before its successor begins."""
    store.put("k", "1", ttl_s=30)
    expires_at = cast(Held, store.read("k")).expires_at
    assert expires_at is not None
    assert abs(expires_at - datetime.now(timezone.utc) - timedelta(seconds=30)).seconds < 2
    deciders.pass_s(30.5)
    assert store.read("k") is None
    assert store.read("k", linearizable=True) is None
    with pytest.raises(ConditionFailed):
        store.put("k", "2", if_absent=True)
    deciders.pass_s(2)
    store.put("k", "2", if_absent=True)


@pytest.mark.parametrize("ttl_s", [0, -1, 0.5, math.inf, math.nan, 11 * 365 * 86_400, True, "5"])
def test_a_time_to_live_is_from_one_second_to_ten_years(ttl_s: float) -> None:
    """Anything else is a mistake: milliseconds, perhaps, or a date."""
    with Client("localhost:1") as client:
        for work in (
            lambda: client.put("k", "v", ttl_s=ttl_s),
            lambda: client.put_many({"k": "v"}, ttl_s=ttl_s),
            lambda: client.touch("k", ttl_s),
            lambda: client.update("k", _plus_one, ttl_s=ttl_s),
        ):
            with pytest.raises(BadRequest, match="time to live"):
                work()


def test_many_keys_may_be_put_with_one_time(deciders: DecidingCluster, store: Client) -> None:
    """Each of them has it, also where one of them stands twice, and so is not sent with others."""
    pairs = [(f"k{n}", str(n)) for n in range(700)]
    assert store.put_many([*pairs, ("k0", "again")], ttl_s=60) == 701
    assert len(deciders.shelf.expiries) == 700
    deciders.pass_s(61)
    assert store.get("k699") is None


def test_a_method_of_many_steps_has_one_timeout(deciders: DecidingCluster) -> None:
    """Five seconds are five seconds, however often it goes round."""
    with Client(deciders.members) as client:
        client.put("k", "1")
        deciders.hang("Put", "Batch")
        begun_s = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            client.update("k", _plus_one, timeout_s=0.5)
        assert time.monotonic() - begun_s < 2.0
        deciders.release()


def test_who_gives_way_waits_longer_each_time_and_never_long() -> None:
    """Those who meet at one key come through one after the other, and in no fixed order."""
    longest = [give_way_s(failures, 1.0) for failures in range(1, 20)]
    assert longest == sorted(longest)
    assert longest[0] < 0.05
    assert longest[-1] <= 0.5
    assert give_way_s(3, 0.0) == 0.0
