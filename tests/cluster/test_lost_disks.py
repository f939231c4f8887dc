"""Disks that are lost, damaged or swapped: what was deleted stays so, and debts stand.

The procedure for a lost disk is to start the node empty. Nothing that the others know may be
forgotten by it, however often it is done and to whom.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from kvcluster.errors import CannotStart, KvError
from kvcluster.model.slots import placement_of, slot_of
from tests.cluster.memory import NAMES, MemoryCluster
from tests.storage.fake_disk import FakeDisk
from tests.storage.virtual_loop import run

from demo_pb2 import Condition, PutRequest

Break = Callable[[MemoryCluster, str], Awaitable[None]]


def key_led_by(name: str) -> str:
    """A key whose primary is this node."""
    placement = placement_of(NAMES, 3)
    keys = (f"k{number}" for number in range(10_000))
    return next(key for key in keys if placement.replicas(slot_of(key))[0] == name)


async def flip_a_bit(cluster: MemoryCluster, name: str) -> None:
    """In every versions file that holds a tombstone; the node comes back and finds the damage."""
    await asyncio.sleep(3)  # until a checkpoint holds it
    await cluster.crash(name)
    disk = cluster.disks[name]
    for path, data in disk.files().items():
        if path.name.startswith("versions-"):
            place = data.find(b"k", 24)
            assert place > 0
            disk.write(path, data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    await cluster.start(name)


async def serving(cluster: MemoryCluster, name: str) -> None:
    """Return once a node answers reads."""
    status = cluster[name].gate
    await cluster.until(lambda: status.readable, f"{name} serves")


def in_three(story: Callable[[MemoryCluster], Awaitable[None]], replicas: int = 3) -> None:
    """Run a story with three nodes that serve."""

    async def body() -> None:
        cluster = MemoryCluster(replicas=replicas)
        await cluster.start()
        await cluster.until_serving()
        await story(cluster)
        for node in cluster.network.nodes.values():
            await node.kill()

    run(body())


@pytest.mark.parametrize("leader", NAMES)
def test_a_delete_stays_when_the_disks_that_hold_it_are_replaced(leader: str) -> None:
    """One node is away; the other two lose their disks, one after the other, each made whole."""
    key = key_led_by(leader)

    async def story(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", key, "deleted value")
        await cluster.stop("c:3")
        assert await cluster.delete("a:1", key) == 2
        await asyncio.sleep(30)  # the primary has asked b:2 to hold it
        for name in ("b:2", "a:1"):
            await cluster.replace_disk(name)
            await serving(cluster, name)
            await asyncio.sleep(120)  # longer than tombstones are kept, if all have them
        await cluster.start("c:3")
        for _ in range(30):
            assert [await cluster.get(name, key) for name in NAMES] == [None] * 3
            await asyncio.sleep(5)

    in_three(story)


@pytest.mark.parametrize("breaks", [MemoryCluster.replace_disk, flip_a_bit])
def test_a_node_made_whole_does_not_learn_a_deleted_value(breaks: Break) -> None:
    """It was counted in the delete; then it meets one that missed it, and nobody else."""
    key = key_led_by("a:1")

    async def story(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", key, "deleted value")
        await cluster.put("a:1", "other", "x")
        cluster.network.isolate("c:3")
        assert await cluster.delete("a:1", key) == 2
        await asyncio.sleep(12)
        await breaks(cluster, "b:2")
        await serving(cluster, "b:2")
        cluster.network.cuts -= {("b:2", "c:3"), ("c:3", "b:2")}
        for _ in range(400):
            assert await cluster.get("b:2", key) is None
            await asyncio.sleep(0.1)

    in_three(story)


def test_a_node_that_was_away_is_told_by_those_who_lost_their_disks() -> None:
    """Both that had noted what it missed are empty and made whole; the notes went with the data."""

    async def story(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", "k", "old")
        await cluster.stop("c:3")
        assert await cluster.put("a:1", "k", "new") == 2
        for name in ("b:2", "a:1"):
            await cluster.replace_disk(name)
            await serving(cluster, name)
        await cluster.crash("a:1")
        await cluster.start("c:3")
        await serving(cluster, "c:3")
        assert cluster.held("c:3")["k"][0] == "new"

    in_three(story)


def test_a_node_that_caught_up_tells_another_that_missed_the_same() -> None:
    """Two were away; the writer dies once the first is back, and the second meets only that."""

    async def story(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", "k", "old")
        await cluster.stop("b:2", "c:3")
        assert await cluster.put("a:1", "k", "new") == 1
        await cluster.start("b:2")
        await serving(cluster, "b:2")
        await cluster.crash("a:1")
        await cluster.start("c:3")
        await serving(cluster, "c:3")
        assert cluster.held("c:3")["k"][0] == "new"

    in_three(story)


def test_a_debt_is_not_paid_by_a_life_that_has_lost_what_is_owed() -> None:
    """The teller loses its disk while a node still fetches; a third has the write by then."""

    async def story(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", "k", "old")
        await cluster.stop("b:2", "c:3")
        assert await cluster.put("a:1", "k", "new") == 1
        stuck = cluster.network.stuck_calls
        stuck.add(("c:3", "a:1", "pull"))
        await cluster.start("c:3")
        await cluster.until(lambda: cluster["c:3"].gate.owed("a:1") is not None, "c:3 owes a:1")
        await cluster.start("b:2")
        await serving(cluster, "b:2")
        stuck.add(("a:1", "b:2", "pull"))  # it is asked before it is whole again
        await cluster.replace_disk("a:1")
        stuck.discard(("c:3", "a:1", "pull"))
        await asyncio.sleep(7)
        assert not cluster["c:3"].gate.readable
        stuck.clear()
        await serving(cluster, "c:3")
        assert cluster.held("c:3")["k"][0] == "new"

    in_three(story)


def _renamed(disk: FakeDisk, port: int) -> FakeDisk:
    """The same files under the name of another node."""
    renamed = FakeDisk()
    renamed.make_folder(renamed.root / f"data_node_{port}.wal")
    for path, data in disk.files().items():
        relative = path.relative_to(disk.root).as_posix()
        renamed.write(renamed.root / re.sub(r"data_node_\d", f"data_node_{port}", relative), data)
    return renamed


@pytest.mark.parametrize("replicas", [3, 2])
def test_two_nodes_whose_folders_were_swapped_answer_nothing_wrong(replicas: int) -> None:
    """Each finds the other's name on its disk, and is made whole before it answers."""

    async def story(cluster: MemoryCluster) -> None:
        for number in range(100):
            await cluster.put("a:1", f"k{number}", "v")
        await cluster.stop("b:2")
        await cluster.put("a:1", "k0", "new")
        await cluster.stop("a:1", "c:3")
        b, c = cluster.disks["b:2"], cluster.disks["c:3"]
        cluster.disks["b:2"], cluster.disks["c:3"] = _renamed(c, 2), _renamed(b, 3)
        await cluster.start()
        await cluster.until_serving()
        for name in NAMES:
            assert await cluster.get(name, "k0") == "new"
            assert [await cluster.get(name, f"k{number}") for number in range(1, 100)] == ["v"] * 99
        await cluster.until_equal()

    in_three(story, replicas=replicas)


