"""Healing, tombstones and configurations: what nobody noted, and what must not come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from kvcluster.config import Settings
from kvcluster.errors import ConfigurationDiffers, NotReady, PeerRefused
from kvcluster.model.entry import ZERO, make_version
from kvcluster.model.readiness import Status
from kvcluster.model.slots import slot_of
from kvcluster.model.tombstones import Work
from tests.cluster.memory import FIVE, NAMES, MemoryCluster, in_cluster
from tests.storage.fake_disk import FakeDisk
from tests.storage.virtual_loop import run

from demo_pb2 import DropRequest, Entry, PullRequest, ReplicateRequest, SlotDigest

_LONG_S = 1200.0
"""Far longer than any timer of a node."""


@in_cluster
async def test_entry_changed_behind_a_nodes_back_is_mended(cluster: MemoryCluster) -> None:
    """No write tells of it; the periodic comparison reads again and finds it."""
    await cluster.put("a:1", "k", "right")
    await asyncio.sleep(40)  # one comparison has kept the digests
    value, version = cluster.held("b:2")["k"]
    assert value == "right"
    cluster["b:2"].store.table.slot(slot_of("k"))["k"] = ("damaged", version)
    await cluster.until(lambda: cluster.held("b:2")["k"][0] == "right", "it is mended", 90)
    assert cluster["b:2"].status().conflicts == 1


@in_cluster
async def test_digest_that_damage_has_spoilt_is_made_anew_where_it_differs(
    cluster: MemoryCluster,
) -> None:
    """A damaged entry was overwritten; nothing differs any more but what is kept of the slot."""
    for number in range(20):
        await cluster.put("a:1", f"k{number}", "v")
    await asyncio.sleep(40)  # one comparison has kept the digests
    digests, slot = cluster["b:2"].store.digests, slot_of("k7")
    digests.doubt_some = lambda entries: None  # type: ignore[method-assign]
    _, version = cluster.held("b:2")["k7"]
    cluster["b:2"].store.table.slot(slot)["k7"] = ("damaged", version)
    await cluster.put("a:1", "k7", "new")
    spoilt = digests.of(slot)
    assert spoilt != cluster["a:1"].store.digests.of(slot)
    await asyncio.sleep(90)
    assert digests.of(slot) == cluster["a:1"].store.digests.of(slot)


@in_cluster
async def test_entry_lost_behind_a_nodes_back_is_restored(cluster: MemoryCluster) -> None:
    """It comes back from a peer; and nobody deletes it because one node lacks it."""
    await cluster.put("a:1", "k", "v")
    await asyncio.sleep(40)
    del cluster["c:3"].store.table.slot(slot_of("k"))["k"]
    await cluster.until(lambda: "k" in cluster.held("c:3"), "it is restored", 90)
    assert all(cluster.held(name)["k"][0] == "v" for name in NAMES)


@pytest.mark.parametrize("delay_s", [0.05, 0.4])
def test_comparing_all_for_longer_than_its_interval_heals_all_the_same(delay_s: float) -> None:
    """Found by the simulator: each comparison put off the second look, which mends; and on a slow
    way there was more rest than work, for minutes.
    """

    async def body() -> None:
        settings = Settings(anti_entropy_interval_s=1.0)
        cluster = MemoryCluster(settings, members=("a:1", "b:2"), replicas=2)
        await cluster.start()
        await cluster.until_serving()
        await cluster.put("a:1", "k", "v")
        cluster.network.delay_s = delay_s  # 16 calls, each followed by up to 0.4 s of rest
        version = make_version(cluster["a:1"].time.now(), 9)
        cluster["b:2"].store.table.apply("k", ("what only one node has", version))
        await cluster.until_equal(60)
        for node in cluster.network.nodes.values():
            await node.kill()

    run(body())


@in_cluster
async def test_equal_nodes_send_each_other_digests_and_nothing_else(
    cluster: MemoryCluster,
) -> None:
    """An idle cluster costs 16 small calls per peer and half minute."""
    for number in range(50):
        await cluster.put("a:1", f"k{number}", "v")
    await asyncio.sleep(40)
    cluster.network.sent.clear()
    await asyncio.sleep(300)
    methods = {method for _, _, method in cluster.network.sent}
    assert methods == {"check_health", "compare"}


@in_cluster
async def test_empty_folder_refills_before_it_serves(cluster: MemoryCluster) -> None:
    """A node that lost everything never answers "not found" for what the others have."""
    for number in range(200):
        await cluster.put("a:1", f"k{number}", "v")
    await cluster.replace_disk("b:2")
    assert await cluster.get("b:2", "k199") == "v"
    await cluster.until_serving()
    assert len(cluster.held("b:2")) == 200


@in_cluster
async def test_refilling_a_node_that_has_no_room_is_told_once(cluster: MemoryCluster) -> None:
    """It tries again twice a second, and who reads its log must find what is wrong in it."""
    await cluster.until_voting()
    for number in range(20):
        await cluster.put("a:1", f"k{number}", "v" * 10_000)
    await cluster.crash("b:2")
    cluster.disks["b:2"] = disk = FakeDisk()
    disk.capacity = 100_000
    told: list[str] = []

    def tell(level: int, text: str, names: tuple[object, ...], **_: object) -> None:
        if level >= logging.INFO and text.startswith(("SYNC", "ANTI-ENTROPY")):
            told.append(text % names)

    log = logging.getLogger("kvcluster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_log", tell)
        patch.setattr(log, "isEnabledFor", lambda _: True)
        await cluster.start("b:2")
        await asyncio.sleep(30)
    assert cluster["b:2"].status().disk_full
    assert 2 <= len(told) <= 5, "\n".join(told)
    disk.capacity = None
    await cluster.until_serving()
    assert len(cluster.held("b:2")) == 20


@in_cluster
async def test_catching_up_fetches_what_was_missed_and_no_more(cluster: MemoryCluster) -> None:
    """Ten writes missed among a thousand are ten entries, though two peers noted them."""
    for number in range(1000):
        await cluster.put("a:1", f"k{number}", "old")
    await asyncio.sleep(1)
    await cluster.crash("c:3")
    for number in range(10):
        await cluster.put("a:1", f"k{number * 7}", "new")
    fetched = []
    for name in ("a:1", "b:2"):
        original = cluster[name].repair.pulls.pull

        async def counting(request: Any, original: Any = original) -> Any:
            page = await original(request)
            fetched.extend(page.entries)
            return page

        cluster[name].repair.pulls.pull = counting  # type: ignore[method-assign]
    await cluster.start("c:3")
    await cluster.until_serving()
    assert sorted(entry.key for entry in fetched) == sorted(f"k{n * 7}" for n in range(10))
    assert await cluster.get("c:3", "k63") == "new"


@in_cluster
async def test_delete_holds_after_an_absence_longer_than_any_timer(
    cluster: MemoryCluster,
) -> None:
    """The tombstone waits for the node that is away, however long, and Status says so."""
    key = next(k for k in "abcdef" if cluster["a:1"].membership.replicas(slot_of(k))[0] == "a:1")
    await cluster.put("a:1", key, "v")
    await cluster.crash("c:3")
    await cluster.delete("a:1", key)
    await asyncio.sleep(_LONG_S)
    assert [cluster[name].store.table.tombstones for name in ("a:1", "b:2")] == [1, 1]
    waiting = cluster["a:1"].status().tombstones_waiting
    assert [(each.node, each.count) for each in waiting] == [("c:3", 1)]
    await cluster.start("c:3")
    await cluster.until_serving()
    assert await cluster.get("c:3", key) is None
    await cluster.until(lambda: not _tombstones(cluster), "tombstones are gone", 300)
    assert [await cluster.get(name, key) for name in NAMES] == [None] * 3


def _tombstones(cluster: MemoryCluster) -> int:
    return sum(node.store.table.tombstones for node in cluster.network.nodes.values())


@in_cluster
async def test_tombstone_that_was_replaced_while_others_were_waited_for_is_not_handed_on(
    cluster: MemoryCluster,
) -> None:
    """A round may take long. Whoever had dropped the newer one got the older one again."""
    first, second = [
        k for k in map(str, range(20)) if cluster["a:1"].membership.replicas(slot_of(k))[0] == "a:1"
    ][:2]
    holding: Any = cluster["a:1"].repair.holding
    holding._parts = lambda items: ([item] for item in items)
    asked: list[tuple[str, bytes]] = []
    network: Any = cluster.network
    call = network.call

    async def call_and_note(caller: str, callee: str, method: str, request: Any, *more: Any) -> Any:
        if method == "hold":
            asked.extend((entry.key, entry.version) for entry in request.entries)
        return await call(caller, callee, method, request, *more)

    network.call = call_and_note
    cluster.network.stuck_methods.add("hold")
    for key in (first, second):
        await cluster.delete("a:1", key)
    await cluster.until(lambda: bool(asked), "the round has begun", 60)
    waits_for = asked[0][0]
    later = first if waits_for == second else second
    replaced = cluster.held("a:1")[later][1]
    await cluster.delete("a:1", later)
    cluster.network.stuck_methods.clear()
    await cluster.until(lambda: not _tombstones(cluster), "tombstones are gone", 300)
    assert (later, replaced) not in asked
    assert later in dict(asked)


@in_cluster
async def test_forgotten_tombstone_stays_forgotten_after_a_crash(cluster: MemoryCluster) -> None:
    """The drop is in the journal: no node brings the key or its tombstone back."""
    await cluster.put("a:1", "k", "v")
    await cluster.delete("b:2", "k")
    await cluster.until(lambda: not _tombstones(cluster), "tombstones are gone", 300)
    await cluster.crash(*NAMES)
    await cluster.start()
    await cluster.until_serving()
    assert _tombstones(cluster) == 0
    assert [await cluster.get(name, "k") for name in NAMES] == [None] * 3


@in_cluster
async def test_tombstone_is_not_dropped_where_damage_left_something_older(
    cluster: MemoryCluster,
) -> None:
    """Its primary keeps it until anti-entropy has brought it back; or the key would return."""
    key = next(k for k in "abcdef" if cluster["a:1"].membership.replicas(slot_of(k))[0] == "a:1")
    await cluster.put("a:1", key, "v")
    old = cluster.held("c:3")[key]
    await cluster.delete("a:1", key)
    await asyncio.sleep(30)  # every replica has confirmed it
    table = cluster["c:3"].store.table
    table.drop(key, cluster.held("c:3")[key][1])
    table.apply(key, old)
    buried = Entry(key=key, deleted=True, version=cluster.held("a:1")[key][1])
    drop = cluster.stamped(DropRequest(tombstones=[buried]), "a:1", cluster["a:1"].time.now())
    with pytest.raises(PeerRefused, match="is not that tombstone"):
        await cluster["c:3"].writing.replica.drop(drop, asyncio.get_running_loop().time() + 5)
    await cluster.until(lambda: not _tombstones(cluster), "tombstones are gone", 300)
    assert [await cluster.get(name, key) for name in NAMES] == [None] * 3


@in_cluster
async def test_write_captured_before_a_delete_cannot_land_after_the_drop(
    cluster: MemoryCluster,
) -> None:
    """An honest, fresh message with an old entry in it is refused by whoever forgot the delete."""
    await cluster.put("a:1", "k", "v")
    old = cluster.held("a:1")["k"]
    await cluster.delete("b:2", "k")
    await cluster.until(lambda: not _tombstones(cluster), "tombstones are gone", 300)
    entry = Entry(key="k", value=old[0] or "", version=old[1])
    late = cluster.stamped(ReplicateRequest(entries=[entry]), "a:1", cluster["a:1"].time.now())
    with pytest.raises(PeerRefused, match="long ago"):
        await cluster["c:3"].writing.replica.replicate(late, asyncio.get_running_loop().time() + 5)
    assert "k" not in cluster.held("c:3")


def parts(
    test: Callable[[MemoryCluster], Coroutine[Any, Any, None]],
) -> Callable[[], None]:
    """Run a test on five nodes that are not started yet; two replicas of each key."""

    def run_test() -> None:
        async def body() -> None:
            cluster = MemoryCluster(Settings(), members=FIVE, replicas=2)
            await test(cluster)
            for node in cluster.network.nodes.values():
                assert not node.failed.done(), node.failed.exception()
                await node.kill()

        run(body())

    run_test.__name__, run_test.__doc__ = test.__name__, test.__doc__
    return run_test


@parts
async def test_raised_replica_count_is_filled_before_it_serves(cluster: MemoryCluster) -> None:
    """A node that should hold more keys than before never says "not found" for them."""
    await cluster.start()
    await cluster.until_serving()
    for number in range(60):
        await cluster.put(FIVE[number % 5], f"k{number}", "v")
    await cluster.stop()
    cluster.replicas = 3
    await cluster.start()
    for number in range(60):
        for name in FIVE:
            assert await cluster.get(name, f"k{number}", timeout_s=30) == "v"
    await cluster.until_equal()
    for number in range(60):
        holders = {name for name in FIVE if f"k{number}" in cluster.held(name)}
        assert holders == set(cluster["a:1"].membership.replicas(slot_of(f"k{number}")))


@in_cluster
async def test_delete_that_reached_one_node_only_reaches_the_others(
    cluster: MemoryCluster,
) -> None:
    """Nobody acknowledged it and nobody noted it; the comparison brings the tombstone over."""
    await cluster.put("a:1", "k", "v")
    version = cluster["a:1"].time.tick()
    await cluster["a:1"].store.write([Entry(key="k", deleted=True, version=version)])
    await cluster.until(
        lambda: all(cluster.held(name)["k"] == (None, version) for name in NAMES), "it is there", 60
    )


@in_cluster
async def test_equal_slots_still_give_their_tombstones(cluster: MemoryCluster) -> None:
    """A digest says nothing of tombstones, so a slot that is equal sends them, and only them."""
    await cluster.put("a:1", "k", "v")
    await cluster.put("a:1", "same", "v")
    await cluster.delete("a:1", "k")
    node = cluster["a:1"]
    slots = [slot_of("k"), slot_of("same")]
    known = [SlotDigest(slot=slot, digest=node.store.digests.of(slot)) for slot in slots]
    request = cluster.stamped(PullRequest(since=ZERO, known=known), "b:2", node.time.now())
    page = await node.repair.pulls.pull(request)
    assert [(entry.key, entry.deleted) for entry in page.entries] == [("k", True)]


@in_cluster
async def test_write_that_waited_through_a_freeze_is_not_sent(cluster: MemoryCluster) -> None:
    """It gathered in a process that was then stopped: too old to be sent as new, it is refused."""
    version = make_version(cluster["a:1"].time.now(), 7)
    await asyncio.sleep(31)
    entry = Entry(key="k", value="v", version=version)
    (part,) = cluster["a:1"].writing.rounds.join([entry])
    with pytest.raises(NotReady, match="stopped"):
        await part.round.done
    assert "k" not in cluster.held("a:1")


def lay_hand_made_json(cluster: MemoryCluster, keys: int) -> None:
    """A JSON file on the first node, with keys that belong everywhere."""
    disk = cluster.disks["a:1"]
    file = disk.create(disk.root / "data_node_1.json")
    file.append(b"{" + b",".join(b'"k%d": "v"' % number for number in range(keys)) + b"}")
    file.sync()
    file.close()
    disk.sync_folder(disk.root)


@parts
async def test_entry_in_the_wrong_place_stays_until_every_replica_has_it(
    cluster: MemoryCluster,
) -> None:
    """With one of its replicas away it would be a copy short."""
    lay_hand_made_json(cluster, 50)
    await cluster.start("a:1", "b:2", "c:3", "d:4")
    await asyncio.sleep(30)
    strays = {
        key
        for key in (f"k{number}" for number in range(50))
        if "a:1" not in cluster["a:1"].membership.replicas(slot_of(key))
    }
    waiting = {key for key in strays if "e:5" in cluster["a:1"].membership.replicas(slot_of(key))}
    assert waiting
    assert {key for key in strays if key in cluster.held("a:1")} == waiting
    await cluster.start("e:5")
    await cluster.until(lambda: not cluster["a:1"].status().strays, "all are home")
    assert waiting <= set(cluster.held("e:5"))


@parts
async def test_hand_made_json_moves_to_where_its_keys_belong(cluster: MemoryCluster) -> None:
    """Pairs of slots that the node does not hold are handed to their replicas and dropped."""
    lay_hand_made_json(cluster, 50)
    await cluster.start()
    await cluster.until_serving()
    await cluster.until_equal()
    assert cluster["a:1"].status().strays == 0
    for number in range(50):
        key = f"k{number}"
        holders = {name for name in FIVE if key in cluster.held(name)}
        assert holders == set(cluster["a:1"].membership.replicas(slot_of(key)))
        assert cluster.held(min(holders))[key] == ("v", ZERO)
        assert await cluster.get(FIVE[number % 5], key) == "v"


@parts
async def test_strays_of_many_slots_travel_together(cluster: MemoryCluster) -> None:
    """A call for each slot was so slow that its rest put what was left off for half a minute."""
    lay_hand_made_json(cluster, 300)
    await cluster.start()
    await cluster.until_serving()
    await cluster.until(lambda: not cluster["a:1"].status().strays, "all are home")
    calls = [callee for _, callee, method in cluster.network.sent if method == "hold"]
    assert 0 < len(calls) <= 24, "four trios of other nodes, each asked twice at most"


@in_cluster
async def test_node_with_another_configuration_does_not_serve_beside_the_others(
    cluster: MemoryCluster,
) -> None:
    """The newcomer refuses clients and says why; the others refuse it and go on."""
    await cluster.stop("c:3")
    await cluster.start_one("c:3", replicas=2)
    await cluster.until(lambda: "another configuration" in cluster["c:3"].gate.reason, "it is told")
    for _ in range(2):
        with pytest.raises(ConfigurationDiffers, match="another configuration"):
            await cluster.put("c:3", "k", "v")
        await asyncio.sleep(10)
    assert cluster["c:3"].gate.status is Status.STARTING
    assert await cluster.put("a:1", "k", "v") == 2
    refusals = [member.refusal for member in cluster["a:1"].status().members]
    assert any("a:1 keeps 3 replicas of each key and c:3 2" in refusal for refusal in refusals)
    entry = Entry(key="k", value="w", version=make_version(cluster["c:3"].time.now(), 9))
    request = ReplicateRequest(entries=[entry])
    cluster.stamped(request, "c:3", cluster["c:3"].time.now())
    with pytest.raises(ConfigurationDiffers):
        await cluster["a:1"].writing.replica.replicate(
            request, asyncio.get_running_loop().time() + 5
        )
    await cluster.stop("c:3")
    await cluster.start("c:3")
    await cluster.until_serving()
    assert await cluster.put("c:3", "k", "v") == 3


@in_cluster
async def test_node_killed_while_it_is_made_whole_is_not_taken_for_whole(
    cluster: MemoryCluster,
) -> None:
    """Its first life ended with half of the data on disk: the second asks the peers again."""
    for number in range(50):
        await cluster.put("a:1", f"k{number}", "v")
    await cluster.crash("c:3")
    cluster.disks["c:3"] = FakeDisk()
    cluster.network.delay_s = 0.05
    for _ in range(3):
        await cluster.start("c:3")
        await asyncio.sleep(0.15)
        await cluster.crash("c:3")
    await cluster.start("c:3")
    assert await cluster.get("c:3", "k49", timeout_s=20) == "v"
    await cluster.until_serving()
    assert len(cluster.held("c:3")) == 50


@in_cluster
async def test_nothing_is_dropped_once_a_replica_went_away_while_others_were_waited_for(
    cluster: MemoryCluster,
) -> None:
    """All were alive when the round decided so, and it took long. Found by the simulator."""
    key = next(k for k in "abcdef" if cluster["a:1"].membership.replicas(slot_of(k))[0] == "a:1")
    await cluster.delete("a:1", key)
    await cluster.crash("c:3")
    await cluster.until(lambda: cluster.sees("a:1", "c:3") != "ALIVE", "it is away")
    holding: Any = cluster["a:1"].repair.holding

    def decided_before(slot: int, replicas: Any, tombstones: Any, now_s: float, work: Work) -> None:
        work.drop["b:2"] = list(tombstones)

    look, holding._tombstones.look = holding._tombstones.look, decided_before
    await holding._bury(asyncio.get_running_loop().time())
    holding._tombstones.look = look
    assert cluster.held("b:2")[key][0] is None
    await cluster.start("c:3")
    await cluster.until(lambda: not _tombstones(cluster), "tombstones are gone", 300)
