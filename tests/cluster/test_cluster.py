"""Replication, notes and catching up, through the faults that they are there for."""

from __future__ import annotations

import asyncio

import pytest

from kvcluster.errors import (
    ClockAbsurd,
    DiskIsFull,
    NothingWritten,
    NotReady,
    OutcomeUnknown,
    PeerRefused,
)
from kvcluster.model.entry import make_version
from kvcluster.model.readiness import Status
from tests.cluster.memory import MemoryCluster, in_cluster
from tests.storage.virtual_loop import run

from demo_pb2 import (
    DRAINING,
    ConfirmPullRequest,
    Entry,
    HealthCheckRequest,
    PullRequest,
    ReplicateRequest,
    ReplicateResponse,
)


@in_cluster
async def test_write_is_on_every_node_when_it_is_acknowledged(cluster: MemoryCluster) -> None:
    """With all nodes up a Put is acknowledged by all, and each answers with it at once."""
    assert await cluster.put("a:1", "k", "v") == 3
    assert [await cluster.get(name, "k") for name in ("a:1", "b:2", "c:3")] == ["v"] * 3


@in_cluster
async def test_power_cut_of_all_nodes_loses_no_acknowledged_write(cluster: MemoryCluster) -> None:
    """What was acknowledged survives on disks that forget everything unsynced."""
    for number in range(30):
        await cluster.put("abc"[number % 3] + f":{number % 3 + 1}", f"k{number}", "v")
    await cluster.crash("a:1", "b:2", "c:3")
    await cluster.start()
    await cluster.until_serving()
    for number in range(30):
        assert await cluster.get("b:2", f"k{number}") == "v"


@in_cluster
async def test_node_that_was_down_reads_what_it_missed(cluster: MemoryCluster) -> None:
    """A restarted node never answers with what was overwritten or deleted while it was away."""
    await cluster.put("a:1", "k", "old")
    await cluster.put("a:1", "gone", "soon")
    await cluster.crash("c:3")
    assert await cluster.put("a:1", "k", "new") == 2
    assert await cluster.delete("b:2", "gone") == 2
    await cluster.start("c:3")
    assert await cluster.get("c:3", "k") == "new"
    assert await cluster.get("c:3", "gone") is None
    await cluster.until_equal()


@in_cluster
async def test_what_is_missed_while_a_confirmation_waits_for_the_disk_is_in_its_answer(
    cluster: MemoryCluster,
) -> None:
    """Found by the simulator: the answer said that nothing was missed, and was newer than that."""
    cluster.network.cut("a:1", "c:3")
    assert await cluster.put("a:1", "k", "missed") == 2
    await cluster.until(lambda: cluster.sees("a:1", "c:3") == "DEAD", "a:1 counts on it no more")
    node = cluster["a:1"]
    pull = cluster.stamped(PullRequest(), "c:3", node.time.now())
    confirm = ConfirmPullRequest(mark=(await node.repair.pulls.pull(pull)).mark)
    confirmed, acknowledged = await asyncio.gather(
        node.repair.pulls.confirm(cluster.stamped(confirm, "c:3", node.time.now())),
        cluster.put("a:1", "k", "missed, too"),
    )
    assert acknowledged == 2
    assert confirmed.missed_since


@in_cluster
async def test_older_write_that_is_noted_before_a_pull_begins_is_told_again(
    cluster: MemoryCluster,
) -> None:
    """Found by the simulator: a peer asked from where it was told, and confirmed everything."""
    cluster.network.cut("a:1", "c:3")
    assert await cluster.put("a:1", "k", "missed") == 2
    node, older = cluster["a:1"], cluster.held("a:1")["k"][1]
    told = make_version(node.time.now(), 7)
    pull = cluster.stamped(PullRequest(since=told), "c:3", node.time.now())
    confirm = ConfirmPullRequest(mark=(await node.repair.pulls.pull(pull)).mark)
    confirmed = await node.repair.pulls.confirm(cluster.stamped(confirm, "c:3", node.time.now()))
    assert confirmed.missed_since == older


@in_cluster
async def test_cut_off_node_is_told_and_catches_up_after_the_cut(cluster: MemoryCluster) -> None:
    """After a cut heals both sides hold the same within seconds, with no request to help."""
    cluster.network.isolate("c:3")
    assert await cluster.put("a:1", "k", "majority") == 2
    assert await cluster.put("c:3", "other", "alone", timeout_s=10) == 1
    cluster.network.heal()
    await cluster.until_equal()
    await cluster.until_serving()
    assert await cluster.put("b:2", "k", "again") == 3


