"""What a write moves: keys, the journal, checkpoints, copies; and what a bad disk moves."""

from __future__ import annotations

import asyncio
import errno

import pytest

from kvcluster.config import Settings
from kvcluster.errors import OutcomeUnknown
from kvcluster.model.slots import slot_of
from tests.cluster.memory import FIVE, MemoryCluster
from tests.server.metrics.scene import Reading, Scene, provokes
from tests.storage.fake_disk import FakeDisk

from demo_pb2 import Entry, Promise, PutRequest

_SOON = Settings(tombstone_interval_s=1.0, tombstone_wait_s=2.0, message_age_limit_s=1.0)


@provokes("keys", "data_bytes", "journal_frames_total", "journal_entries_total")
async def test_a_write_is_counted_where_it_is_kept(scene: Scene) -> None:
    """Keys, bytes and entries that were wrong would size a machine wrongly."""
    before = scene.look()  # frames that keep the time, and that this node counts
    await scene.cluster.put("b:2", "city", "Hà Nội")
    now = scene.look()
    assert now("keys") == 1
    assert now("data_bytes") == len("city") + len("Hà Nội".encode())
    assert now("journal_frames_total") == before("journal_frames_total") + 1
    assert now("journal_entries_total") == 1
    assert now("journal_commit_duration_seconds_count") == now("journal_frames_total")


@provokes("journal_written_bytes_total", "journal_size_bytes")
async def test_the_journal_shrinks_when_the_json_has_caught_up(scene: Scene) -> None:
    """One that only grew would look like a checkpoint that never works."""
    disk = scene.cluster.disks["a:1"]
    for number in range(20):
        await scene.cluster.put("a:1", f"k{number}", "v" * 100)
    now = scene.look()
    journal = [data for path, data in disk.files().items() if "journal-" in path.name]
    assert now("journal_size_bytes") == sum(map(len, journal)) > 2000
    await scene.until(lambda now: now("journal_size_bytes") == 0)
    assert scene.look()("journal_written_bytes_total") == now("journal_written_bytes_total")


@provokes(
    "journal_commit_duration_seconds",
    "journal_fsync_duration_seconds",
    "checkpoint_last_duration_seconds",
)
async def test_a_slow_disk_is_seen_as_one(scene: Scene) -> None:
    """The first thing to look at when writes are slow."""
    before = scene.look()
    scene.slow_disk("a:1", 0.04)
    await scene.cluster.put("a:1", "k", "v")
    now = scene.look()
    for what in ("commit", "fsync"):
        assert _grew(before, now, f"journal_{what}_duration_seconds_bucket", le="0.05") == 1
        assert _grew(before, now, f"journal_{what}_duration_seconds_bucket", le="0.03") == 0
        assert _grew(before, now, f"journal_{what}_duration_seconds_sum") == pytest.approx(0.04)
    await scene.until(lambda now: now("checkpoint_last_duration_seconds") > 0.04)


@provokes("checkpoint_age_seconds", "checkpoints_total", "checkpoint_last_size_bytes")
async def test_the_json_file_follows_a_write(scene: Scene) -> None:
    """Its age, its size and how often it is written are the files' own."""
    before = scene.look()
    await scene.cluster.put("a:1", "k", "v" * 1000)
    await asyncio.sleep(0.9)
    assert scene.look()("checkpoint_age_seconds") > 0
    now = await scene.until(lambda now: now("checkpoints_total") > before("checkpoints_total"))
    assert now("checkpoint_age_seconds") < 0.5
    files = scene.cluster.disks["a:1"].files()
    sizes = [len(data) for path, data in files.items() if path.suffix == ".json"]
    sizes += [len(data) for path, data in files.items() if "versions-" in path.name]
    assert now("checkpoint_last_size_bytes") == sum(sizes)


@provokes("disk_full", "checkpoint_failures_total", "checkpoint_age_seconds")
async def test_a_full_disk_is_seen_and_passes(scene: Scene) -> None:
    """Writes are refused meanwhile; who is on call must see why, and when it is over."""
    disk = scene.cluster.disks["a:1"]
    disk.capacity = sum(map(len, disk.files().values())) + 10
    with pytest.raises(OutcomeUnknown):
        await scene.cluster.put("a:1", "k", "v" * 100)
    assert scene.look()("disk_full") == 1
    scene.cluster["a:1"].store.mark_complete(whole=True)  # the next checkpoint has work to do
    now = await scene.until(lambda now: now("checkpoint_failures_total") >= 2)
    assert now("checkpoint_age_seconds") > 5
    disk.mend()
    now = await scene.until(lambda now: now("disk_full") == 0)
    await scene.until(lambda now: now("checkpoint_age_seconds") < 1)


@provokes("checkpoint_age_seconds", "checkpoint_failures_total")
async def test_a_json_file_that_was_never_written_grows_old(scene: Scene) -> None:
    """A checkpoint that fails from the start on must not look like one that has just been made."""
    cluster = scene.cluster
    await cluster.put("a:1", "k", "v")
    await cluster.crash("a:1")
    for _ in range(10):
        cluster.disks["a:1"].fail("replace", errno.ENOSPC)
    await cluster.start("a:1")
    scene.look()
    now = await scene.until(lambda now: now("checkpoint_failures_total") == 2)
    assert now("checkpoint_age_seconds") == pytest.approx(6, abs=0.5)


