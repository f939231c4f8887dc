"""What the others move: a peer that dies, freezes, lags, refuses, returns; clocks and pauses."""

from __future__ import annotations

import asyncio
import time
from unittest.mock import patch

import pytest

from kvcluster.errors import ConfigurationDiffers
from tests.cluster.memory import MemoryCluster
from tests.server.metrics.scene import Reading, Scene, provokes
from tests.storage.virtual_loop import VirtualLoop, run

from demo_pb2 import HealthCheckRequest, Heartbeat


@provokes("peer_state", "peer_silence_seconds", "peer_missed_writes", "peer_lag_seconds")
async def test_a_peer_that_dies_is_seen_with_what_it_misses(scene: Scene) -> None:
    """Who is down, for how long, how much it will have to fetch, and that it is over."""
    cluster = scene.cluster
    await cluster.crash("c:3")
    await cluster.put("a:1", "k0", "v")
    assert _state(scene.look(), "c:3") == "SUSPECT"
    now = await scene.until(lambda now: _state(now, "c:3") == "DEAD")
    await cluster.put("b:2", "k1", "v")
    await asyncio.sleep(5)
    now = scene.look()
    assert now("peer_silence_seconds", peer="c:3") > 6
    assert now("peer_missed_writes", peer="c:3") == 2
    assert now("peer_lag_seconds", peer="c:3") > 6
    assert now("peer_lag_seconds", peer="b:2") == now("peer_missed_writes", peer="b:2") == 0
    await cluster.start("c:3")
    now = await scene.until(lambda now: now("peer_lag_seconds", peer="c:3") == 0)
    assert now("peer_missed_writes", peer="c:3") == 0
    assert _state(now, "c:3") == "ALIVE"
    assert now("peer_silence_seconds", peer="c:3") < 1


@provokes(
    "peer_lagging",
    "replicate_failures_total",
    "replicate_duration_seconds",
    "heartbeat_duration_seconds",
)
async def test_a_peer_whose_disk_hangs_is_told_from_a_slow_network(scene: Scene) -> None:
    """Its heartbeats are as fast as ever; it lags, and no more once it fetches what it missed."""
    cluster = scene.cluster
    await cluster.put("a:1", "k0", "v")
    cluster.network.stuck.add("c:3")
    cluster.network.stuck_methods.add("pull")
    before = scene.look()
    await cluster.put("a:1", "k1", "v")
    now = scene.look()
    assert now("peer_lagging", peer="c:3") == 1
    assert _grew(before, now, "replicate_failures_total", peer="c:3") == 1
    assert _grew(before, now, "replicate_failures_total", peer="b:2") == 0
    assert _grew(before, now, "replicate_duration_seconds_count", peer="c:3") == 0
    assert _grew(before, now, "heartbeat_duration_seconds_count", peer="c:3") > 0
    assert now("heartbeat_duration_seconds_bucket", peer="c:3", le="0.005") == now(
        "heartbeat_duration_seconds_count", peer="c:3"
    )
    cluster.network.stuck.clear()
    cluster.network.stuck_methods.clear()
    await scene.until(lambda now: now("peer_lagging", peer="c:3") == 0)
    cluster.network.delay_s = 0.1
    before = scene.look()
    await cluster.put("a:1", "k2", "v")
    now = scene.look()
    for le, count in (("0.15", 0), ("0.3", 1)):
        assert _grew(before, now, "replicate_duration_seconds_bucket", peer="c:3", le=le) == count


@provokes("peer_refused", "strangers")
async def test_nodes_that_do_not_agree_are_seen(scene: Scene) -> None:
    """The newcomer with other options, and who is in no list at all."""
    cluster = scene.cluster
    await cluster.stop("c:3")
    await cluster.start_one("c:3", replicas=2)
    now = await scene.until(lambda now: now("peer_refused", peer="c:3") == 1)
    assert now("peer_refused", peer="b:2") == 0
    stranger = HealthCheckRequest(sender=Heartbeat(node="x:9", incarnation=1))
    with pytest.raises(ConfigurationDiffers):
        cluster["a:1"].health(stranger)
    assert scene.look()("strangers") == 1
    await cluster.stop("c:3")
    await cluster.start("c:3")
    await scene.until(lambda now: now("peer_refused", peer="c:3") == 0)


@provokes("clock_alarms_total")
async def test_a_clock_that_is_ahead_is_counted(scene: Scene) -> None:
    """Versions of such a node win over later writes of the others."""
    scene.cluster.clock_offset_ms["c:3"] = 5_000
    await scene.until(lambda now: now("clock_alarms_total") > 0)


@provokes("pauses_total")
async def test_a_process_that_was_stopped_says_so(scene: Scene) -> None:
    """A machine with too much to do looks like this."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.skip(2.0)
    await scene.until(lambda now: now("pauses_total") == 1)


@provokes("node_state", "start_time_seconds", "build_info", started=False)
async def test_a_life_is_seen_from_its_start_to_its_end(scene: Scene) -> None:
    """STARTING, SERVING and DRAINING are told apart, and one life from the next."""
    cluster = scene.cluster
    await cluster.start()
    assert _node_state(scene.look()) == "STARTING"
    now = await scene.until(lambda now: _node_state(now) == "SERVING")
    assert now("start_time_seconds") == pytest.approx(time.time(), abs=60)
    await cluster["a:1"].drain()
    assert _node_state(scene.look()) == "DRAINING"
    await cluster.stop("a:1")
    await cluster.start("a:1")
    with patch("kvcluster.server.metrics.upkeep_metrics.version", return_value="0.2.0"):
        now = scene.look()
    assert now("build_info", version="0.2.0") == 1
    assert _node_state(now) == "STARTING"


def test_every_peer_is_there_before_it_was_heard() -> None:
    """An alert on a peer that never answers must have something to look at."""

    async def body() -> None:
        scene = Scene(MemoryCluster())
        await scene.cluster.start("a:1")
        await asyncio.sleep(4)
        now = scene.look()
        for peer in ("b:2", "c:3"):
            assert _state(now, peer) == "DEAD"
            assert now("peer_silence_seconds", peer=peer) == pytest.approx(4, abs=0.2)
            assert now("peer_lag_seconds", peer=peer) == 0
            assert now("replicate_duration_seconds_count", peer=peer) == 0
            assert now("tombstones_waiting", peer=peer) == 0
        await scene.cluster["a:1"].kill()

    run(body())


def _state(now: Reading, peer: str) -> str:
    """The one state of a peer that is 1."""
    return _only(now, "kvcluster_peer_state", peer=peer)


def _node_state(now: Reading) -> str:
    return _only(now, "kvcluster_node_state")


def _only(now: Reading, metric: str, **labels: str) -> str:
    samples = [(dict(where), value) for (_, where), value in now.of(metric).items()]
    samples = [(where, value) for where, value in samples if labels.items() <= where.items()]
    (state,) = [where["state"] for where, value in samples if value == 1]
    assert sum(value for _, value in samples) == 1
    return state


def _grew(before: Reading, now: Reading, name: str, **labels: str) -> float:
    return now(name, **labels) - before(name, **labels)