@in_cluster
async def test_same_key_written_on_both_sides_of_a_cut_ends_with_the_last(
    cluster: MemoryCluster,
) -> None:
    """Last writer wins, and every node agrees which one that was."""
    cluster.network.isolate("c:3")
    await cluster.put("c:3", "k", "first", timeout_s=10)
    await cluster.put("a:1", "k", "second", timeout_s=10)
    cluster.network.heal()
    await cluster.until_equal()
    assert await cluster.get("c:3", "k") == "second"


@in_cluster
async def test_lost_answers_do_not_turn_a_write_back(cluster: MemoryCluster) -> None:
    """A replica that stored a write but could not say so holds it, and is told to look again."""
    cluster.network.cuts.add(("c:3", "a:1"))  # answers of c to a are lost, requests arrive
    assert await cluster.put("a:1", "k", "v") == 2
    assert cluster.held("c:3")["k"][0] == "v"
    cluster.network.heal()
    await cluster.until_serving()
    assert await cluster.put("a:1", "k", "w") == 3


@in_cluster
async def test_stuck_disk_of_a_replica_costs_one_round(cluster: MemoryCluster) -> None:
    """A peer whose heartbeats are fine and whose writes hang delays one write, not every one."""
    cluster.network.stuck.add("c:3")
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    assert await cluster.put("a:1", "k", "1") == 2
    assert loop.time() - started_s < 1.5
    # The peer was told before the acknowledgement, so it answers nothing older any more.
    assert cluster["c:3"].gate.status is Status.SYNCING or await cluster.get("c:3", "k") == "1"
    cluster.network.stuck.clear()
    await cluster.until_serving()
    assert await cluster.put("a:1", "k", "2") == 3


@in_cluster
async def test_replica_that_missed_a_write_knows_before_the_client(cluster: MemoryCluster) -> None:
    """Once a write is acknowledged without a reachable replica, that replica reads it or waits."""
    for turn in range(20):
        cluster.network.stuck.add("b:2")
        await cluster.put("a:1", "k", str(turn))
        cluster.network.stuck.clear()
        assert await cluster.get("b:2", "k") == str(turn)
        await cluster.until_serving()


@in_cluster
async def test_note_survives_the_death_of_its_writer(cluster: MemoryCluster) -> None:
    """Who missed what is on disk: the writer comes back from a power cut and still tells it."""
    await cluster.put("a:1", "k", "old")
    cluster.network.isolate("c:3")
    assert await cluster.put("a:1", "k", "new") == 2
    await cluster.crash("a:1", "b:2")
    cluster.network.heal()
    await cluster.start("a:1")
    await cluster.until_seen_again("a:1", "c:3")
    assert await cluster.get("c:3", "k") == "new"
    await cluster.start("b:2")
    await cluster.until_serving()
    await cluster.until_equal()


@in_cluster
async def test_absent_node_that_returns_is_never_believed_too_early(
    cluster: MemoryCluster,
) -> None:
    """From the moment the writer sees a node again, that node does not answer what is old."""
    await cluster.put("a:1", "k", "old")
    cluster.network.isolate("c:3")
    await cluster.until(lambda: cluster.sees("a:1", "c:3") == "DEAD", "a sees c as dead")
    assert await cluster.put("a:1", "k", "new") == 2
    assert await cluster.get("c:3", "k") == "old"  # cut off from the writer: the one exception
    cluster.network.heal()
    await cluster.until_seen_again("a:1", "c:3")
    assert await cluster.get("c:3", "k") == "new"


@in_cluster
async def test_node_cut_off_from_the_writer_only_is_told_by_the_other_holder(
    cluster: MemoryCluster,
) -> None:
    """Every holder of a write knows who misses it, and tells it whom it can reach."""
    await cluster.put("a:1", "k", "old")
    cluster.network.cut("a:1", "c:3")
    for turn in range(5):
        assert await cluster.put("a:1", "k", f"new {turn}") == 2
        assert await cluster.get("c:3", "k") == f"new {turn}"


@in_cluster
async def test_peer_that_is_passed_by_is_told_before_the_answer(cluster: MemoryCluster) -> None:
    """It answers heartbeats and is behind; a note made while one was on its way told it nothing."""
    await cluster.put("a:1", "k", "old")
    cluster["a:1"].peering.peers["b:2"].lagging = True
    cluster.network.cut("b:2", "c:3")  # the other holder cannot tell it
    assert await cluster.put("a:1", "k", "new") == 2
    assert await cluster.get("b:2", "k") == "new"