@provokes("writes_waiting", "peer_writes_in_flight", "peer_lag_seconds")
async def test_writes_are_seen_while_they_wait(scene: Scene) -> None:
    """One round is on its way to a peer that hangs, the writes behind it wait here."""
    scene.cluster.network.stuck.add("c:3")
    puts = [asyncio.create_task(scene.cluster.put("a:1", "k0", "v"))]
    await asyncio.sleep(0.1)
    puts += [asyncio.create_task(scene.cluster.put("a:1", f"k{n}", "v")) for n in (1, 2)]
    await asyncio.sleep(0.4)
    now = scene.look()
    assert now("writes_waiting") == 2
    assert now("peer_writes_in_flight", peer="c:3") == 1
    assert now("peer_writes_in_flight", peer="b:2") == 0
    assert now("peer_lag_seconds", peer="c:3") == pytest.approx(0.5, abs=0.05)
    assert now("peer_lag_seconds", peer="b:2") == 0
    await asyncio.gather(*puts)
    now = scene.look()
    assert now("writes_waiting") == now("peer_writes_in_flight", peer="c:3") == 0


@provokes("conflicts_total")
async def test_two_contents_of_one_version_are_counted(scene: Scene) -> None:
    """The alarm for silent damage."""
    store = scene.cluster["a:1"].store
    await scene.cluster.put("a:1", "k", "v")
    entry = Entry(key="k", value="damaged", version=scene.cluster.held("a:1")["k"][1])
    await store.write([entry])
    assert scene.look()("conflicts_total") == 1


@provokes("tombstones", "tombstones_waiting", settings=_SOON)
async def test_a_delete_that_a_node_has_not_confirmed_is_seen(scene: Scene) -> None:
    """It says which node to start, and that it is over once the tombstone is forgotten."""
    home = scene.cluster["a:1"].membership
    key = next(f"k{n}" for n in range(100) if home.replicas(slot_of(f"k{n}"))[0] == "a:1")
    await scene.cluster.put("a:1", key, "v")
    await scene.cluster.stop("c:3")
    await scene.cluster.delete("a:1", key)
    await scene.until(lambda now: now("tombstones_waiting", peer="c:3") == 1)
    assert scene.look()("tombstones") == 1
    await scene.cluster.start("c:3")
    await scene.until(lambda now: now("tombstones_waiting", peer="c:3") == 0)
    await scene.until(lambda now: now("tombstones") == 0)


@provokes("expiring_keys", "expired_keys_total", "tombstones", "keys")
async def test_keys_that_expire_are_counted(scene: Scene) -> None:
    """How much of the data goes by itself, and how much went."""
    await scene.cluster.one("b:2", PutRequest(key="k", value="v", ttl_ms=2_000))
    now = scene.look()
    assert (now("keys"), now("expiring_keys"), now("expired_keys_total")) == (1, 1, 0)
    await asyncio.sleep(2.2)
    now = scene.look()
    assert (now("keys"), now("expiring_keys"), now("expired_keys_total")) == (0, 0, 1)
    assert now("tombstones") == 1


@provokes("held_slots", "primary_slots", "strays", "strays_handed_over_total", started=False)
async def test_fewer_replicas_make_strays_until_they_are_handed_over(scene: Scene) -> None:
    """Whether a change of R is over."""
    scene.cluster = cluster = MemoryCluster(members=FIVE, replicas=5)
    await cluster.start()
    await cluster.until_serving()
    for number in range(30):
        await cluster.put("a:1", f"k{number}", "v")
    assert scene.look()("held_slots") == 4096
    await cluster.stop()
    cluster.replicas = 3
    await cluster.start()
    now = await scene.until(lambda now: now("strays") > 0)
    strays = now("strays")
    assert 1500 < now("held_slots") < 3500
    now = await scene.until(lambda now: now("strays") == 0)
    assert now("strays_handed_over_total") == strays
    await cluster.stop()
    scene.cluster = MemoryCluster(replicas=1)
    await scene.cluster.start()
    assert scene.look()("held_slots") == scene.look()("primary_slots")


def _grew(before: Reading, now: Reading, name: str, **labels: str) -> float:
    return now(name, **labels) - before(name, **labels)


@provokes("counts_for_majorities")
async def test_that_a_node_counts_for_no_majority_is_told(scene: Scene) -> None:
    """While it has not, another one must not be taken down."""
    assert scene.look()("counts_for_majorities") == 1
    await scene.cluster.put("a:1", "k", "v")
    store = scene.cluster["a:1"].store
    ballot = scene.cluster["a:1"].time.tick()
    await store.promise([Promise(key="k", ballot=ballot)])
    await scene.cluster.crash("a:1")
    scene.cluster.disks["a:1"] = FakeDisk()
    await scene.cluster.start("a:1")
    await scene.cluster.until_serving("a:1")
    assert scene.look()("counts_for_majorities") == 0


@provokes("promises", "refused_entries_total")
async def test_what_was_promised_and_refused_is_told(scene: Scene) -> None:
    """A promise that stays is why an operation with a condition takes long."""
    store = scene.cluster["a:1"].store
    early, ballot = scene.cluster["a:1"].time.tick(), scene.cluster["a:1"].time.tick()
    await store.promise([Promise(key="k", ballot=ballot)])
    await store.write([Entry(key="k", value="v", version=early)])
    now = scene.look()
    assert (now("promises"), now("refused_entries_total")) == (1, 1)
    await scene.until(lambda now: now("promises") == 0)
    assert scene.look()("refused_entries_total") == 1
