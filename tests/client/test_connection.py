"""Connections: what becomes of one that says nothing, and that none is a nuisance to a server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from kvcluster import AsyncClient, OutcomeUnknown, Stored
from kvcluster.client.connection import GrpcConnection, _or_none
from kvcluster.config import MIB
from kvcluster.model.members import split_address
from kvcluster.wire.dial import options_of_clients
from tests.client.fake_node import FakeCluster, FakeNode
from tests.edges.in_process import until
from tests.processes.proxy import Mode, Switchboard

from demo_pb2 import BatchResponse, Pair, PutRequest, PutResponse, ScanResponse


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed sooner."""
    monkeypatch.setattr("kvcluster.client.dispatcher._SILENT_S", 0.2)
    monkeypatch.setattr("kvcluster.client.paging._SILENT_S", 0.2)
    monkeypatch.setattr("kvcluster.client.nodes._KNOCK_TIMEOUT_S", 0.3)


class Way:
    """A way to a node that nobody else can be reached by."""

    def __init__(self, node: FakeNode, switchboard: Switchboard) -> None:
        self._switchboard = switchboard
        self._link = switchboard.link(split_address(node.address))
        node.name = self.seed = f"127.0.0.1:{self._link.port}"
        node.peers = {}

    def stall(self) -> None:
        """Connections of now are dead for ever; new ones work."""
        for mode in (Mode.STALL, Mode.PASS):
            self._switchboard.do(self._switchboard.change([(self._link, mode, mode)]))


@pytest.fixture
def way(cluster: FakeCluster) -> Iterator[Way]:
    """The way to the first node."""
    switchboard = Switchboard()
    try:
        yield Way(cluster.nodes[0], switchboard)
    finally:
        switchboard.close()


def test_no_connection_pings() -> None:
    """A server with gRPC's own defaults bears three, and ends the connection at the fourth."""
    assert not [name for name, _ in options_of_clients() if "keepalive" in name or "ping" in name]


@pytest.mark.parametrize("method", ["Batch", "Scan"])
def test_an_answer_of_nothing_but_fields_is_not_parsed(method: str) -> None:
    """Somebody who listens where a node should would stop the program for seconds."""
    kind: Any = {"Batch": BatchResponse, "Scan": ScanResponse}[method]
    parse = _or_none(f"/demo.KeyValue/{method}", kind.FromString)
    assert parse(b"\x0a\0" * 8 * MIB) is None
    pairs = [Pair(key=f"{number:06}") for number in range(100_000)]
    honest = ScanResponse(pairs=pairs)
    assert method == "Batch" or parse(honest.SerializeToString()) == honest


async def test_a_node_that_knows_no_streams_is_asked_for_one_once(cluster: FakeCluster) -> None:
    """An older one is as good as any; it need not say so at each call."""
    node = cluster.nodes[0]
    connection = GrpcConnection(node.address)
    for number in range(3):
        request = PutRequest(key="a", value=str(number))
        assert isinstance(await connection.ask(request, 5), PutResponse)
        await until(lambda: number == 0 or node.streams_refused > 0)  # noqa: B023
    assert [value for _, value in node.written] == ["0", "1", "2"]
    assert node.streams_refused == 1
    await connection.close()


@pytest.mark.usefixtures("impatient")
async def test_a_write_that_waits_for_a_busy_node_is_not_given_up(cluster: FakeCluster) -> None:
    """It says how it is, and takes its time with the write: a slow disk, say."""
    node, knocks = cluster.nodes[0], itertools.count()
    node.on_health = lambda: node.release.set() if next(knocks) == 4 else None
    cluster.hang("Put")
    async with AsyncClient(node.address, timeout_s=30) as client:
        assert isinstance(await client.put("a", "1"), Stored)


@pytest.mark.usefixtures("impatient")
async def test_a_connection_that_says_nothing_is_given_up(way: Way) -> None:
    """TCP would cling to it for a quarter of an hour, though the node can be reached again."""
    async with AsyncClient(way.seed, timeout_s=60) as client:
        await client.put("a", "1")
        way.stall()
        with pytest.raises(OutcomeUnknown, match="the connection was given up"):
            await client.put("a", "2")
        assert isinstance(await client.put("a", "3"), Stored)


@pytest.mark.usefixtures("impatient")
async def test_a_scan_goes_on_over_a_new_connection(way: Way) -> None:
    """Nobody else may be there to ask."""
    async with AsyncClient(way.seed, timeout_s=60) as client:
        await client.put("a", "1")
        way.stall()
        assert [pair async for pair in client.scan()] == [("a", "1")]


async def test_an_idle_connection_that_says_nothing_is_given_up(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall forgets connections; the next call must not find out for minutes."""
    monkeypatch.setattr("kvcluster.client.roster.TRUSTED_S", 0.0)
    async with AsyncClient(way.seed, timeout_s=60) as client:
        await client.put("a", "1")
        way.stall()
        assert isinstance(await client.put("a", "2"), Stored)