@in_cluster
async def test_write_missed_in_flight_is_noted_by_every_holder(cluster: MemoryCluster) -> None:
    """The writer dies right after its answer; its other replica tells who missed the write."""
    await cluster.put("a:1", "k", "old")
    cluster.network.stuck.add("c:3")  # its heartbeats are fine: b has no reason to suspect it
    assert await cluster.put("a:1", "k", "new") == 2
    await cluster.crash("a:1", "c:3")
    cluster.network.stuck.clear()
    await cluster.start("c:3")
    assert await cluster.get("c:3", "k", timeout_s=10) == "new"


@in_cluster
async def test_holder_that_cannot_note_who_missed_the_write_is_not_counted(
    cluster: MemoryCluster,
) -> None:
    """It holds the write and would not tell: an acknowledgement may not rest on it."""
    replicate = cluster["b:2"].writing.replica.replicate

    async def no_notes(request: ReplicateRequest, deadline_s: float) -> ReplicateResponse:
        if not request.entries:
            raise DiskIsFull("no room for a note")
        return await replicate(request, deadline_s)

    cluster["b:2"].writing.replica.replicate = no_notes  # type: ignore[method-assign]
    cluster.network.stuck.add("c:3")
    assert await cluster.put("a:1", "k", "v") == 1
    assert cluster.held("b:2")["k"][0] == "v"


@in_cluster
async def test_third_node_notes_what_the_absent_one_missed(cluster: MemoryCluster) -> None:
    """If the coordinator dies for good, its replica still tells the absent node what it missed."""
    await cluster.put("a:1", "k", "old")
    cluster.network.isolate("c:3")
    await cluster.until(lambda: cluster.sees("b:2", "c:3") == "DEAD", "b sees c as down")
    await cluster.put("a:1", "k", "new")
    await cluster.crash("a:1")
    cluster.network.heal()
    await cluster.until_seen_again("b:2", "c:3")
    assert await cluster.get("c:3", "k") == "new"


@in_cluster
async def test_pull_contains_writes_that_are_on_their_way_to_disk(cluster: MemoryCluster) -> None:
    """A write accepted before the puller counts as alive is in the pages, journaled or not."""
    node = cluster["a:1"]
    version = make_version(node.time.now(), 7)
    written = node.store.write([Entry(key="k", value="v", version=version)])
    page = await node.repair.pulls.pull(cluster.stamped(PullRequest(), "b:2", node.time.now()))
    assert [entry.key for entry in page.entries] == ["k"]
    await written


@in_cluster
async def test_clock_behind_never_makes_a_write_vanish(cluster: MemoryCluster) -> None:
    """A node whose clock is behind still writes versions newer than what it overwrites."""
    cluster.clock_offset_ms["b:2"] = -20_000
    await cluster.put("a:1", "k", "by the fast clock")
    assert await cluster.put("b:2", "k", "by the slow clock") == 3
    assert await cluster.get("a:1", "k") == "by the slow clock"


@in_cluster
async def test_superseded_write_is_repeated_before_it_is_acknowledged(
    cluster: MemoryCluster,
) -> None:
    """A coordinator that has not seen the newest version learns of it from the replicas."""
    cluster.clock_offset_ms["b:2"] = 600
    cluster.network.isolate("a:1")
    ahead = asyncio.ensure_future(cluster.put("b:2", "k", "from the future"))
    await cluster.until(lambda: "k" in cluster.held("c:3"), "c holds it")
    cluster.network.heal()
    assert cluster.sees("a:1", "c:3") == "ALIVE"  # too early for a to have heard anything
    assert await cluster.put("a:1", "k", "mine") == 3
    assert await cluster.get("c:3", "k") == "mine"
    assert await ahead == 2


@in_cluster
async def test_starting_node_takes_no_write_before_it_heard_its_peers(
    cluster: MemoryCluster,
) -> None:
    """Its clock may be behind what was acknowledged; until it knows, it waits."""
    await cluster.crash("c:3")
    cluster.network.isolate("c:3")
    await cluster.start("c:3")
    with pytest.raises(NotReady, match="waiting to hear"):
        await cluster.put("c:3", "k", "v", timeout_s=1)


@in_cluster
async def test_whole_cluster_restart_has_no_deadlock(cluster: MemoryCluster) -> None:
    """Nodes that all wait for each other all become ready."""
    await cluster.put("a:1", "k", "v")
    await cluster.stop()
    await cluster.start()
    await cluster.until_serving()
    assert await cluster.get("c:3", "k") == "v"


