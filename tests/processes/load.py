"""A load on a cluster that remembers what was promised to it."""

from __future__ import annotations

import random
import threading
from collections import defaultdict

import grpc

from tests.processes.harness import Server, eventually

_UNKNOWN_IS_FINE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,  # gRPC's own, for a call that arrives while a server stops
}


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
            if error.code() not in _UNKNOWN_IS_FINE:
                self.unexpected.append(f"{error.code()}: {error.details()}")
        else:
            self.acknowledged += 1
            self.allowed[key] = [value]

    def assert_nothing_lost(self, servers: list[Server]) -> None:
        """Every key holds its last acknowledged value or one written after it, the same on all."""
        assert not self.unexpected, self.unexpected[:3]
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
