"""AsyncClient when nodes fail: whom it turns to, what it tries again, and when it gives up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial

import grpc
import pytest

from kvcluster import AsyncClient, OutcomeUnknown, Stored, Unavailable
from kvcluster.client.session import Session
from tests.client.fake_node import FakeCluster, FakeNode

from demo_pb2 import DRAINING, SYNCING, Failure

Code = grpc.StatusCode
STOPPING = Failure(
    code=14, message="it is stopping; nothing was written", nothing_written=True, reason="NOT_READY"
)
NO_REPLICA = Failure(code=14, message="no replica", nothing_written=True, reason="NO_REPLICA")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed sooner, and so is that nobody answers a knock."""
    monkeypatch.setattr("kvcluster.client.dispatcher._SILENT_S", 0.2)
    monkeypatch.setattr("kvcluster.client.nodes._KNOCK_TIMEOUT_S", 0.3)


def _used(cluster: FakeCluster) -> list[FakeNode]:
    """The nodes that were asked for more than their health."""
    return [node for node in cluster.nodes if set(node.calls) - {"CheckHealth"}]


async def _until(holds: Callable[[], bool]) -> None:
    end_s = asyncio.get_running_loop().time() + 20
    while not holds():
        assert asyncio.get_running_loop().time() < end_s
        await asyncio.sleep(0.01)


class _Late(random.Random):
    """Draws long rests."""

    def random(self) -> float:
        return 0.9


def _asked(cluster: FakeCluster, method: str) -> int:
    """How often nodes were asked for this."""
    return sum(node.calls.count(method) for node in cluster.nodes)


@pytest.mark.usefixtures("impatient")
async def test_nobody_there(nobody: str, frozen: str) -> None:
    """The sentence must name each node and what is the matter with it, and when it gave up."""
    async with AsyncClient([nobody, frozen], timeout_s=0.5) as client:
        with pytest.raises(Unavailable) as caught:
            await client.put("a", "1")
    text = str(caught.value)
    assert text.startswith("no node could do it within 0.5 s (")
    assert f"{nobody}: connection refused, nothing listens there" in text
    assert f"{frozen}: no answer within 0.3 s; it may be frozen or cut off" in text
    assert text.endswith("; nothing was written")


async def test_no_node_of_this_store(web_server: str) -> None:
    """An address that was mistyped should be found by reading the error."""
    async with AsyncClient(web_server, timeout_s=0.5) as client:
        with pytest.raises(Unavailable, match="no gRPC server") as caught:
            await client.get("a")
    assert "nothing was written" not in str(caught.value)


async def test_a_cluster_that_comes_up_in_time_is_waited_for(cluster: FakeCluster) -> None:
    """A program that starts a moment before its cluster must not fail."""
    cluster.nodes[0].failures["CheckHealth"] = (Code.UNAVAILABLE, "not yet")
    async with AsyncClient(cluster.addresses[0]) as client:
        put = asyncio.ensure_future(client.put("a", "1"))
        await asyncio.sleep(0)
        while cluster.nodes[0].calls.count("CheckHealth") < 2:
            assert not put.done()
            await asyncio.sleep(0)
        cluster.nodes[0].failures.clear()
        assert isinstance(await put, Stored)


