"""status and locate: the cluster as a program sees it, in plain values."""

from __future__ import annotations

import asyncio
import pickle

import grpc
import pytest

from kvcluster import AsyncClient, BadRequest, Client, Location, NodeStatus, Replica, Unavailable
from kvcluster.model.members import split_address
from tests.client.fake_node import FakeCluster

from demo_pb2 import SYNCING, Failure, PeerState

Code = grpc.StatusCode


def _sorted(cluster: FakeCluster) -> list[str]:
    return sorted(cluster.addresses, key=split_address)


async def test_every_node_says_how_it_is(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """What a health check asks for, in the order of their addresses."""
    cluster.store.update(a="1", b="2")
    for node in cluster.nodes:
        node.extra.size_bytes, node.extra.uptime_s = 4, 12.5
    nodes = await aclient.status()
    assert nodes == tuple(
        NodeStatus(node, "SERVING", "", keys=2, size_bytes=4, uptime_s=12.5)
        for node in _sorted(cluster)
    )
    assert all(node.serving for node in nodes)
    assert pickle.loads(pickle.dumps(nodes)) == nodes


async def test_a_node_that_does_not_serve_says_why(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """One without room for writes does not serve either, whatever it answers to reads."""
    catching_up, full, well = (
        next(node for node in cluster.nodes if node.name == name) for name in _sorted(cluster)
    )
    catching_up.status, catching_up.reason = SYNCING, "catching up from b:1"
    full.extra.disk_full = True
    first, second, third = await aclient.status()
    assert (first.state, first.reason) == ("SYNCING", "catching up from b:1")
    assert (second.state, second.disk_full) == ("SERVING", True)
    assert [node.serving for node in (first, second, third)] == [False, False, True]
    assert well.calls.count("Status") == 1


async def test_a_node_that_is_gone_is_one_of_the_values(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """Whoever looks after a cluster wants to see it among the others, and gets no error."""
    gone = cluster.lose(1)
    found = {node.node: node for node in await aclient.status()}
    assert list(found) == _sorted(cluster)
    assert found[gone] == NodeStatus(
        gone, "UNREACHABLE", "connection refused, nothing listens there"
    )
    assert [node.serving for node in found.values()].count(True) == 2


async def test_one_address_shows_the_whole_cluster(cluster: FakeCluster) -> None:
    """The others are named by those that answer; nobody is asked twice."""
    async with AsyncClient(cluster.addresses[0]) as aclient:
        assert [node.node for node in await aclient.status()] == _sorted(cluster)
    assert [node.calls.count("Status") for node in cluster.nodes] == [1, 1, 1]


async def test_a_node_with_two_addresses_counts_once(cluster: FakeCluster) -> None:
    """Its own name is the one that others know."""
    other = cluster.addresses[0].replace("localhost", "127.0.0.1")
    async with AsyncClient([other, cluster.addresses[0]]) as aclient:
        assert [node.node for node in await aclient.status()] == _sorted(cluster)


@pytest.mark.parametrize(
    "names", [["", "x", "a:b", "a:1,b:1"], [f"localhost:{n}" for n in range(1, 999)]]
)
async def test_what_nodes_name_is_not_trusted(cluster: FakeCluster, names: list[str]) -> None:
    """Neither to be addresses, nor to be few."""
    node = cluster.nodes[0]
    node.peers = {}
    node.extra.configuration.members.extend(names)
    async with AsyncClient(node.address, timeout_s=2) as aclient:
        found = await aclient.status()
    assert 1 <= len(found) <= 256
    assert node.address in [it.node for it in found]


async def test_a_silent_node_delays_nobody(
    cluster: FakeCluster, aclient: AsyncClient, frozen: str
) -> None:
    """The others are told with it, at the timeout."""
    async with AsyncClient([cluster.members, frozen], timeout_s=0.5) as aclient:
        found = {node.node: node for node in await aclient.status()}
    assert found[frozen].state == "TIMED OUT"
    assert [node.state for node in found.values()].count("SERVING") == 3


async def test_nobody_there_is_no_error(nobody: str) -> None:
    """A health check has a table to print, and not an exception to catch."""
    async with AsyncClient(nobody, timeout_s=0.5) as aclient:
        (node,) = await aclient.status()
    assert (node.state, node.serving, node.keys) == ("UNREACHABLE", False, None)


async def test_a_key_has_a_place(cluster: FakeCluster, aclient: AsyncClient) -> None:
    """Whether it is there or not, the primary first."""
    first, second, third = cluster.addresses
    for node in cluster.nodes:
        node.homes, node.peers, node.lagging = [second, third], {third: PeerState.DEAD}, {second}
    place = await aclient.locate("a")
    assert place == Location(
        1234, (Replica(second, "ALIVE", True), Replica(third, "DEAD", False)), place.said_by
    )
    assert place.primary == second
    assert place.said_by in (first, second, third)
    assert pickle.loads(pickle.dumps(place)) == place


async def test_another_node_says_where_a_key_lives(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails, is silent, or answers nothing is passed over."""
    monkeypatch.setattr("kvcluster.client.asking._PATIENCE_S", 0.2)
    broken, silent, well = cluster.nodes
    broken.failures["Locate"] = (Code.UNAVAILABLE, "Socket closed")
    silent.hangs = {"Locate"}
    for _ in range(5):
        async with AsyncClient(cluster.members) as aclient:
            assert (await aclient.locate("a")).said_by == well.name
    silent.release.set()


async def test_a_place_that_nobody_tells_is_unavailable(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """With the reasons; an answer that names no node is none."""
    busy = Failure(code=8, message="too busy", nothing_written=True, reason="OVERLOADED")
    cluster.nodes[0].failures["Locate"] = cluster.nodes[1].failures["Locate"] = busy
    cluster.nodes[2].name = ""
    with pytest.raises(Unavailable, match=r"within 1 s .*too busy") as caught:
        await aclient.locate("a", timeout_s=1)
    assert f"{cluster.addresses[2]}: its answer cannot be read" in str(caught.value)


async def test_keys_that_cannot_be_live_nowhere(aclient: AsyncClient) -> None:
    """The same sentence as for the other methods."""
    with pytest.raises(BadRequest, match="the key is empty"):
        await aclient.locate("")
    with pytest.raises(BadRequest, match="a timeout is a number"):
        await aclient.status(timeout_s="1")  # type: ignore[arg-type]


async def test_the_synchronous_client_does_the_same(cluster: FakeCluster) -> None:
    """One is not to be learned after the other."""

    def look() -> None:
        with Client(cluster.members) as aclient:
            assert [node.node for node in aclient.status()] == _sorted(cluster)
            assert aclient.locate("a").slot == 1234

    await asyncio.to_thread(look)


async def test_a_survey_that_is_given_up_leaves_nothing_behind(
    cluster: FakeCluster, aclient: AsyncClient
) -> None:
    """No task that asyncio complains of, and a client that closes at once."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    cluster.hang("Status")
    asking = asyncio.ensure_future(aclient.status(timeout_s=60))
    await asyncio.to_thread(cluster.arrived.wait, 10)
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    cluster.release()
    await aclient.close()
    assert not complaints
