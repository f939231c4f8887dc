"""AsyncClient: many calls travel as few, and each operation has an end of its own."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from kvcluster import AsyncClient, BadRequest, Deleted, OutcomeUnknown, Stored, Unavailable
from tests.client.fake_node import LOST, FakeCluster

from demo_pb2 import Failure

Code = grpc.StatusCode
NOT_READY = Failure(
    code=14, message="it is stopping; nothing was written", nothing_written=True, reason="NOT_READY"
)
NO_REPLICA = Failure(
    code=14, message="no replica; nothing was written", nothing_written=True, reason="NO_REPLICA"
)
TOO_LONG = Failure(
    code=3,
    message="the key is too long; nothing was written",
    nothing_written=True,
    reason="BAD_REQUEST",
)


def _work(cluster: FakeCluster) -> list[str]:
    """Every call that any node got, knocks left out."""
    return [call for node in cluster.nodes for call in node.calls if call != "CheckHealth"]


async def test_answers_are_plain_values(aclient: AsyncClient) -> None:
    """A program must be able to keep and compare what it gets."""
    stored = await aclient.put("thủ đô", "Hà Nội 🌱")
    assert isinstance(stored, Stored)
    assert (stored.replicas, stored.acknowledged) == (3, 3)
    assert await aclient.get("thủ đô") == "Hà Nội 🌱"
    deleted = await aclient.delete("thủ đô")
    assert isinstance(deleted, Deleted)
    assert deleted.found
    assert await aclient.get("thủ đô") is None
    assert await aclient.get("thủ đô", "nowhere") == "nowhere"
    await aclient.put("empty", "")
    assert await aclient.get("empty", "default") == ""


async def test_a_thousand_puts_cost_few_calls(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """One call each would be the work of a thousand, and nobody should have to ask for batches."""
    await asyncio.gather(*(aclient.put(f"key {n}", str(n)) for n in range(1_000)))
    assert _work(cluster) == ["Batch"] * 2
    assert cluster.store == {f"key {n}": str(n) for n in range(1_000)}


async def test_a_lone_operation_travels_plainly(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """Who asks for one thing after the other has nothing to batch, and no timer to wait for."""
    for number in range(3):
        await aclient.put("a", str(number))
    assert _work(cluster) == ["Put"] * 3


async def test_operations_on_one_key_keep_their_order(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """The put that was begun last must be the one that counts, and all must have been there."""

    async def put(number: int) -> None:
        # Some begin while others are on their way.
        for _ in range(number % 7):
            await asyncio.sleep(0)
        order.append(str(number))
        await aclient.put("a", str(number))

    order: list[str] = []
    await asyncio.gather(*(put(number) for number in range(300)))
    written = [value for node in cluster.nodes for _, value in node.written]
    assert written == order
    assert cluster.store["a"] == order[-1]


async def test_order_holds_when_one_is_tried_again(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """A refused put that is repeated must not land over those that were begun after it."""
    for node in cluster.nodes:
        node.refuses["a"] = [NO_REPLICA]
    first = asyncio.ensure_future(aclient.put("a", "1"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [asyncio.ensure_future(aclient.put("a", str(n))) for n in range(2, 6)]
    await asyncio.gather(first, *later, aclient.put("b", "1"))
    written = [value for node in cluster.nodes for key, value in node.written if key == "a"]
    assert cluster.store["a"] == "5"
    assert [value for value in written if value != "1"] == ["2", "3", "4", "5"]
    assert written[0] == "1"


async def test_one_bad_key_fails_alone(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """A stranger's mistake in the same batch is none of mine."""
    for node in cluster.nodes:
        node.refuses["b"] = [TOO_LONG] * 9
    work = [aclient.put(key, "1") for key in ("a", "b", "half a \ud83c", "", "c")]
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    assert [type(it) for it in outcomes] == [Stored, BadRequest, BadRequest, BadRequest, Stored]
    assert "too long" in str(outcomes[1])
    assert "surrogate" in str(outcomes[2])
    assert "empty" in str(outcomes[3])
    assert set(cluster.store) == {"a", "c"}