@pytest.mark.parametrize("count", [1, 20])
async def test_all_are_cancelled_while_a_node_is_searched(cluster: FakeCluster, count: int) -> None:
    """Nothing is sent then, nothing is complained of, and the next call finds its node."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    cluster.hang("CheckHealth")
    async with AsyncClient(cluster.members) as client:
        puts = [asyncio.ensure_future(client.put(f"{n}", "1")) for n in range(count)]
        await asyncio.to_thread(cluster.arrived.wait, 10)
        for put in puts:
            put.cancel()
        await asyncio.wait(puts)
        cluster.release()
        assert isinstance(await client.put("other", "1"), Stored)
    assert not complaints
    assert cluster.store == {"other": "1"}


async def test_one_seed_is_enough(cluster: FakeCluster) -> None:
    """With the only address that was given gone, the others of its cluster must be known."""
    async with AsyncClient(cluster.addresses[0]) as client:
        await client.put("a", "1")
        cluster.lose(0)
        await client.put("b", "2")
        assert await client.get("a") == "1"
    assert cluster.store == {"a": "1", "b": "2"}


async def test_clients_spread_over_the_nodes(cluster: FakeCluster) -> None:
    """All clients on one node would leave two idle, and one drowning."""
    for _ in range(30):
        async with AsyncClient(cluster.members) as client:
            await client.get("a")
    assert len(_used(cluster)) == 3


async def test_a_node_that_stops_is_left(cluster: FakeCluster) -> None:
    """What it refuses is certainly not done, so nobody needs to hear of it."""
    async with AsyncClient(cluster.members) as client:
        await client.put("a", "1")
        (current,) = _used(cluster)
        current.status = DRAINING
        current.failures.update(Put=STOPPING, Batch=STOPPING)
        await asyncio.gather(*(client.put(f"{n}", "1") for n in range(50)))
        before = len(current.calls)
        await client.put("b", "1")
    assert len(cluster.store) == 52
    assert set(current.calls[before:]) <= {"CheckHealth"}


async def test_a_node_that_serves_is_preferred(cluster: FakeCluster) -> None:
    """A node that catches up passes reads on, at best."""
    for node in cluster.nodes[:2]:
        node.status = SYNCING
    for _ in range(5):
        async with AsyncClient(cluster.members) as client:
            await client.get("a")
    assert _used(cluster) == [cluster.nodes[2]]


async def test_a_node_that_does_not_serve_yet_is_better_than_none(cluster: FakeCluster) -> None:
    """It takes writes, and answers reads as soon as it can."""
    for node in cluster.nodes:
        node.status = SYNCING
    async with AsyncClient(cluster.members) as client:
        assert isinstance(await client.put("a", "1"), Stored)


async def test_what_one_node_refuses_another_may_do(cluster: FakeCluster) -> None:
    """A node that cannot reach a key's replicas is asked for other keys all the same."""
    async with AsyncClient(cluster.members) as client:
        await client.put("z", "0")
        (current,) = _used(cluster)
        current.refuses["a"] = [NO_REPLICA] * 99
        for number in range(3):
            await asyncio.gather(client.put("a", str(number)), client.put("b", str(number)))
    assert cluster.store == {"a": "2", "b": "2", "z": "0"}


async def test_retries_end_when_everything_fails(cluster: FakeCluster) -> None:
    """A cluster that refuses everything must not be asked without end."""
    for node in cluster.nodes:
        node.refuses["a"] = [NO_REPLICA] * 999
    async with AsyncClient(cluster.members, timeout_s=20) as client:
        with pytest.raises(Unavailable, match=r"^no node could do it within 1 s"):
            await client.get("a", timeout_s=1)
        before = _asked(cluster, "Get")
        assert before > 3
        assert [client._session.nodes.budget.spend() for _ in range(5)] == [True] * 4 + [False]
        with pytest.raises(Unavailable, match="too many calls of this client fail") as caught:
            await client.get("a")
    assert "no replica" in str(caught.value)
    assert _asked(cluster, "Get") == before + 1


@pytest.mark.parametrize("reason", ["NO_REPLICA", "OVERLOADED"])
@pytest.mark.parametrize("method", ["put", "get"])
async def test_the_first_failure_is_told_by_what_nodes_said(
    cluster: FakeCluster, method: str, reason: str
) -> None:
    """Both replicas of a key are gone. Nobody has failed before, so nobody has failed too often."""
    gone = [cluster.lose(0), cluster.lose(1)]
    refusal = Failure(code=14, message="not now", nothing_written=True, reason=reason)
    cluster.nodes[2].refuses["a"] = [refusal] * 999
    async with AsyncClient(cluster.members, timeout_s=1) as client:
        client._open = partial(Session, rng=_Late())
        with pytest.raises(Unavailable) as caught:
            await getattr(client, method)("a", *["1"] * (method == "put"))
        tries = _asked(cluster, method.title())
        assert isinstance(await client.put("b", "1"), Stored)
    text = str(caught.value)
    assert text.startswith("no node could do it within 1 s (")
    assert "too many" not in text
    assert f"{cluster.addresses[2]}: not now" in text
    assert all(f"{node}: connection refused" in text for node in gone)
    assert tries == 4  # after 0, 0.1, 0.3 and 0.7 s


