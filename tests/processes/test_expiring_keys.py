"""Keys that expire in real processes: a clock that is an hour off, kills, thousands at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes.cluster import Cluster
from tests.processes.harness import Server, started

from demo_pb2 import BatchRequest, GetRequest, Operation, PutRequest, ScanRequest, StatusRequest


@contextmanager
def _linked(folder: Path) -> Iterator[Cluster]:
    with started(Cluster(folder, linked=True)) as cluster:
        yield cluster


def _put(server: Server, key: str, ttl_ms: int) -> None:
    server.stub.Put(PutRequest(key=key, value="v", ttl_ms=ttl_ms), timeout=5)


def _seen(cluster: Cluster, key: str) -> list[bool]:
    return [server.stub.Get(GetRequest(key=key), timeout=5).found for server in cluster]


def test_keys_expire_at_their_time_though_one_clock_is_an_hour_off(tmp_path: Path) -> None:
    """Each of the three in turn, ahead and back: nothing goes an hour too early or too late."""
    with _linked(tmp_path) as cluster:
        for number, mad in enumerate(cluster):
            for ahead_s in (-3_600.0, 3_600.0):
                cluster.knobs[mad].jump(ahead_s)
                cluster.wait_whole()
                key = f"k{number}{ahead_s}"
                started_s = time.monotonic()
                _put(cluster[number - 1], key, 3_000)
                seen = _seen(cluster, key)
                too_slow = time.monotonic() - started_s > 2.5
                assert seen == [True] * 3 or too_slow
                time.sleep(3.3)
                assert _seen(cluster, key) == [False] * 3
            cluster.knobs[mad].jump(0)


def test_expiries_survive_kill_9_of_all_nodes_and_a_clean_stop(cluster: Cluster) -> None:
    """From the journal, and from the versions file."""
    _put(cluster[0], "soon", 4_000)
    _put(cluster[0], "later", 60_000)
    at_ms = cluster[1].stub.Get(GetRequest(key="later"), timeout=5).expires_ms
    for stop in (Server.kill, Server.interrupt):
        for server in cluster:
            stop(server)
        for server in cluster:
            server.start()
        cluster.wait_whole()
        told = {
            server.stub.Get(GetRequest(key="later"), timeout=5).expires_ms for server in cluster
        }
        assert told == {at_ms}
    time.sleep(max(0.0, 4 - 60 + (at_ms / 1000 - time.time())) + 0.3)
    assert _seen(cluster, "soon") == [False] * 3


def test_ten_thousand_keys_of_one_second_go_while_others_are_read(cluster: Cluster) -> None:
    """No read waits for the sweep, and none is answered with what has expired."""
    _put(cluster[0], "other", 600_000)
    until_ms = int(time.time() * 1000) + 8_000
    keys = [f"k{number}" for number in range(10_000)]
    for start in range(0, len(keys), 500):
        puts = [
            Operation(put=PutRequest(key=key, value="v", expires_ms=until_ms))
            for key in keys[start : start + 500]
        ]
        answer = cluster[0].stub.Batch(BatchRequest(operations=puts), timeout=20)
        assert not any(result.HasField("failure") for result in answer.results)
    time.sleep(max(0.0, until_ms / 1000 - time.time() - 0.2))
    slowest_s = 0.0
    while time.time() * 1000 < until_ms + 5_000:
        begun_s = time.time()
        key = keys[int(begun_s * 1000) % len(keys)]
        found = cluster[1].stub.Get(GetRequest(key=key), timeout=5).found
        assert cluster[1].stub.Get(GetRequest(key="other"), timeout=5).found
        slowest_s = max(slowest_s, time.time() - begun_s)
        assert not (found and begun_s * 1000 > until_ms + 100), "after its time"
    pages = cluster[2].stub.Scan(ScanRequest(keys_only=True), timeout=20)
    assert [pair.key for page in pages for pair in page.pairs] == ["other"]
    status = cluster[2].stub.Status(StatusRequest(), timeout=5)
    assert (status.keys, status.expiring_keys, status.expired_keys) == (1, 1, 10_000)
    assert status.size_bytes == len("otherv")
    assert slowest_s < 1