@in_cluster
async def test_unacknowledged_write_on_one_node_reaches_the_others(cluster: MemoryCluster) -> None:
    """A write that only its dying coordinator stored is everywhere after it returns."""
    cluster.network.isolate("a:1")
    task = asyncio.ensure_future(cluster.put("a:1", "k", "v", timeout_s=10))
    await cluster.until(lambda: "k" in cluster.held("a:1"), "a has stored it")
    await cluster.crash("a:1")
    task.cancel()
    cluster.network.heal()
    await cluster.start("a:1")
    await cluster.until_equal()
    assert await cluster.get("b:2", "k") == "v"


@in_cluster
async def test_frozen_sender_cannot_land_an_old_message(cluster: MemoryCluster) -> None:
    """A Replicate that the network held back for minutes is refused."""
    cluster.network.delay_s = 0.0
    sent = len(cluster.network.sent)
    await cluster.put("a:1", "k", "v")
    assert len(cluster.network.sent) > sent

    old = cluster.held("a:1")["k"][1]
    clock = int.from_bytes(old[:8], "big")
    await asyncio.sleep(31)
    late = ReplicateRequest(entries=[Entry(key="late", value="v", version=old)])
    cluster.stamped(late, "a:1", clock)
    with pytest.raises(PeerRefused, match="old"):
        await cluster["b:2"].writing.replica.replicate(late, asyncio.get_running_loop().time() + 5)
    assert "late" not in cluster.held("b:2")


@in_cluster
async def test_clock_that_is_a_little_ahead_is_followed_and_counted(
    cluster: MemoryCluster,
) -> None:
    """Five seconds ahead are accepted, with an alarm at those who see it."""
    await cluster.set_clock("c:3", 5_000)
    assert await cluster.put("c:3", "k", "early") == 3
    assert cluster["a:1"].time.skewed > 0
    assert await cluster.put("a:1", "k", "later") == 3
    assert await cluster.get("c:3", "k") == "later"


@in_cluster
async def test_mad_clock_is_refused_and_poisons_nobody(cluster: MemoryCluster) -> None:
    """A node whose clock is two days ahead is not followed, and stops; the others go on."""
    cluster.clock_offset_ms["c:3"] = 2 * 24 * 3_600_000
    with pytest.raises(NothingWritten):  # it has not looked around yet, and does not know
        await cluster.put("c:3", "k", "mad", timeout_s=10)
    with pytest.raises(ClockAbsurd):
        await cluster.put("c:3", "k", "mad", timeout_s=10)
    assert await cluster.put("a:1", "k", "sane", timeout_s=10) == 2
    assert await cluster.get("b:2", "k") == "sane"


@in_cluster
async def test_draining_node_takes_nothing_new(cluster: MemoryCluster) -> None:
    """A node that was told to stop refuses clients with a clear word, and peers do not wait."""
    await cluster["c:3"].drain()
    with pytest.raises(NotReady, match="stopping"):
        await cluster.put("c:3", "k", "v")
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    assert await cluster.put("a:1", "k", "v") == 2
    assert loop.time() - started_s < 0.1


@in_cluster
async def test_starting_node_that_hears_nobody_waits_then_serves(cluster: MemoryCluster) -> None:
    """Silence is excused after a few seconds: one live replica is enough."""
    await cluster.put("a:1", "k", "v")
    await cluster.crash("c:3")
    cluster.network.isolate("c:3")
    await cluster.start("c:3")
    with pytest.raises(NotReady, match="waiting to hear"):
        await cluster.get("c:3", "k", timeout_s=1)
    assert await cluster.get("c:3", "k", timeout_s=10) == "v"


@in_cluster
async def test_full_disk_of_the_coordinator_is_unknown_then_refused(
    cluster: MemoryCluster,
) -> None:
    """The group in flight is unknown, later writes are certainly not done, reads go on."""
    await cluster.put("a:1", "k", "v")
    disk = cluster.disks["a:1"]
    disk.capacity = sum(len(data) for data in disk.files().values())
    with pytest.raises(OutcomeUnknown):
        await cluster.put("a:1", "k", "w")
    with pytest.raises(DiskIsFull):
        await cluster.put("a:1", "other", "x")
    assert "other" not in cluster.held("b:2")
    assert await cluster.get("a:1", "k") in {"v", "w"}
    disk.capacity = None
    await cluster.until_equal()  # what the others had and this one could not keep
    assert await cluster.put("a:1", "other", "x") == 3


