"""Notes of missed writes stand on disk with what was missed, or nothing is acknowledged.

What memory says of a note proves nothing: the frame that was to carry it may have met a full disk.
Each test ends with a power cut, which leaves the disk only, and asks the node that was away.
"""

from __future__ import annotations

import asyncio

import pytest

from kvcluster.errors import DiskIsFull, OutcomeUnknown
from tests.cluster.memory import MemoryCluster, in_cluster


def fill(cluster: MemoryCluster, name: str) -> None:
    """Leave no room on the disk of a node."""
    disk = cluster.disks[name]
    disk.capacity = sum(map(len, disk.files().values()))


async def make_room(cluster: MemoryCluster, name: str) -> None:
    """Give it back, and wait until the node has noticed."""
    cluster.disks[name].capacity = None
    await cluster.until(
        lambda: not cluster[name].store.journal.full, f"{name} sees that there is room"
    )


async def never_answers_the_old_value(cluster: MemoryCluster, name: str) -> None:
    """The node has come back to one that knows better: its first answer is the new value."""
    await cluster.start(name)
    assert await cluster.get(name, "k", timeout_s=10) == "new"


@in_cluster
async def test_note_that_met_a_full_disk_is_written_with_the_next_write(
    cluster: MemoryCluster,
) -> None:
    """The first frame that names an absent node is lost; the second write must not lean on it."""
    await cluster.put("a:1", "k", "old")
    await cluster.stop("b:2", "c:3")
    fill(cluster, "a:1")
    with pytest.raises((OutcomeUnknown, DiskIsFull)):
        await cluster.put("a:1", "other", "x" * 200)
    await make_room(cluster, "a:1")
    assert await cluster.put("a:1", "k", "new") == 1
    await cluster.crash("a:1")
    await cluster.start("a:1")
    await never_answers_the_old_value(cluster, "b:2")


@in_cluster
async def test_note_of_a_replica_that_met_a_full_disk_is_written_with_the_next_write(
    cluster: MemoryCluster,
) -> None:
    """A replica whose disk was full for a moment is counted again: only with a note on its disk."""
    await cluster.put("a:1", "k", "old")
    await cluster.stop("b:2")
    fill(cluster, "c:3")
    assert await cluster.put("a:1", "other", "x" * 300) == 1
    await make_room(cluster, "c:3")
    await cluster.until(
        lambda: cluster["a:1"].peering.peers["c:3"].gets_writes, "c:3 is counted on again"
    )
    assert await cluster.put("a:1", "k", "new") == 2
    await cluster.crash("a:1", "c:3")
    await cluster.start("c:3")
    await never_answers_the_old_value(cluster, "b:2")


@in_cluster
async def test_write_whose_hint_found_no_room_is_not_acknowledged(cluster: MemoryCluster) -> None:
    """The write is on disk; a replica fails on the way, and the hint for it cannot be kept."""
    await cluster.put("a:1", "k", "old")
    cluster.network.stuck |= {"b:2", "c:3"}
    writing = asyncio.ensure_future(cluster.put("a:1", "k", "new"))
    await cluster.until(lambda: cluster.held("a:1")["k"][0] == "new", "the write is durable here")
    fill(cluster, "a:1")
    with pytest.raises(OutcomeUnknown):
        await writing
