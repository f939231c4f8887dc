"""What the upkeep moves: catching up, repairs, anti-entropy."""

from __future__ import annotations

import asyncio
import os
import sys
from unittest.mock import patch

from kvcluster.config import Settings
from kvcluster.model.entry import make_version
from kvcluster.server.log_stream import LogStream
from tests.server.metrics.scene import Scene, provokes

_SMALL_PAGES = Settings(pull_page_bytes=1_000, sync_announce_s=1_000.0)
_COMPARE_SOON = Settings(anti_entropy_interval_s=2.0)


@provokes(
    "sync_running",
    "fetched_entries_total",
    "fetched_new_entries_total",
    "fetched_bytes_total",
    "catch_ups_total",
    settings=_SMALL_PAGES,
)
async def test_catching_up_is_seen_while_it_goes_on(scene: Scene) -> None:
    """Counters that jumped at its end would show no rate; nobody could say how long it takes."""
    cluster = scene.cluster
    await cluster.stop("c:3")
    for number in range(60):
        await cluster.put("a:1", f"k{number}", "v" * 100)
    await cluster.start("c:3")
    scene.look("c:3")
    now = await scene.until(lambda now: now("sync_running") == 1, "c:3", step_s=0.005)
    now = await scene.until(
        lambda now: now("fetched_entries_total", reason="missed") > 0, "c:3", step_s=0.005
    )
    assert now("sync_running") == 1
    assert now("fetched_entries_total", reason="missed") < 60
    now = await scene.until(lambda now: now("sync_running") == 0, "c:3")
    now = await scene.until(lambda now: now("catch_ups_total") == 2, "c:3")
    assert now("fetched_new_entries_total", reason="missed") == 60
    assert now("fetched_bytes_total", reason="missed") > 6_000
    assert now("fetched_entries_total", reason="repair") == 0


@provokes("catch_up_failures_total")
async def test_a_catching_up_that_fails_is_counted(scene: Scene) -> None:
    """A node that stays SYNCING for ever does so for a reason."""
    cluster = scene.cluster
    await cluster.stop("c:3")
    await cluster.put("a:1", "k", "v")
    cluster.network.stuck_methods.add("pull")
    await cluster.start("c:3")
    scene.look("c:3")
    await scene.until(lambda now: now("catch_up_failures_total") > 0, "c:3")
    cluster.network.stuck_methods.clear()
    await cluster.until_serving("c:3")


@provokes("repairs_total", "fetched_new_entries_total")
async def test_a_node_that_lost_its_folder_is_seen_to_refill(scene: Scene) -> None:
    """It is told from one that was down for a while."""
    cluster = scene.cluster
    for number in range(20):
        await cluster.put("a:1", f"k{number}", "v")
    await cluster.stop("c:3")
    cluster.disks["c:3"] = type(cluster.disks["c:3"])()
    await cluster.start("c:3")
    scene.look("c:3")
    now = await scene.until(lambda now: now("repairs_total") == 2, "c:3")
    assert now("fetched_new_entries_total", reason="repair") == 20
    assert now("fetched_new_entries_total", reason="missed") == 0


@provokes(
    "anti_entropy_comparisons_total",
    "anti_entropy_differing_slots_total",
    "fetched_new_entries_total",
    settings=_COMPARE_SOON,
)
async def test_a_difference_that_nobody_noted_is_seen_once_it_is_found(scene: Scene) -> None:
    """Each is damage, or a write that was never acknowledged: worth a look."""
    cluster = scene.cluster
    await asyncio.sleep(5)
    before = scene.look()
    assert before("anti_entropy_comparisons_total") >= 2
    assert before("anti_entropy_differing_slots_total") == 0
    version = make_version(cluster["b:2"].time.now(), 9)
    cluster["b:2"].store.table.apply("k", ("what only one node has", version))
    now = await scene.until(
        lambda now: now("fetched_new_entries_total", reason="anti_entropy") == 1, step_s=1.0
    )
    assert now("anti_entropy_differing_slots_total") >= 1
    after = now("anti_entropy_differing_slots_total")
    await asyncio.sleep(10)
    now = scene.look()
    assert now("anti_entropy_comparisons_total") > before("anti_entropy_comparisons_total")
    assert now("anti_entropy_differing_slots_total") == after


@provokes("anti_entropy_failures_total", settings=_COMPARE_SOON)
async def test_a_comparison_that_fails_is_counted(scene: Scene) -> None:
    """Replicas that are never compared may differ for ever."""
    scene.cluster.network.stuck_methods.add("compare")
    await scene.until(lambda now: now("anti_entropy_failures_total") > 0)


@provokes("log_lines_lost_total")
async def test_lines_of_the_log_that_go_nowhere_are_counted(scene: Scene) -> None:
    """Whoever collects logs would wait for lines that never come, and think that all is well."""
    end, fd = os.pipe()
    os.close(end)
    stream = LogStream(fd)
    with patch.object(sys, "stderr", stream):
        stream.write("nobody\nreads\nthis\n")
        assert stream.drain(timeout_s=20)
        assert scene.look()("log_lines_lost_total") == 3
    os.close(fd)
