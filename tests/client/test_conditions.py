"""Writes with a condition, and linearizable reads: what a program gives, and what it gets back.

What asks for `members` is tried with fakes, and with real nodes as soon as they say that they
decide.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

import pytest

from kvcluster import (
    AsyncClient,
    BadRequest,
    Client,
    ConditionFailed,
    Held,
    NothingWritten,
    OutcomeUnknown,
    Version,
)
from tests.client.deciding_node import DecidingCluster
from tests.client.fake_node import LOST

BYTES = b"\x89PNG\x00\xff"


@pytest.fixture
def key() -> str:
    """One that no other test has."""
    return f"key/{uuid.uuid4()}"


def test_only_the_first_of_two_puts_a_key_that_is_not_there(members: str, key: str) -> None:
    """That is what a lock is made of; and the second learns who was first."""
    with Client(members) as client:
        first = client.put(key, "1", if_absent=True)
        with pytest.raises(ConditionFailed) as caught:
            client.put(key, "2", if_absent=True)
        failure = caught.value
        assert (failure.found, failure.value, failure.expires_at) == (True, "1", None)
        assert failure.version == first.version
        assert isinstance(failure, NothingWritten)
        assert client.get(key, linearizable=True) == "1"


def test_a_version_is_good_for_one_put(members: str, key: str) -> None:
    """Of two who have read the same, one may write; the other one has read what is old now."""
    with Client(members) as client:
        client.put(key, "1")
        held = client.read(key, linearizable=True)
        assert held is not None
        second = client.put(key, "2", if_version=held.version)
        with pytest.raises(ConditionFailed) as caught:
            client.put(key, "3", if_version=held.version)
        assert (caught.value.value, caught.value.version) == ("2", second.version)
        with pytest.raises(ConditionFailed):
            client.delete(key, if_version=held.version)
        assert client.delete(key, if_version=second.version).found
        with pytest.raises(ConditionFailed) as caught:
            client.put(key, "4", if_version=second.version)
        assert (caught.value.found, caught.value.value) == (False, None)


@pytest.mark.parametrize(("old", "new"), [("a", "b"), (BYTES, b""), ("", "data:;base64,AAAA")])
def test_a_value_is_compared_as_it_was_put(
    members: str, key: str, old: str | bytes, new: str | bytes
) -> None:
    """Text or bytes: how they stand in the store is nobody's business."""
    with Client(members) as client:
        client.put(key, old)
        with pytest.raises(ConditionFailed) as caught:
            client.put(key, "x", if_value=new)
        assert caught.value.value == old
        stored = client.put(key, new, if_value=old)
        assert client.read(key, linearizable=True) == Held(new, stored.version)
        with pytest.raises(ConditionFailed) as caught:
            client.delete(key, if_value=old)
        assert caught.value.value == new
        assert client.delete(key, if_value=new).found
        assert client.read(key, linearizable=True) is None


async def test_the_asynchronous_client_does_the_same(members: str, key: str) -> None:
    """One is not to be learned after the other."""
    async with AsyncClient(members) as client:
        stored = await client.put(key, "1", if_absent=True)
        held = await client.read(key, linearizable=True)
        assert held == Held("1", stored.version)
        with pytest.raises(ConditionFailed, match=f"has the version {stored.version}"):
            await client.put(key, "2", if_absent=True)
        assert (await client.delete(key, if_value="1")).found
        with pytest.raises(ConditionFailed, match="the key is not there"):
            await client.delete(key, if_value="1")
        assert not await client.exists(key, linearizable=True)
        assert await client.get(key, "no", linearizable=True) == "no"
        assert await client.get_bytes(key, b"no", linearizable=True) == b"no"


async def test_operations_on_one_key_keep_their_order(members: str, key: str) -> None:
    """With a condition or without: each sees what was begun before it, in one batch or in many."""
    async with AsyncClient(members) as client:
        outcomes = await asyncio.gather(
            client.put(key, "1"),
            client.put(key, "2", if_value="1"),
            client.put(key, "3", if_absent=True),
            client.get(key, linearizable=True),
            client.delete(key, if_value="2"),
            client.put(key, "4", if_absent=True),
            client.put(key, "5", if_value="4"),
            client.get(key),
            return_exceptions=True,
        )
        failed = [isinstance(it, BaseException) for it in outcomes]
        assert failed == [False, False, True, *[False] * 5]
        assert (outcomes[3], outcomes[7]) == ("2", "5")


NOT_ONE = "if_absent, if_version and if_value are conditions: give one of them"


