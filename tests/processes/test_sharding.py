"""Sharding: each key on R of N nodes, and any node takes any request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from kvcluster.model.slots import SLOTS
from tests.processes.cluster import Cluster, exactly
from tests.processes.harness import Server, eventually

from demo_pb2 import LocateRequest

Code = grpc.StatusCode


def test_each_key_is_on_its_three_nodes_whoever_took_it(five: Cluster) -> None:
    """Every JSON file holds just the keys that live there, and the answer names a replica."""
    for number in range(100):
        key = f"spread/{number}"
        answer = five[number % 5].put(key, "v")
        assert (answer.replicas, answer.acknowledged) == (3, 3)
        assert answer.served_by in [server.name for server in five.replicas_of(key)]
    five.wait_equal(exactly({f"spread/{number}": "v" for number in range(100)}, "spread/"))
    counts = [sum(key.startswith("spread/") for key in server.json()) for server in five]
    assert sum(counts) == 300
    assert min(counts) >= 35, counts  # 60 are expected, give or take 5


def test_slots_are_spread_evenly_and_every_node_says_the_same(five: Cluster) -> None:
    """Each node holds three fifths of the slots, leads a fifth, and locates a key as all do."""
    told = [server.status() for server in five]
    assert sum(status.replica_slots for status in told) == 3 * SLOTS
    assert sum(status.primary_slots for status in told) == SLOTS
    for status in told:
        assert status.replica_slots == pytest.approx(SLOTS * 3 / 5, rel=0.15)
        assert status.primary_slots == pytest.approx(SLOTS / 5, rel=0.25)
    for key in ("a", "khóa", "spread/1"):
        places = [server.stub.Locate(LocateRequest(key=key), timeout=5) for server in five]
        assert len({place.slot for place in places}) == 1
        for place in places:
            names = [server.name for server in five.replicas_of(key)]
            assert [replica.node for replica in place.replicas] == names


def test_any_node_reads_any_key_from_a_replica(five: Cluster) -> None:
    """A holder answers by itself, any other node from the key's primary.

    From another holder for a moment, where the machine is so busy that the primary was not heard.
    """
    for number in range(20):
        key = f"anywhere/{number}"
        five[number % 5].put(key, "v")
        holders = five.replicas_of(key)
        for server in five:
            assert server.get(key).value == "v"
            whose = (server if server in holders else holders[0]).name
            eventually(
                lambda server=server, key=key, whose=whose: server.get(key).served_by == whose,  # type: ignore[misc]
                f"{server.name} reads {key} from {whose}",
            )


@pytest.fixture
def single(tmp_path: Path) -> Iterator[Cluster]:
    """Three servers with one replica of each key, not started."""
    made = Cluster(tmp_path, options=["--set", "tombstone_interval_s=0.2"], replicas=1)
    try:
        yield made
    finally:
        made.clean_up()


def refusal(server: Server, key: str, value: str | None = None) -> str:
    """With which details a read, or a write of a value, is refused as UNAVAILABLE."""
    with pytest.raises(grpc.RpcError) as caught:
        server.get(key) if value is None else server.put(key, value)
    assert caught.value.code() is Code.UNAVAILABLE
    return caught.value.details() or ""


def test_key_whose_only_owner_is_down_is_refused_by_its_name(single: Cluster) -> None:
    """Reads and writes of its keys say who is missing, and that nothing was written."""
    single.start()
    owner, other = single[0], single[1]
    lost, safe = next(single.keys_on(owner, prefix="k")), next(single.keys_on(other, prefix="k"))
    assert other.put(lost, "v").acknowledged == 1
    owner.kill()
    for server in (single[1], single[2]):
        details = refusal(server, lost, "late")
        assert owner.name in details
        assert details.endswith("nothing was written")
        assert owner.name in refusal(server, lost)
        assert server.put(safe, "v").acknowledged == 1
        assert server.get(safe).value == "v"
    owner.start()
    eventually(lambda: other.get(lost).value == "v", "its keys are there with their owner")


def test_hand_made_json_moves_to_where_its_keys_belong(single: Cluster) -> None:
    """Keys that a person wrote into one node's file go to their owners, and only there."""
    pairs = {f"tay/{number}": f"viết {number}" for number in range(200)}
    single[0].json_path.write_text(json.dumps(pairs), encoding="utf-8")
    single.start()
    single.wait_equal(exactly(pairs))
    assert [server.status().strays for server in single] == [0, 0, 0]
    assert single[2].get("tay/7").value == "viết 7"


def test_changed_replica_count_moves_keys(single: Cluster) -> None:
    """Restarted with another R, no node misses a key, and each key is soon where it belongs."""
    single.start()
    for number in range(50):
        single[number % 3].put(f"k{number}", "v")
    for replicas in (2, 1):
        for server in single:
            server.interrupt()
        single.resize(replicas)
        single.start()
        assert all(server.get(f"k{number}").found for server in single for number in range(50))
        single.wait_equal(exactly({f"k{number}": "v" for number in range(50)}))
