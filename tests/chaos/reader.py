"""A reader beside the load: scans of keys that nobody touches, with the library, slowly.

Those keys are put before the first fault and never again, so what a scan must give is known to the
letter, whatever happens meanwhile: all of them, in their order, unless it ends with an error. A
scan with holes ends with `Incomplete`. One that is short, doubled or out of order without a word is
a finding, and so is one that fails while nothing was wrong.

Calls are as short as a message of a node, and some of what comes is worked on for a while: so each
scan is a row of many calls, and nodes come and go in the middle of it.
"""

from __future__ import annotations

import functools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from unittest.mock import patch

from kvcluster import Client, Incomplete, KvError, Unavailable
from kvcluster.client import paging
from tests.processes.cluster import Cluster
from tests.processes.findings import Finding, Findings
from tests.processes.harness import Server, eventually, wall_time
from tests.processes.history import History
from tests.processes.load import Weather

from demo_pb2 import ScanRequest

_PREFIX = "still/"
PAIRS = {f"{_PREFIX}{number:03}": f"nobody touches {number}" for number in range(200)}
_CALL_BYTES = 500
_LONGEST_WORK_S = 0.2
_TIMEOUT_S = 5.0


def put_all(cluster: Cluster, histories: dict[str, History]) -> None:
    """Put the keys, and have them judged like all others."""
    with Client(cluster.members, timeout_s=20) as client:
        client.put_many(PAIRS)
    for key, value in PAIRS.items():
        history = histories[key] = History()
        history.acknowledge(history.send(value))


class Reader:
    """Scans without pause while the context lasts. `weather`: what it is now (load.py)."""

    def __init__(
        self,
        cluster: Cluster,
        findings: Findings,
        weather: Callable[[], Weather],
        stalled: Callable[[], bool],
    ) -> None:
        self._cluster = cluster
        self._findings = findings
        self._weather = weather
        self._stalled = stalled
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.ended: Counter[str] = Counter()
        """How its scans did."""

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        rng = random.Random(len(PAIRS))
        with (
            patch.object(paging, "_PAGE_BYTES", _CALL_BYTES),
            Client(self._cluster.members, timeout_s=_TIMEOUT_S) as client,
        ):
            while not self._stop.is_set():
                self._scan(client, rng)

    def _scan(self, client: Client, rng: random.Random) -> None:
        weather = self._weather()
        pairs: list[tuple[str, str]] = []
        try:
            for pair in client.scan(_PREFIX):
                pairs.append(pair)
                if self._stop.is_set():
                    return
                if rng.random() < 0.05:
                    time.sleep(rng.uniform(0, _LONGEST_WORK_S))
        except KvError as error:
            self._failed(error, pairs, weather)
        else:
            self.ended["whole"] += 1
            if pairs != list(PAIRS.items()):
                self._find(Finding.SHORT, _wrong(pairs))

    def _failed(self, error: KvError, pairs: list[tuple[str, str]], weather: Weather) -> None:
        self.ended["told of holes" if isinstance(error, Incomplete) else "failed"] += 1
        if not isinstance(error, Incomplete | Unavailable):
            self._find(Finding.UNEXPLAINED, f"failed: {error!r}")
        elif not weather.calls_fail and self._weather() is weather and not self._stalled():
            self._find(Finding.UNPROVOKED, f"failed: {error}")
        if pairs != [pair for pair in PAIRS.items() if pair in set(pairs)]:
            self._find(Finding.SHORT, _wrong(pairs))

    def _find(self, kind: Finding, what: str) -> None:
        self._findings.add(kind, f"{wall_time()} a scan {what}")


def judge_scans(cluster: Cluster, findings: Findings, *, deadline_s: float = 20.0) -> None:
    """With everybody up, a scan through any node must give every key, and tell of no hole."""

    for server in cluster:
        try:
            what = f"a scan by {server.name} is whole"
            eventually(functools.partial(_is_whole, server), what, deadline_s)
        except AssertionError as error:
            findings.add(Finding.SHORT, str(error))


def _is_whole(server: Server) -> bool:
    messages = list(server.stub.Scan(ScanRequest(prefix=_PREFIX), timeout=5))
    pairs = [(pair.key, pair.value) for message in messages for pair in message.pairs]
    if any(message.missing_slots for message in messages):
        raise ValueError(f"{messages[-1].missing_slots} slots are missing")
    if pairs != list(PAIRS.items()):
        raise ValueError(_wrong(pairs))
    return True


def _wrong(pairs: list[tuple[str, str]]) -> str:
    """What is not as it should be, in a clause."""
    lost = sorted(set(PAIRS) - {key for key, _ in pairs})
    strange = sorted(set(pairs) - set(PAIRS.items()))
    doubled = len(pairs) - len(set(pairs))
    return (
        f"gave {len(pairs)} pairs of {len(PAIRS)}; missing {len(lost)} {lost[:3]},"
        f" strange {strange[:3]}, twice {doubled}, in order: {pairs == sorted(pairs)}"
    )