@pytest.mark.usefixtures("impatient")
async def test_scan_that_every_node_refuses_rests_between_its_tries(cluster: FakeCluster) -> None:
    """Its first failure is no reason to give up, nor to ask an overloaded cluster without end."""
    for node in cluster.nodes:
        node.failures["Scan"] = Failure(
            code=8, message="too busy", nothing_written=True, reason="OVERLOADED"
        )
    async with AsyncClient(cluster.members, timeout_s=1) as client:
        with pytest.raises(Unavailable, match=r"^no node could do it within 1 s .*too busy"):
            async for _ in client.scan():
                pass
        assert 6 <= _asked(cluster, "Scan") < 30
        while client._session.nodes.budget.spend():
            pass
        with pytest.raises(Unavailable, match="too many calls of this client fail"):
            async for _ in client.scan():
                pass


@pytest.mark.usefixtures("impatient")
async def test_a_silent_node_does_not_hold_reads(cluster: FakeCluster) -> None:
    """Somebody else has the value, too; only the write has to wait for what nobody can know."""
    cluster.store["a"] = "1"
    async with AsyncClient(cluster.members, timeout_s=10) as client:
        await client.get("a")
        (current,) = _used(cluster)
        current.hangs = {"Get", "Put", "Batch", "CheckHealth"}
        put, got, later = (
            asyncio.ensure_future(client.put("w", "1", timeout_s=1)),
            asyncio.ensure_future(client.get("a")),
            asyncio.ensure_future(client.put("later", "1", timeout_s=1)),
        )
        assert await got == "1"
        assert not put.done()
        assert isinstance(await client.put("new", "1"), Stored)
        outcomes = await asyncio.gather(put, later, return_exceptions=True)
        assert {type(it) for it in outcomes} == {OutcomeUnknown}
        current.release.set()


@pytest.mark.usefixtures("impatient")
async def test_a_call_that_was_given_up_says_nothing_of_its_node(cluster: FakeCluster) -> None:
    """It may be slow with just that; a shell would tell of a move after each Ctrl+C."""
    async with AsyncClient(cluster.members) as client:
        await client.put("a", "1")
        (current,) = _used(cluster)
        current.hangs = {"Get"}
        getting = asyncio.ensure_future(client.get("a"))
        await _until(lambda: "Get" in current.calls)
        getting.cancel()
        knocks = current.calls.count("CheckHealth")
        await _until(lambda: current.calls.count("CheckHealth") > knocks)  # does it live at all?
        assert client._session.nodes.at_hand(()) is not None, "it is left"
        current.release.set()


@pytest.mark.usefixtures("impatient")
async def test_an_idle_client_does_not_trust_its_node(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that froze meanwhile would swallow the next write, and nobody would know."""
    monkeypatch.setattr("kvcluster.client.roster.TRUSTED_S", 0.0)
    async with AsyncClient(cluster.members) as client:
        await client.put("a", "1")
        (current,) = _used(cluster)
        current.hangs = {"Put", "CheckHealth"}
        assert isinstance(await client.put("a", "2"), Stored)
        current.release.set()
    assert current.calls.count("Put") == 1


async def test_an_answer_that_cannot_be_read_leaves_writes_unknown(cluster: FakeCluster) -> None:
    """A node of a later version may answer what this one does not know; nothing may be claimed."""
    async with AsyncClient(cluster.members) as client:
        for node in cluster.nodes:
            node.cut_results = True
        outcomes = await asyncio.gather(
            client.put("a", "1"), client.put("b", "1"), return_exceptions=True
        )
    assert [type(it) for it in outcomes] == [OutcomeUnknown] * 2
    assert "its answer cannot be read" in str(outcomes[0])


async def test_an_empty_answer_is_none(cluster: FakeCluster) -> None:
    """It is the same bytes as "no such key", and as a put that nobody holds."""
    async with AsyncClient(cluster.members) as client:
        for node in cluster.nodes:
            node.name = ""
        with pytest.raises(OutcomeUnknown, match="its answer cannot be read"):
            await client.put("a", "1")
        with pytest.raises(Unavailable, match="its answer cannot be read"):
            await client.get("a", timeout_s=1)


async def test_write_after_a_sleep_of_this_machine_is_sent_behind_a_knock(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection may be long gone, though by the clock of the timers it answered just now."""
    async with AsyncClient(cluster.addresses) as client:
        await client.put("a", "1")
        (node,) = _used(cluster)
        before = node.calls.count("CheckHealth")
        await client.put("a", "2")
        assert node.calls.count("CheckHealth") == before
        asked = iter([True])
        monkeypatch.setattr("kvcluster.steady.Sleep.is_over", lambda self: next(asked, False))
        await client.put("a", "3")
        assert node.calls.count("CheckHealth") == before + 1