@pytest.mark.parametrize(
    ("put", "sentence"),
    [
        (lambda it: it.put("k", "v", if_absent=True, if_value="x"), NOT_ONE),
        (lambda it: it.put("k", "v", if_value="x", if_version=bytes(12)), NOT_ONE),
        (lambda it: it.delete("k", if_value="x", if_version=bytes(12)), NOT_ONE),
        (lambda it: it.put("k", "v", if_absent="yes"), "if_absent is True or False, not 'yes'"),
        (
            lambda it: it.put("k", "v", if_version="00" * 12),
            "if_version is a version, 12 bytes, as read() and put() give it, not"
            " '000000000000000000000000'; Version.fromhex makes one of digits",
        ),
        (
            lambda it: it.delete("k", if_version=Version()),
            "if_version is a version, 12 bytes, as read() and put() give it,"
            " not Version.fromhex('')",
        ),
        (lambda it: it.put("k", "v", if_value=7), "a value is a string or bytes, not int: 7"),
        (lambda it: it.put("k", "v", keep_ttl=True, ttl_s=5), "keep_ttl goes with neither ttl_s, "),
        (lambda it: it.put("k", "v", keep_ttl=True, if_absent=True), "keep_ttl goes with neither"),
    ],
)
def test_what_is_no_condition_is_refused(put: Callable[[Client], object], sentence: str) -> None:
    """Before anybody is asked: two conditions at once must not be taken for one of them."""
    with Client("localhost:1") as client, pytest.raises(BadRequest) as caught:
        put(client)
    assert str(caught.value).startswith(sentence)


def test_a_condition_is_never_tried_again_when_nobody_knows(deciders: DecidingCluster) -> None:
    """The first may have been done; then the second, judged on that, would be told to have failed.

    `retry_unknown` is about puts that may land twice, and this may not.
    """
    with Client(deciders.members, retry_unknown=True) as client:
        for done in (True, False):
            client.put("k", "1")
            deciders.shelf.unknown["k"] = [done]
            with pytest.raises(OutcomeUnknown) as caught:
                client.put("k", "2", if_value="1", retry_unknown=True)
            held = client.read("k", linearizable=True)
            assert held is not None
            assert held.value == ("2" if done else "1")
            assert (held.version == caught.value.version) is done
            assert isinstance(caught.value.version, Version)
            deciders.shelf.unknown["k"] = [done]
            with pytest.raises(OutcomeUnknown):
                client.delete("k", if_value=held.value, retry_unknown=True)
        # A plain one is tried again, where its caller has allowed that.
        deciders.shelf.unknown["k"] = [False]
        client.put("k", "3")
        assert client.get("k") == "3"


async def test_the_version_of_an_unknown_outcome_comes_in_a_batch_too(
    deciders: DecidingCluster,
) -> None:
    """There it stands in the result of its operation."""
    async with AsyncClient(deciders.members) as client:
        deciders.shelf.unknown["a"] = [True]
        lost, put = await asyncio.gather(
            client.put("a", "1", if_absent=True), client.put("b", "1"), return_exceptions=True
        )
        assert isinstance(lost, OutcomeUnknown)
        held = await client.read("a", linearizable=True)
        assert held is not None
        assert lost.version == held.version
        assert not isinstance(put, BaseException)
        assert "Batch" in deciders.calls()


def test_a_plain_failure_has_no_version(deciders: DecidingCluster) -> None:
    """It is empty, so that nobody compares it with the one of a key that is not there."""
    for node in deciders.deciding:
        node.failures = {"Put": LOST}
    with Client(deciders.members) as client, pytest.raises(OutcomeUnknown) as caught:
        client.put("k", "1", if_absent=True)
    assert caught.value.version == b""


async def test_conditions_and_lives_never_travel_in_columns(deciders: DecidingCluster) -> None:
    """A PutMany has no place for them, so they would be lost on the way."""
    for node in deciders.deciding:
        node.knows_columns = True
    async with AsyncClient(deciders.members) as client:
        await asyncio.gather(
            *(client.put(f"absent/{n}", "1", if_absent=True) for n in range(20)),
            *(client.put(f"life/{n}", "1", ttl_s=60) for n in range(20)),
            *(client.put(f"plain/{n}", "1") for n in range(20)),
        )
        conditions = [key for node in deciders.deciding for key, _ in node.conditions]
        assert len(conditions) == 20
        assert len(deciders.shelf.expiries) == 20
        assert "PutMany" not in deciders.calls()
        await asyncio.gather(*(client.put(f"plain/{n}", "2") for n in range(20)))
        assert "PutMany" in deciders.calls()


async def test_what_did_not_hold_behind_a_write_that_failed_is_judged_again(
    deciders: DecidingCluster,
) -> None:
    """It was judged before the write in front of it happened, as if it had been begun first."""
    async with AsyncClient(deciders.members) as client:
        for node in deciders.deciding:
            node.refuses = {"k": []}
        await client.get("k")
        node = next(it for it in deciders.deciding if "Get" in it.calls)
        refusal = type(LOST)(code=14, message="no", nothing_written=True, reason="NO_REPLICA")
        node.refuses["k"] = [refusal]
        first, second = await asyncio.gather(
            client.put("k", "1"), client.put("k", "2", if_value="1")
        )
        assert first.version < second.version
        assert await client.get("k") == "2"
