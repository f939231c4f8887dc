"""The carrier: what becomes of batches on an engine that fails, is late, or holds too much."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kvcluster.config import MIB, Settings
from kvcluster.engines.contract import ReadOutcome, WriteOutcome
from kvcluster.errors import (
    AnswerFull,
    BadRequest,
    DiskIsFull,
    KvError,
    NotReady,
    OutcomeUnknown,
    TooLate,
)
from kvcluster.gateway.carrier import Carrier
from kvcluster.gateway.presence import Presence
from kvcluster.model.condition import Condition
from kvcluster.model.operation import Kind, Operation
from kvcluster.model.pauses import Times
from kvcluster.model.readiness import Status
from kvcluster.wire.answered import Outcome
from tests.engines.twin import Twin

from demo_pb2 import DeleteResponse, GetResponse, PutResponse


def put(key: str, value: str = "v", condition: Condition | None = None) -> Operation:
    """One put."""
    return Operation(Kind.PUT, key, value, condition)


def get(key: str, *, linearizable: bool = False) -> Operation:
    """One get."""
    return Operation(Kind.GET, key, linearizable=linearizable)


def delete(key: str) -> Operation:
    """One delete."""
    return Operation(Kind.DELETE, key)


def carrier_of(twin: Twin, status: Status = Status.SERVING) -> Carrier:
    """In front of an engine that was looked at."""
    loop = asyncio.get_running_loop()
    presence = Presence(twin, lambda: Times(loop.time(), loop.time(), loop.time()), Settings())
    presence.status = status
    return Carrier("g:1", twin, presence, Settings())


async def carry(twin: Twin, *operations: Operation | KvError, left_s: float = 5) -> list[Outcome]:
    """What came of them."""
    deadline_s = asyncio.get_running_loop().time() + left_s
    return await carrier_of(twin).carry_out(operations, deadline_s)


async def test_operations_on_one_key_happen_in_their_order() -> None:
    """A put, a get, another put, a delete, a get: each sees what the one before it left."""
    twin = Twin()
    outcomes = await carry(twin, put("k", "1"), get("k"), put("k", "2"), delete("k"), get("k"))
    assert isinstance(outcomes[1], GetResponse)
    assert outcomes[1].value == "1"
    assert isinstance(outcomes[3], DeleteResponse)
    assert outcomes[3].found
    assert isinstance(outcomes[4], GetResponse)
    assert not outcomes[4].found


async def test_a_batch_of_distinct_keys_is_one_call_of_each_kind() -> None:
    """That is what makes a gateway fast."""
    twin = Twin()
    await carry(twin, put("a"), get("b"), put("c"), get("d"), delete("e"))
    assert sorted(twin.calls) == [("read", ("b", "d")), ("write", ("a", "c", "e"))]


async def test_each_operation_fails_for_itself() -> None:
    """What is wrong with one is no matter of the others, and its error passes as it is."""
    twin = Twin()
    twin.failing = {"full": DiskIsFull("etcd: no space"), "lost": OutcomeUnknown("etcd: gone")}
    bad = BadRequest("no key")
    outcomes = await carry(twin, put("a"), bad, put("full"), put("lost"), put("b"))
    assert isinstance(outcomes[0], PutResponse)
    assert outcomes[1:4] == [bad, twin.failing["full"], twin.failing["lost"]]
    assert isinstance(outcomes[4], PutResponse)


async def test_behind_a_write_whose_end_is_unknown_its_key_is_not_written_again() -> None:
    """The first write may land after the second, and undo it."""
    twin = Twin()
    twin.failing["k"] = OutcomeUnknown("gone")
    outcomes = await carry(twin, put("k", "1"), put("k", "2"), put("other"), get("k"), delete("k"))
    assert isinstance(outcomes[0], OutcomeUnknown)
    assert isinstance(outcomes[1], NotReady)
    assert isinstance(outcomes[2], PutResponse)
    assert isinstance(outcomes[3], GetResponse)
    assert isinstance(outcomes[4], NotReady)
    assert [call for call in twin.calls if call[0] == "write" and "k" in call[1]] == [
        ("write", ("k", "other"))
    ]


async def test_behind_a_write_that_was_refused_its_key_may_be_written() -> None:
    """It was certainly not done, so nothing of it can come later."""
    twin = Twin()
    twin.failing["k"] = NotReady("no leader")
    outcomes = await carry(twin, put("k", "1"), put("k", "2"))
    assert all(isinstance(it, NotReady) for it in outcomes)
    assert len(twin.calls) == 2


class Slow(Twin):
    """Each write takes a fifth of a second."""

    async def write(self, operations: Sequence[Operation], deadline_s: float) -> list[WriteOutcome]:
        """Later."""
        await asyncio.sleep(0.2)
        return await super().write(operations, deadline_s)


async def test_what_waits_behind_a_slow_wave_is_not_begun_too_late() -> None:
    """Its caller has given up, and may have written anew elsewhere."""
    twin = Slow()
    outcomes = await carry(twin, put("k", "1"), put("k", "2"), left_s=0.1)
    assert isinstance(outcomes[0], PutResponse)
    assert isinstance(outcomes[1], TooLate)
    content = twin.held["k"]
    assert content.value == "1"


async def test_an_engine_that_raises_fails_what_was_asked_of_it_and_no_more() -> None:
    """Reads of the same batch are answered."""

    class Halved(Twin):
        async def write(
            self, operations: Sequence[Operation], deadline_s: float
        ) -> list[WriteOutcome]:
            raise NotReady("no leader")

    outcomes = await carry(Halved(), put("a"), get("b"))
    assert isinstance(outcomes[0], NotReady)
    assert isinstance(outcomes[1], GetResponse)


async def test_values_that_no_answer_has_room_for_are_not_all_read() -> None:
    """A thousand gets of a MiB each: the rest is to be asked for again."""
    twin = Twin()
    keys = [f"k{number:04}" for number in range(400)]
    for key in keys:
        await carry(twin, put(key, "v" * MIB))
    twin.calls.clear()
    outcomes = await carry(twin, *map(get, keys))
    full = [isinstance(it, AnswerFull) for it in outcomes]
    assert full == [False] * 4 + [True] * 396
    assert sum(len(keys) for _, keys in twin.calls) <= 64


async def test_many_small_values_are_read_in_two_calls() -> None:
    """The first tells how large they are."""
    twin = Twin()
    keys = [f"k{number:04}" for number in range(1_000)]
    await carry(twin, *(put(key) for key in keys))
    twin.calls.clear()
    outcomes = await carry(twin, *map(get, keys))
    assert all(isinstance(it, GetResponse) and it.found for it in outcomes)
    assert len(twin.calls) == 2


async def test_what_an_engine_cannot_do_is_refused_by_its_name() -> None:
    """And nothing else of the batch is."""
    twin = Twin(value_limit_bytes=10, linearizable=False)
    outcomes = await carry(twin, get("a", linearizable=True), put("b", "ä" * 6), put("c", "ä" * 5))
    assert str(outcomes[0]) == "the twin is asked not to"
    assert isinstance(outcomes[0], BadRequest)
    assert isinstance(outcomes[1], BadRequest)
    assert outcomes[1].value_limit_bytes == 10
    assert "12 bytes long, the twin takes 10" in str(outcomes[1])
    assert isinstance(outcomes[2], PutResponse)


async def test_a_condition_that_fails_tells_what_is_there() -> None:
    """As a node does."""
    twin = Twin()
    outcomes = await carry(twin, put("k", "1"), put("k", "2", Condition.absent()), delete("k"))
    assert isinstance(outcomes[0], PutResponse)
    assert isinstance(outcomes[1], PutResponse)
    assert outcomes[1].mismatch.value == "1"
    assert outcomes[1].mismatch.version == outcomes[0].version
    assert not outcomes[1].version
    assert isinstance(outcomes[2], DeleteResponse)
    assert outcomes[2].found


@pytest.mark.parametrize("status", [Status.STARTING, Status.SYNCING, Status.DRAINING])
async def test_a_gateway_that_does_not_serve_takes_nothing(status: Status) -> None:
    """Nothing reaches the engine, and it is certain."""
    twin = Twin()
    deadline_s = asyncio.get_running_loop().time() + 5
    with pytest.raises(NotReady):
        await carrier_of(twin, status).carry_out([put("k")], deadline_s)
    assert twin.calls == []


def test_reads_are_answered_in_the_order_of_the_question() -> None:
    """The twin of this file gives them so; a mixed batch must, too."""

    async def run() -> None:
        twin = Twin()
        await carry(twin, put("a", "1"), put("b", "2"))
        outcomes = await carry(twin, get("b"), get("a", linearizable=True), get("b"), get("x"))
        found = [it.value for it in outcomes if isinstance(it, GetResponse)]
        assert found == ["2", "1", "2", ""]

    asyncio.run(run())


async def test_an_outcome_that_an_engine_forgot_is_a_bug_and_told_as_one() -> None:
    """It must not be taken for the next one's."""

    class Forgetful(Twin):
        async def read(
            self, keys: Sequence[str], deadline_s: float, *, linearizable: bool
        ) -> list[ReadOutcome]:
            return []

    with pytest.raises(AssertionError):
        await carry(Forgetful(), get("a"))