async def test_an_unknown_outcome_is_not_tried_again(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """The first try may have been carried out, and somebody else may have written since."""
    for node in cluster.nodes:
        node.refuses["a"] = [LOST]
    with pytest.raises(OutcomeUnknown, match="may have happened") as caught:
        await aclient.put("a", "1")
    assert "a replica may have it" in str(caught.value)
    assert _work(cluster) == ["Put"]


async def test_an_unknown_outcome_is_tried_again_if_allowed(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """Who alone writes a key wants it written."""
    for node in cluster.nodes:
        node.refuses["a"] = [LOST]
    outcomes = await asyncio.gather(
        aclient.put("a", "1", retry_unknown=True),
        aclient.put("b", "1"),
    )
    assert all(isinstance(outcome, Stored) for outcome in outcomes)
    assert cluster.store == {"a": "1", "b": "1"}


async def test_a_broken_batch_leaves_writes_unknown_and_reads_go_elsewhere(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """It may have been carried out; a read in it can be asked of anybody."""
    cluster.store["r"] = "read"
    await aclient.get("r")
    (current,) = [node for node in cluster.nodes if "Get" in node.calls]
    current.failures["Batch"] = (Code.UNAVAILABLE, "Socket closed")
    put, got = await asyncio.gather(aclient.put("w", "1"), aclient.get("r"), return_exceptions=True)
    assert isinstance(put, OutcomeUnknown)
    assert "the connection broke" in str(put)
    assert got == "read"


async def test_a_full_answer_is_asked_for_again(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """Large values that do not fit into one answer come with the next."""
    full = Failure(code=8, message="no room", nothing_written=True, reason="ANSWER_FULL")
    cluster.store.update(a="1", b="2", c="3")
    for node in cluster.nodes:
        node.refuses["b"], node.refuses["c"] = [full], [full]
    assert await asyncio.gather(*(aclient.get(key) for key in "abc")) == ["1", "2", "3"]
    assert len({node.name for node in cluster.nodes if node.batches}) == 1


async def test_nodes_may_take_smaller_batches(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """A node's settings are its own; one that knew only the default would never get through."""
    for node in cluster.nodes:
        node.batch_limit = 100
    await asyncio.gather(*(aclient.put(f"{n}", "1") for n in range(500)))
    assert len(cluster.store) == 500


async def test_cancelling_one_leaves_the_others(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """They share a call by chance, and nothing else."""
    cluster.hang("Batch")
    puts = [asyncio.ensure_future(aclient.put(f"{n}", "1")) for n in range(3)]
    await asyncio.to_thread(cluster.arrived.wait, 10)
    puts[1].cancel()
    cluster.release()
    outcomes = await asyncio.gather(*puts, return_exceptions=True)
    assert [type(it) for it in outcomes] == [Stored, asyncio.CancelledError, Stored]


async def test_who_is_cancelled_in_the_line_is_not_sent(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """What nobody wants any more should not happen."""
    cluster.hang("Put")
    first = asyncio.ensure_future(aclient.put("a", "1"))
    await asyncio.to_thread(cluster.arrived.wait, 10)
    second = asyncio.ensure_future(aclient.put("a", "2"))
    await asyncio.sleep(0)
    second.cancel()
    cluster.release()
    await first
    await aclient.put("b", "1")
    assert cluster.store == {"a": "1", "b": "1"}


async def test_each_operation_has_its_own_deadline(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """A patient companion must not make an impatient caller wait."""
    cluster.hang("Batch")
    patient = asyncio.ensure_future(aclient.put("a", "1", timeout_s=30))
    with pytest.raises(OutcomeUnknown, match=r"within 0.2 s"):
        await aclient.put("b", "1", timeout_s=0.2)
    waiting = aclient.put("b", "2", timeout_s=0.1)
    with pytest.raises(Unavailable, match="nothing was written"):
        await waiting
    cluster.release()
    assert isinstance(await patient, Stored)


async def test_closing_lets_what_is_on_its_way_finish(cluster: FakeCluster) -> None:
    """A put that is cut off by the end of the program would be unknown for nothing."""
    aclient = AsyncClient(cluster.members)
    cluster.hang("Batch")
    puts = [asyncio.ensure_future(aclient.put(f"{n}", "1")) for n in range(3)]
    await asyncio.to_thread(cluster.arrived.wait, 10)
    closing = asyncio.ensure_future(aclient.close())
    await asyncio.sleep(0)
    cluster.release()
    await closing
    assert all(isinstance(put.result(), Stored) for put in puts)
    with pytest.raises(BadRequest, match="the client is closed"):
        await aclient.put("a", "1")
    await aclient.close()


async def test_closing_leaves_nothing_behind(cluster: FakeCluster) -> None:
    """A task that outlives its client is a leak, and asyncio complains of it in the end."""
    before = asyncio.all_tasks()
    cluster.hang("Put")
    async with AsyncClient(cluster.members) as aclient:
        abandoned = asyncio.ensure_future(aclient.put("a", "1"))
        await asyncio.to_thread(cluster.arrived.wait, 10)
        abandoned.cancel()
        await asyncio.gather(abandoned, return_exceptions=True)
    assert asyncio.all_tasks() == before


def test_a_client_belongs_to_one_event_loop(cluster: FakeCluster) -> None:
    """Used from a second one it would hang; the sentence says what to do."""
    aclient = AsyncClient(cluster.members)
    asyncio.run(_put_and_stop(aclient))
    with pytest.raises(BadRequest, match="another event loop"):
        asyncio.run(_put_and_stop(aclient))


async def _put_and_stop(aclient: AsyncClient) -> None:
    await aclient.put("a", "1")


@pytest.mark.parametrize("nodes", ["", "nowhere", "a:1,a:1", [1], 7])
def test_nodes_that_are_none_are_refused(nodes: object) -> None:
    """At the time when they are given, with the value in the sentence."""
    with pytest.raises(BadRequest):
        AsyncClient(nodes)  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), 1e9, "5", True])
async def test_timeouts_that_are_none_are_refused(aclient: AsyncClient, timeout_s: float) -> None:
    """Zero would time out before anything is sent, and infinity would wait for ever."""
    with pytest.raises(BadRequest, match="timeout"):
        await aclient.get("a", timeout_s=timeout_s)
