"""A load on a cluster that remembers what was promised to it.

Each key belongs to one thread, which writes and reads it in order through any node: so history.py
can say what every answer may be. How strictly depends on the `Weather`: a node that is cut off may
answer with something older, and while nothing is wrong no call may fail. Every error of a client
is counted by its code and sentence (errors.py).
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import grpc

from tests.processes.errors import Error, without_addresses
from tests.processes.harness import Server, eventually, wall_time
from tests.processes.history import History, Value

_REST_S = 0.02
"""After an error a client rests for a moment, as clients do."""
_CERTAIN = "nothing was written"
_REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_UNKNOWN_IS_FINE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,  # gRPC's own, for a call that arrives while a server stops
}

_SERIAL = itertools.count()
"""No value is ever written twice."""


class Weather:
    """What may go wrong in calls that begin and end while it lasts. Each change is a new one."""

    def __init__(self, *, calls_fail: bool, reads_old: bool) -> None:
        self.calls_fail = calls_fail
        self.reads_old = reads_old

    @classmethod
    def fair(cls) -> Weather:
        """Nothing is wrong: every call succeeds."""
        return cls(calls_fail=False, reads_old=False)

    @classmethod
    def rough(cls) -> Weather:
        """Nodes come and go: calls may fail, and every answer is right."""
        return cls(calls_fail=True, reads_old=False)

    @classmethod
    def wild(cls) -> Weather:
        """Nodes are cut off: a read may show something older."""
        return cls(calls_fail=True, reads_old=True)


class Load:
    """Clients that write, delete and read without pause and remember what they were told."""

    def __init__(
        self,
        servers: Sequence[Server],
        prefix: str = "load",
        threads: int = 6,
        *,
        reads: float = 0.0,
        keys: Sequence[str] = (),
        histories: dict[str, History] | None = None,
    ) -> None:
        """`reads`: their share of all calls. `keys`: endings of the keys of each thread.
        `histories`: what earlier loads on the same cluster know.
        """
        self._servers = servers
        self._prefix = prefix  # a key that was never written before is known to be absent
        self._reads = reads
        self._keys = keys or [str(number) for number in range(20)]
        self._stop = threading.Event()
        self.weather = Weather.rough()
        self.acknowledged = 0
        self.judged = 0
        """Reads that had to be right."""
        self.older = 0
        """Reads that were not, and need not be."""
        self.wrong: list[str] = []
        """Broken promises, for people."""
        self.errors: Counter[Error] = Counter()
        self.histories = {} if histories is None else histories
        self._used: set[str] = set()
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(threads)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def goes_on(self, count: int = 100) -> None:
        """Return when so many more writes have been acknowledged."""
        seen = self.acknowledged
        eventually(lambda: self.acknowledged > seen + count, "writes go on")

    def _run(self, number: int) -> None:
        rng = random.Random(number)
        while not self._stop.is_set():
            key = f"{self._prefix}/{number}/{rng.choice(self._keys)}"
            self._used.add(key)
            server = rng.choice(self._servers)
            if rng.random() < self._reads:
                self._read(server, key)
            else:
                self._write(server, key, None if rng.random() < 0.2 else f"value {next(_SERIAL)}")

    def _write(self, server: Server, key: str, value: Value) -> None:
        history, weather = self.histories.setdefault(key, History()), self.weather
        place = history.send(value)
        try:
            if value is None:
                server.delete(key, timeout_s=3)
            else:
                server.put(key, value, timeout_s=3)
        except grpc.RpcError as error:
            if error.code() in _REFUSALS or (error.details() or "").endswith(_CERTAIN):
                history.refuse(place)
            self._count("delete" if value is None else "put", server, error, weather)
        else:
            self.acknowledged += 1
            history.acknowledge(place)

    def _read(self, server: Server, key: str) -> None:
        history, weather = self.histories.setdefault(key, History()), self.weather
        floor = history.floor
        try:
            value = read(server, key, timeout_s=3)
        except grpc.RpcError as error:
            self._count("get", server, error, weather)
            return
        right = history.may_be(value, floor)
        if weather.reads_old or self.weather is not weather:
            self.older += not right
            return
        self.judged += 1
        if not right:
            self._blame(server, f"read {key} as {value!r}, may be {history.allowed(floor)}")

    def _count(
        self, operation: str, server: Server, error: grpc.RpcError, weather: Weather
    ) -> None:
        code, details = error.code(), error.details() or ""
        self.errors[operation, code.name, without_addresses(details)] += 1
        if code not in _UNKNOWN_IS_FINE:
            self._blame(server, f"failed a {operation} with {code}: {details}")
        elif not weather.calls_fail and self.weather is weather:
            self._blame(server, f"failed a {operation} while nothing was wrong: {code}: {details}")
        time.sleep(_REST_S)

    def _blame(self, server: Server, what: str) -> None:
        self.wrong.append(f"{wall_time()} {server.name} {what}")

    def misfits(self, data: Mapping[str, str]) -> list[str]:
        """Which keys are not what their history allows in some data."""
        return [
            f"{key} is {data.get(key)!r}, may be {history.allowed()}"
            for key, history in self.histories.items()
            if not history.may_be(data.get(key))
        ]

    def assert_kept(self, servers: Sequence[Server]) -> None:
        """Every key of this load holds what its history allows, the same through all nodes."""
        assert not self.wrong, self.wrong[:3]
        for key in self._used:
            eventually(
                lambda key=key: len({read(server, key) for server in servers}) == 1,  # type: ignore[misc]
                f"{key} is the same on all nodes",
            )
            history, held = self.histories[key], read(servers[0], key)
            assert history.may_be(held), f"{key} is {held!r}, may be {history.allowed()}"


def read(server: Server, key: str, timeout_s: float = 5) -> Value:
    """The value of a key through a server."""
    response = server.get(key, timeout_s)
    return response.value if response.found else None
