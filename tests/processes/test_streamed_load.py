"""Calls on streams to real nodes, while nodes are killed, frozen and stopped and connections reset.

Each worker has a key of its own, and knows of every write whether it is done, certainly not done or
unknown. A stream breaks for all calls on it at once, and must not make one of these of another.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from kvcluster.client.connection import GrpcConnection, answer_or_refusal
from kvcluster.client.failure import Refusal
from tests.edges.in_process import until
from tests.processes.cluster import Cluster
from tests.processes.harness import eventually
from tests.processes.history import History
from tests.processes.proxy import Link, Mode, Switchboard

from demo_pb2 import GetRequest, PeerState, PutRequest

Fault = Callable[[Cluster, list[Link], Switchboard], None]
_WORKERS = 24


class StreamedLoad:
    """Workers that write and read on streams, through any node, until they are stopped."""

    def __init__(self, addresses: list[str]) -> None:
        self._connections = [GrpcConnection(address) for address in addresses]
        self._values = itertools.count()
        self.histories = {f"streamed/{number}": History() for number in range(_WORKERS)}
        self.acknowledged = 0
        self.wrong: list[str] = []
        self._over = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """It runs meanwhile."""
        workers = [asyncio.create_task(self._work(key)) for key in self.histories]
        try:
            yield
        finally:
            self._over = True
            await asyncio.gather(*workers)
            await asyncio.gather(*(each.close() for each in self._connections))

    async def goes_on(self, count: int = 200) -> None:
        """Return when so many more writes have been acknowledged."""
        end = self.acknowledged + count
        await until(lambda: self.acknowledged >= end, deadline_s=30)

    async def _work(self, key: str) -> None:
        rng = random.Random(key)
        while not self._over:
            connection = rng.choice(self._connections)
            await (self._write if rng.random() < 0.7 else self._read)(connection, key)

    async def _write(self, connection: GrpcConnection, key: str) -> None:
        history, value = self.histories[key], f"value {next(self._values)}"
        place = history.send(value)
        answer: Any = await answer_or_refusal(connection, PutRequest(key=key, value=value), 3)
        if not isinstance(answer, Refusal):
            history.acknowledge(place)
            self.acknowledged += 1
        else:
            if answer.nothing_written:
                history.refuse(place)
            await asyncio.sleep(0.02)

    async def _read(self, connection: GrpcConnection, key: str) -> None:
        history = self.histories[key]
        answer: Any = await answer_or_refusal(connection, GetRequest(key=key), 3)
        if isinstance(answer, Refusal):
            await asyncio.sleep(0.02)
        elif not history.may_be(found := answer.value if answer.found else None):
            self.wrong.append(f"{key} was read as {found!r}, may be {history.allowed()}")


def kill(cluster: Cluster, links: list[Link], switchboard: Switchboard) -> None:
    """A node is killed and comes back."""
    cluster[0].kill()
    cluster[0].start()
    cluster[0].wait_serving()


def stop(cluster: Cluster, links: list[Link], switchboard: Switchboard) -> None:
    """A node is stopped in good order and comes back."""
    assert cluster[0].interrupt() == 0
    cluster[0].start()
    cluster[0].wait_serving()


def freeze(cluster: Cluster, links: list[Link], switchboard: Switchboard) -> None:
    """A node stands still for longer than calls and its peers wait for it."""
    with cluster[0].frozen():
        eventually(lambda: cluster[1].thinks(cluster[0]) == PeerState.DEAD, "it is noticed")
        switchboard.do(asyncio.sleep(2))


def reset(cluster: Cluster, links: list[Link], switchboard: Switchboard) -> None:
    """All connections of clients are reset, again and again."""
    for _ in range(10):
        for mode in (Mode.RESET, Mode.PASS):
            switchboard.do(switchboard.change([(link, mode, mode) for link in links]))
        switchboard.do(asyncio.sleep(0.2))


@pytest.mark.parametrize("fault", [kill, stop, freeze, reset])
async def test_what_calls_on_streams_were_told_is_true(cluster: Cluster, fault: Fault) -> None:
    """Done writes are kept, refused ones never seen, reads show nothing old."""
    switchboard = Switchboard()
    try:
        links = [switchboard.link(("localhost", server.port)) for server in cluster]
        load = StreamedLoad([f"127.0.0.1:{link.port}" for link in links])
        async with load.running():
            await load.goes_on()
            await asyncio.to_thread(fault, cluster, links, switchboard)
            await load.goes_on()
    finally:
        switchboard.close()
    assert not load.wrong
    await asyncio.to_thread(cluster.wait_whole)
    for key, history in load.histories.items():
        for server in cluster:
            held = server.get(key)
            verdict = history.verdict(held.value if held.found else None)
            assert verdict is None, f"{key} on {server.name}: {verdict}"
    calls = {each.method: sum(each.calls.values()) for each in cluster[1].status().traffic.methods}
    assert calls["Calls"] > 0, "no call went on a stream"
