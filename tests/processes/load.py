"""A load on a cluster that remembers what was promised to it.

Each key belongs to one thread, which writes and reads it in order through any node: so history.py
can say what every answer may be. How strictly depends on the `Weather`: a node that is cut off may
answer with something older, and while nothing is wrong no call may fail. Every call is counted
(tally.py), and every broken promise (findings.py).
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import grpc

from tests.processes.errors import certainly_not_done, without_addresses
from tests.processes.findings import Finding, Findings
from tests.processes.harness import Server, eventually, wall_time
from tests.processes.history import History, Value
from tests.processes.tally import Tally

_REST_S = 0.02
"""After an error a client rests for a moment, as clients do."""
_FINE_IN_BAD_WEATHER = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,  # gRPC's own, for a call that arrives while a server stops
    grpc.StatusCode.RESOURCE_EXHAUSTED,  # a full disk
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
        findings: Findings | None = None,
        faithful: bool = False,
        succeeded: Callable[[Server], None] = lambda server: None,
        stalled: Callable[[], bool] = lambda: False,
    ) -> None:
        """`reads`: their share of all calls. `keys`: endings of the keys of each thread.
        `histories`, `findings`: those of earlier loads on the same cluster. `faithful`: each server
        also has a client that asks no other. `succeeded`: told of every call that succeeds.
        `stalled`: asked, after a failure that nobody provoked, whether the machine stood still.
        """
        self._prefix = prefix  # a key that was never written before is known to be absent
        self._reads = reads
        self._keys = keys or [str(number) for number in range(20)]
        self._stop = threading.Event()
        self.weather = Weather.rough()
        self.tally = Tally()
        self.findings = Findings() if findings is None else findings
        self.histories = {} if histories is None else histories
        self._succeeded = succeeded
        self._stalled = stalled
        self._used: set[str] = set()
        choices = [list(servers)] * threads + [[server] for server in servers if faithful]
        self._threads = [
            threading.Thread(target=self._run, args=(number, choice))
            for number, choice in enumerate(choices)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def acknowledged(self) -> int:
        """Writes that were."""
        return self.tally.acknowledged

    @property
    def used(self) -> dict[str, History]:
        """What the clients of this load know of the keys that they used."""
        return {key: self.histories[key] for key in self._used}

    def goes_on(self, count: int = 100) -> None:
        """Return when so many more writes have been acknowledged."""
        seen = self.acknowledged
        eventually(lambda: self.acknowledged > seen + count, "writes go on")

    def _run(self, number: int, servers: Sequence[Server]) -> None:
        rng = random.Random(number)
        while not self._stop.is_set():
            key = f"{self._prefix}/{number}/{rng.choice(self._keys)}"
            self._used.add(key)
            server = rng.choice(servers)
            if rng.random() < self._reads:
                self._read(server, key)
            else:
                self._write(server, key, None if rng.random() < 0.2 else f"value {next(_SERIAL)}")

    def _write(self, server: Server, key: str, value: Value) -> None:
        history, weather = self.histories.setdefault(key, History()), self.weather
        operation = "delete" if value is None else "put"
        place = history.send(value)
        try:
            if value is None:
                server.delete(key, timeout_s=3)
            else:
                server.put(key, value, timeout_s=3)
        except grpc.RpcError as error:
            if certainly_not_done(error.code().name, error.details() or ""):
                history.refuse(place)
            self._failed(operation, server, error, weather)
        else:
            history.acknowledge(place)
            self._done(operation, server)

    def _read(self, server: Server, key: str) -> None:
        history, weather = self.histories.setdefault(key, History()), self.weather
        floor = history.floor
        try:
            value = read(server, key, timeout_s=3)
        except grpc.RpcError as error:
            self._failed("get", server, error, weather)
            return
        self._done("get", server)
        right = history.may_be(value, floor)
        strict = not weather.reads_old and self.weather is weather
        self.tally.judge(right, strict=strict)
        if strict and not right:
            allowed = history.allowed(floor)
            self._find(Finding.STALE, server, f"read {key} as {value!r}, may be {allowed}")

    def _done(self, operation: str, server: Server) -> None:
        self.tally.succeed(operation)
        self._succeeded(server)

    def _failed(
        self, operation: str, server: Server, error: grpc.RpcError, weather: Weather
    ) -> None:
        code, details = error.code(), error.details() or ""
        self.tally.fail((operation, code.name, without_addresses(details)))
        if code not in _FINE_IN_BAD_WEATHER:
            self._find(Finding.UNEXPLAINED, server, f"failed a {operation}: {code}: {details}")
        elif weather.calls_fail or self.weather is not weather:
            pass
        elif self._stalled():
            self.tally.stall()
        else:
            self._find(Finding.UNPROVOKED, server, f"failed a {operation}: {code}: {details}")
        time.sleep(_REST_S)

    def _find(self, kind: Finding, server: Server, what: str) -> None:
        self.findings.add(kind, f"{wall_time()} {server.name} {what}")

    def misfits(self, data: Mapping[str, str]) -> list[str]:
        """Which keys are not what their history allows in some data."""
        return [
            f"{key} is {data.get(key)!r}, may be {history.allowed()}"
            for key, history in self.histories.items()
            if not history.may_be(data.get(key))
        ]

    def floors(self) -> dict[str, int]:
        """For each key the place of what was acknowledged last, up to now."""
        return {key: history.floor for key, history in list(self.histories.items())}

    def assert_kept(
        self, servers: Sequence[Server], floors: Mapping[str, int] | None = None
    ) -> None:
        """Every key of this load holds what its history allows, the same through all nodes.

        `floors`: nothing that was acknowledged after them has to be there.
        """
        assert not self.findings, self.findings
        for key in self._used:
            eventually(
                lambda key=key: len({read(server, key) for server in servers}) == 1,  # type: ignore[misc]
                f"{key} is the same on all nodes",
            )
            history, held = self.histories[key], read(servers[0], key)
            allowed = history.allowed(None if floors is None else floors.get(key, 0))
            assert held in allowed, f"{key} is {held!r}, may be {allowed}"


def read(server: Server, key: str, timeout_s: float = 5) -> Value:
    """The value of a key through a server."""
    response = server.get(key, timeout_s)
    return response.value if response.found else None