@in_cluster
async def test_full_disk_of_a_replica_leaves_it_behind_and_it_returns(
    cluster: MemoryCluster,
) -> None:
    """A replica without room is left out, and has everything once there is room."""
    disk = cluster.disks["c:3"]
    disk.capacity = sum(len(data) for data in disk.files().values())
    for number in range(5):
        assert await cluster.put("a:1", f"k{number}", "v" * 100) == 2
    disk.capacity = None
    await cluster.until(lambda: len(cluster.held("c:3")) == 5, "c has all")
    await cluster.until_serving()
    assert await cluster.put("a:1", "k", "v") == 3


def test_same_history_runs_the_same_twice() -> None:
    """Nothing here depends on real time, threads or hashing: a failure can be replayed."""

    async def history() -> list[tuple[str, str, str]]:
        cluster = MemoryCluster()
        await cluster.start()
        await cluster.until_serving()
        for number in range(10):
            await cluster.put("a:1", f"k{number}", "v")
        sent = list(cluster.network.sent)
        for node in cluster.network.nodes.values():
            await node.kill()
        return sent

    assert run(history()) == run(history())


@in_cluster
async def test_a_farewell_from_a_former_life_of_a_peer_is_no_news(cluster: MemoryCluster) -> None:
    """Found by the simulator: a network held it back until the node was up again. Writes went on
    without it, and nobody told it so.
    """
    node, peers = cluster["b:2"], cluster["b:2"].peering.peers
    late = [cluster["c:3"].peering.heartbeats._own_beat("b:2") for _ in range(2)]
    late[1].status = DRAINING
    await cluster.stop("c:3")
    await cluster.start("c:3")
    await cluster.until_serving()
    for beat in late:
        node.health(HealthCheckRequest(sender=beat))
    assert cluster.sees("b:2", "c:3") == "ALIVE"
    assert peers["c:3"].incarnation == cluster["c:3"].time.incarnation
    assert await cluster.put("b:2", "k", "v") == 3
    farewell = cluster["c:3"].peering.heartbeats._own_beat("b:2")
    farewell.status = DRAINING
    node.health(HealthCheckRequest(sender=farewell))
    assert cluster.sees("b:2", "c:3") == "DEAD"


@in_cluster
async def test_a_farewell_of_an_unknown_life_excuses_nobody(cluster: MemoryCluster) -> None:
    """A node that starts knows no life yet: the peer may be up, and hold what it missed."""
    late = cluster["c:3"].peering.heartbeats._own_beat("b:2")
    late.status = DRAINING
    await cluster.crash("b:2")
    cluster.network.delay_s = 0.2
    await cluster.start("b:2")
    cluster["b:2"].health(HealthCheckRequest(sender=late))
    assert cluster["b:2"].gate.status is Status.STARTING
    assert "c:3" in cluster["b:2"].gate.reason


@in_cluster
async def test_a_refusal_from_a_former_life_of_a_peer_is_no_news(cluster: MemoryCluster) -> None:
    """It was overtaken by the heartbeat of the new life, which serves: writes would go on without
    it, and nobody tell it so.
    """
    now_s = asyncio.get_running_loop().time
    peers, asked_s = cluster["b:2"].peering.peers, now_s()
    await cluster.crash("c:3")
    await cluster.start("c:3")
    await cluster.until_serving()
    assert not peers.refused("c:3", "connection refused", asked_s)
    assert cluster.sees("b:2", "c:3") == "ALIVE"
    assert await cluster.put("b:2", "k", "v") == 3
    assert peers.refused("c:3", "connection refused", now_s())
    assert cluster.sees("b:2", "c:3") == "SUSPECT"


@in_cluster
async def test_what_a_new_life_tells_whose_clock_went_back_is_not_excused(
    cluster: MemoryCluster,
) -> None:
    """Found by the simulator: it seemed to be a life that was over. So a refusal of the former one
    was taken for news, and what had been told was excused, and an old value answered.
    """
    node = cluster["b:2"]
    beat = cluster["c:3"].peering.heartbeats._own_beat("b:2")
    cluster.network.cut("b:2", "c:3")
    await asyncio.sleep(node.settings.suspect_after_s - 0.2)
    asked_s = node.peering.peers.now_s()
    await asyncio.sleep(0.1)
    beat.incarnation += 1
    beat.clock = node.peering.peers["c:3"].clock - 1
    beat.missed_since = node.time.tick()
    node.health(HealthCheckRequest(sender=beat))
    assert not node.peering.peers.refused("c:3", "connection refused", asked_s)
    await asyncio.sleep(0.4)
    assert cluster.sees("b:2", "c:3") == "ALIVE"  # silent for long, but called a moment ago
    assert node.gate.owed("c:3") == beat.missed_since
    assert node.gate.status is Status.SYNCING
