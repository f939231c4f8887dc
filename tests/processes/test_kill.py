"""kill -9 under load: what was acknowledged is there afterwards, everywhere."""

from __future__ import annotations

import random
import threading
from collections import defaultdict

import grpc

from tests.processes.harness import Cluster, Server, eventually


class Load:
    """Clients that write without pause and remember what was acknowledged.

    Each key belongs to one thread, so its values are written in order: after any crash the key
    must hold the last acknowledged value, or one that was sent later and whose outcome is unknown.
    """

    def __init__(self, servers: list[Server], prefix: str = "load", threads: int = 6) -> None:
        self._servers = servers
        self._prefix = prefix  # a key that was never written before is known to be absent
        self._stop = threading.Event()
        self.acknowledged = 0
        self.unexpected: list[str] = []
        self.allowed: dict[str, list[str | None]] = defaultdict(lambda: [None])
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(threads)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        rng = random.Random(number)
        count = 0
        while not self._stop.is_set():
            count += 1
            key = f"{self._prefix}/{number}/{rng.randrange(20)}"
            value = None if rng.random() < 0.2 else f"{number}-{count}"
            self._write(self._servers[rng.randrange(len(self._servers))], key, value)

    def _write(self, server: Server, key: str, value: str | None) -> None:
        self.allowed[key].append(value)  # from here on the outcome is unknown
        try:
            if value is None:
                server.delete(key, timeout_s=3)
            else:
                server.put(key, value, timeout_s=3)
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                self.unexpected.append(f"{error.code()}: {error.details()}")
        else:
            self.acknowledged += 1
            self.allowed[key] = [value]

    def assert_nothing_lost(self, servers: list[Server]) -> None:
        """Every key holds its last acknowledged value or one written after it, the same on all."""
        assert not self.unexpected
        for key, allowed in self.allowed.items():
            eventually(
                lambda key=key: len({_read(server, key) for server in servers}) == 1,  # type: ignore[misc]
                f"{key} is the same on all nodes",
            )
            held = _read(servers[0], key)
            assert held in allowed, f"{key} is {held!r}, acknowledged or sent later: {allowed}"


def _read(server: Server, key: str) -> str | None:
    response = server.get(key)
    return response.value if response.found else None


def test_kill_of_one_node_under_load_loses_nothing(cluster: Cluster) -> None:
    """A node killed and started again has every write that was acknowledged meanwhile."""
    with Load(cluster.servers) as load:
        for victim in (cluster[0], cluster[1], cluster[0]):
            seen = load.acknowledged
            eventually(lambda seen=seen: load.acknowledged > seen + 300, "writes go on")  # type: ignore[misc]
            victim.kill()
            seen = load.acknowledged
            eventually(lambda seen=seen: load.acknowledged > seen + 300, "writes go on without it")  # type: ignore[misc]
            victim.start()
            victim.wait_serving()
    cluster.wait_whole()
    load.assert_nothing_lost(cluster.servers)


def test_kill_of_all_nodes_at_once_under_load_loses_nothing(cluster: Cluster) -> None:
    """After kill -9 of the whole cluster under load every acknowledged write is still there."""
    for turn in range(3):
        with Load(cluster.servers, prefix=f"turn{turn}") as load:
            eventually(lambda load=load: load.acknowledged > 500, "some load")  # type: ignore[misc]
            for server in cluster:
                server.kill()
        for server in cluster:
            server.start()
        cluster.wait_whole()
        load.assert_nothing_lost(cluster.servers)