def test_a_single_node_refuses_the_files_of_another() -> None:
    """With one replica of each key nobody can make it whole: a person must put them back."""

    async def story(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", "k", "v")
        await cluster.stop("b:2", "c:3")
        cluster.disks["b:2"] = _renamed(cluster.disks["c:3"], 2)
        with pytest.raises(CannotStart, match="are those of c:3, not b:2's, and no other node"):
            await cluster.start("b:2")

    in_three(story, replicas=1)


def test_strays_are_home_before_a_tombstone_could_go() -> None:
    """However long a round took: no tombstone waits for who holds a stray of its key."""

    async def story(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", "k", "v")
        holding = cluster["a:1"].repair.holding
        assert holding.rest_s(busy_s=100) == 1_900
        await cluster.stop()
        cluster.network.isolate("a:1")  # it cannot hand home what it should not hold any more
        for name in NAMES:
            await cluster.start_one(name, replicas=1)
        strays = [name for name in NAMES if cluster[name].repair.holding.strays]
        assert strays
        for name in strays:
            assert (
                cluster[name].repair.holding.rest_s(busy_s=100)
                == cluster.settings.tombstone_wait_s / 4
            )

    in_three(story)


def test_a_damaged_node_does_not_serve_because_an_empty_one_had_nothing_for_it() -> None:
    """Only the third had what was lost, and it is away."""

    async def story(cluster: MemoryCluster) -> None:
        await cluster.put("a:1", "k", "v")
        await asyncio.sleep(3)  # until checkpoints hold it
        await cluster.crash("a:1", "b:2", "c:3")
        cluster.disks["b:2"] = FakeDisk()
        disk = cluster.disks["a:1"]
        disk.remove(next(path for path in disk.files() if path.suffix == ".json"))
        await cluster.start("a:1", "b:2")
        await asyncio.sleep(20)
        assert not cluster["a:1"].gate.readable
        assert "no peer is up to restore it" in cluster["a:1"].gate.reason
        await cluster.start("c:3")
        await cluster.until_serving()
        assert [await cluster.get(name, "k") for name in NAMES] == ["v"] * 3

    in_three(story)


def test_a_new_cluster_decides_though_some_of_it_were_killed_before_they_could() -> None:
    """The first of it began to decide; the others did not know any more that they had nothing to
    forget, and waited for each other until somebody said --salvage.
    """

    async def story() -> None:
        cluster = MemoryCluster()
        cluster.network.cut("a:1", "b:2")
        await cluster.start()
        await asyncio.sleep(3)
        put = PutRequest(key="k", value="v", condition=Condition(absent=True))
        with pytest.raises(KvError):  # it promised itself something, if it began
            await cluster.one("c:3", put, 1)
        await cluster.crash("a:1", "b:2")
        cluster.network.heal()
        await cluster.start("a:1", "b:2")
        await cluster.until(lambda: counting(cluster) == [*NAMES], "all count", 10)
        for node in cluster.network.nodes.values():
            await node.kill()

    run(story())


def test_nobody_begins_to_decide_while_another_must_hear_that_nobody_did() -> None:
    """One that knew it already was started again, decided, and those who did not waited for ever;
    but for one that is away for good nobody waits for longer than a minute.
    """

    async def story() -> None:
        cluster = MemoryCluster()
        cluster.network.cut("a:1", "b:2")
        await cluster.start()
        knows = cluster["c:3"].peering.voting
        await cluster.until(lambda: knows.remembers, "c knows that nothing is forgotten")
        await cluster.crash("c:3")
        await cluster.start("c:3")
        await asyncio.sleep(20)
        assert not counting(cluster)
        cluster.network.heal()
        await cluster.until(lambda: counting(cluster) == [*NAMES], "all count", 10)
        await cluster.crash(*NAMES)
        await cluster.start("a:1", "c:3")
        await cluster.until(lambda: counting(cluster) == ["a:1", "c:3"], "two count", 10)
        for node in cluster.network.nodes.values():
            await node.kill()

    run(story())


def counting(cluster: MemoryCluster) -> list[str]:
    """Who counts for majorities."""
    up = sorted(cluster.network.nodes)
    return [name for name in up if not cluster[name].peering.voting.refusal]
