"""Forwarding: any node takes any key, one hop, and a write is never sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from kvcluster.cluster.requests.batch import Batch
from kvcluster.config import Settings
from kvcluster.errors import (
    BadRequest,
    ConnectionLost,
    DiskIsFull,
    HeldBack,
    NoReplica,
    NotReady,
    OutcomeUnknown,
    PeerRefused,
    TimedOut,
)
from kvcluster.model import operation
from kvcluster.model.entry import make_version
from kvcluster.model.slots import slot_of
from tests.cluster.memory import FIVE, NAMES, MemoryCluster
from tests.storage.virtual_loop import run

from demo_pb2 import (
    BatchRequest,
    DeleteRequest,
    ForwardRequest,
    GetRequest,
    LocateRequest,
    Operation,
    PutRequest,
)

Test = Callable[[MemoryCluster], Coroutine[Any, Any, None]]
Decorator = Callable[[Test], Callable[[], None]]


def in_parts(
    members: tuple[str, ...] = FIVE, replicas: int = 3, settings: Settings | None = None
) -> Decorator:
    """Run a test on a cluster whose nodes hold a part of the keys each."""

    def decorate(test: Test) -> Callable[[], None]:
        def run_test() -> None:
            async def body() -> None:
                cluster = MemoryCluster(settings, members=members, replicas=replicas)
                await cluster.start()
                await cluster.until_serving()
                await test(cluster)
                for node in cluster.network.nodes.values():
                    assert not node.failed.done(), node.failed.exception()
                    await node.kill()

            run(body())

        run_test.__name__, run_test.__doc__ = test.__name__, test.__doc__
        return run_test

    return decorate


def kept_forwards(cluster: MemoryCluster) -> list[ForwardRequest]:
    """What is forwarded from now on, as a network that holds it back would have it."""
    kept: list[ForwardRequest] = []
    call = cluster.network.call

    async def keep(caller: str, callee: str, method: str, request: Any, *rest: Any) -> Any:
        if method == "forward":
            kept.append(ForwardRequest.FromString(request.SerializeToString()))
        return await call(caller, callee, method, request, *rest)

    vars(cluster.network)["call"] = keep
    return kept


def homes(cluster: MemoryCluster, key: str) -> tuple[tuple[str, ...], list[str]]:
    """The replicas of a key, and the members that hold none."""
    replicas = next(iter(cluster.network.nodes.values())).membership.replicas(slot_of(key))
    return replicas, [name for name in cluster.members if name not in replicas]


@in_parts()
async def test_any_node_takes_any_key_and_only_its_replicas_hold_it(cluster: MemoryCluster) -> None:
    """Each key is on three of five nodes, whoever was asked, and everybody can read it."""
    for number in range(40):
        key = f"key {number}"
        assert await cluster.put(cluster.members[number % 5], key, "v") == 3
    for number in range(40):
        key = f"key {number}"
        replicas, _ = homes(cluster, key)
        assert {name for name in cluster.members if key in cluster.held(name)} == set(replicas)
        assert [await cluster.get(name, key) for name in cluster.members] == ["v"] * 5


@in_parts()
async def test_the_answer_says_who_served(cluster: MemoryCluster) -> None:
    """The primary, for a node that holds no replica; itself, for one that does."""
    replicas, others = homes(cluster, "k")
    for name in cluster.members:
        deadline_s = asyncio.get_running_loop().time() + 5
        request = PutRequest(key="k", value=name)
        answer = await cluster[name].one(request, deadline_s)
        assert answer.served_by == (name if name in replicas else replicas[0])
        assert (answer.replicas, answer.acknowledged) == (3, 3)
        read = await cluster[name].one(GetRequest(key="k"), deadline_s)
        assert read.served_by == (name if name in replicas else replicas[0])
    deleted = await cluster[others[0]].one(DeleteRequest(key="k"), deadline_s)
    assert deleted.found
    assert deleted.served_by == replicas[0]


@in_parts()
async def test_locate_names_slot_primary_and_replicas(cluster: MemoryCluster) -> None:
    """The same from every node, with the states that the asked node sees."""
    replicas, others = homes(cluster, "k")
    await cluster.stop(replicas[0])
    answer = cluster[others[0]].locate(LocateRequest(key="k"))
    assert answer.slot == slot_of("k")
    assert [replica.node for replica in answer.replicas] == list(replicas)
    with pytest.raises(BadRequest):
        cluster[others[0]].locate(LocateRequest())


@pytest.mark.parametrize(("members", "replicas"), [(FIVE, 3), (FIVE, 2), (NAMES, 2)])
def test_death_of_the_primary_costs_no_call_that_was_not_on_its_way(
    members: tuple[str, ...], replicas: int
) -> None:
    """The next replica takes over at once; nobody waits for the detector."""

    @in_parts(members, replicas)
    async def body(cluster: MemoryCluster) -> None:
        (primary, *_), others = homes(cluster, "k")
        await cluster.put(others[0], "k", "old")
        await cluster.crash(primary)
        for turn in range(5):
            assert await cluster.put(others[0], "k", str(turn)) == replicas - 1
            assert await cluster.get(others[0], "k") == str(turn)

    body()


@in_parts(replicas=1)
async def test_key_whose_only_replica_is_down_is_unavailable_by_name(
    cluster: MemoryCluster,
) -> None:
    """The sentence names the node that is missing, at once."""
    (owner,), others = homes(cluster, "k")
    await cluster.crash(owner)
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    with pytest.raises(NoReplica, match=owner):
        await cluster.put(others[0], "k", "v")
    with pytest.raises(NoReplica, match=owner):
        await cluster.get(others[0], "k")
    assert loop.time() - started_s < 1
    await cluster.start(owner)
    await cluster.until_serving()
    assert await cluster.put(others[0], "k", "v") == 1


@in_parts()
async def test_silent_primary_delays_a_read_and_never_doubles_a_write(
    cluster: MemoryCluster,
) -> None:
    """A read goes on to the next replica; a write that may have arrived is not sent again."""
    (primary, *_), others = homes(cluster, "k")
    await cluster.put(others[0], "k", "v")
    cluster.network.cut(others[0], primary)
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    assert await cluster.get(others[0], "k") == "v"
    assert loop.time() - started_s < 1.2
    cluster.network.sent.clear()
    with pytest.raises(TimedOut, match="may have happened"):
        await cluster.put(others[0], "k", "w", timeout_s=0.2)
    forwards = [sent for sent in cluster.network.sent if sent[2] == "forward"]
    assert forwards == [(others[0], primary, "forward")]


@in_parts()
async def test_refusal_of_one_replica_is_passed_on_or_passed_by(cluster: MemoryCluster) -> None:
    """What is certainly not done goes to the next replica; a bad argument comes back at once."""
    replicas, others = homes(cluster, "k")
    disks = [cluster.disks[name] for name in replicas]
    disks[0].capacity = sum(len(data) for data in disks[0].files().values())
    with pytest.raises(OutcomeUnknown):  # the primary learns that its disk is full
        await cluster.put(others[0], "k", "v" * 1000)
    assert await cluster.put(others[0], "k", "w") == 2
    for disk in disks:
        disk.capacity = sum(len(data) for data in disk.files().values())
    for name in replicas:
        with pytest.raises((OutcomeUnknown, DiskIsFull)):
            await cluster.put(name, "k", "v" * 1000)
    with pytest.raises(DiskIsFull):
        await cluster.put(others[0], "k", "v")
    with pytest.raises(BadRequest, match="1,025"):
        await cluster.put(others[0], "k" * 1025, "v")


@in_parts()
async def test_forwarded_request_is_not_forwarded_again(cluster: MemoryCluster) -> None:
    """Who cannot serve it says so; nodes that disagree for a moment make no circle."""
    _, others = homes(cluster, "k")
    now = cluster[others[0]].time.now()
    request = cluster.stamped(ForwardRequest(get=GetRequest(key="k")), others[0], now)
    cluster.network.sent.clear()
    with pytest.raises(PeerRefused, match="no replica"):
        await cluster[others[1]].requests.handlers.forwarded(request, 5)
    assert not [sent for sent in cluster.network.sent if sent[2] == "forward"]


@in_parts(NAMES, 3)
async def test_read_forwarded_to_a_node_that_catches_up_is_refused(cluster: MemoryCluster) -> None:
    """It says that it is not ready, at once, and does not send it on in its turn."""
    cluster.network.stuck_methods.add("pull")
    cluster["c:3"].gate.told("a:1", make_version(1, 1), at=1)
    now = cluster["a:1"].time.now()
    request = cluster.stamped(ForwardRequest(get=GetRequest(key="k")), "a:1", now)
    with pytest.raises(NotReady, match="catching up"):
        await cluster["c:3"].requests.handlers.forwarded(
            request, asyncio.get_running_loop().time() + 5
        )
    assert not [sent for sent in cluster.network.sent if sent[2] == "forward"]


@in_parts(NAMES, 3)
async def test_reads_of_a_node_that_catches_up_go_to_one_that_serves(
    cluster: MemoryCluster,
) -> None:
    """Its own data is old, so its clients are answered by another, at once."""
    await cluster.put("a:1", "k", "old")
    cluster.network.isolate("c:3")
    await cluster.until(lambda: cluster.sees("a:1", "c:3") == "DEAD", "a sees c as dead")
    await cluster.put("a:1", "k", "new")
    cluster.network.heal()
    cluster.network.stuck_methods.add("pull")
    await cluster.until(lambda: not cluster["c:3"].gate.readable, "c knows that it is behind")
    deadline_s = asyncio.get_running_loop().time() + 5
    answer = await cluster["c:3"].one(GetRequest(key="k"), deadline_s)
    assert answer.value == "new"
    assert answer.served_by in ("a:1", "b:2")
    await cluster.stop("b:2")
    await cluster.crash("a:1")
    with pytest.raises(NotReady):  # it knows of something newer, and nobody has it
        await cluster.get("c:3", "k", timeout_s=0.05)
    cluster.network.stuck_methods.clear()


@in_parts()
async def test_write_forwarded_to_a_node_that_freezes_is_unknown_soon(
    cluster: MemoryCluster,
) -> None:
    """The client need not wait for its whole deadline; the next write takes another way."""
    (primary, *_), others = homes(cluster, "k")
    cluster.network.isolate(primary)
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    with pytest.raises(ConnectionLost, match="may have happened"):
        await cluster.put(others[0], "k", "v", timeout_s=30)
    assert loop.time() - started_s < 2
    assert await cluster.put(others[0], "k", "w", timeout_s=30) == 2


@in_parts(replicas=1)
async def test_a_forwarded_write_that_a_network_held_back_is_refused(
    cluster: MemoryCluster,
) -> None:
    """Its client gave up, and another was acknowledged: in a version of now it would undo that."""
    (owner,), others = homes(cluster, "k")
    put, get = Operation(put=PutRequest(key="k", value="old")), Operation(get=GetRequest(key="k"))
    late = [
        ForwardRequest(put=put.put),
        ForwardRequest(delete=DeleteRequest(key="k")),
        ForwardRequest(batch=BatchRequest(operations=[get, put])),
    ]
    reads = [ForwardRequest(get=get.get), ForwardRequest(batch=BatchRequest(operations=[get]))]
    for request in late + reads:
        cluster.stamped(request, others[0], cluster[others[0]].time.now())
    await asyncio.sleep(1.2)
    await cluster.put(others[1], "k", "new")
    for request in late:
        with pytest.raises(HeldBack, match=r"forwarded is 1\.2 s old, over the limit of 1 s"):
            await cluster[owner].requests.handlers.forwarded(request, deadline_s=1e9)
    for request in reads:
        assert "new" in str(
            await cluster[owner].requests.handlers.forwarded(request, deadline_s=1e9)
        )


@in_parts(replicas=1)
async def test_a_write_of_which_nobody_knows_cannot_land_any_more(cluster: MemoryCluster) -> None:
    """Sent a moment before silence was noticed, or by an impatient client, it was still young when
    a cut was mended, and undid what had been acknowledged since.
    """
    (owner,), others = homes(cluster, "k")
    for before_s, timeout_s, error in [(0.7, 5, ConnectionLost), (0.0, 0.6, TimedOut)]:
        late, told = kept_forwards(cluster), asyncio.get_running_loop().time()
        cluster.network.isolate(owner)
        await asyncio.sleep(before_s)
        with pytest.raises(error, match="may have happened"):
            await cluster.put(others[0], "k", "old", timeout_s=timeout_s)
        assert asyncio.get_running_loop().time() - told < before_s + 1.6, "it waited for too long"
        with pytest.raises(HeldBack):
            await cluster[owner].requests.handlers.forwarded(late[0], deadline_s=1e9)
        cluster.network.heal()
        await cluster.until_serving()
        await cluster.until(lambda: cluster.sees(others[0], owner) == "ALIVE", "they meet again")


@in_parts(replicas=1)
async def test_that_nobody_knows_is_told_at_once_where_nothing_can_land(
    cluster: MemoryCluster,
) -> None:
    """Of a node that was killed nobody waits to hear more."""
    (owner,), others = homes(cluster, "k")
    cluster.network.late_resets.append((others[0], owner, "forward"))
    asked_s = asyncio.get_running_loop().time()
    write = asyncio.ensure_future(cluster.put(others[0], "k", "v", timeout_s=5))
    await asyncio.sleep(0.1)
    assert not write.done(), "what broke may arrive by another way"
    await cluster.crash(owner)
    with pytest.raises(ConnectionLost, match="may have happened"):
        await write
    assert asyncio.get_running_loop().time() - asked_s < 0.7


@in_parts(replicas=1, settings=Settings(forward_age_limit_s=0.3))
async def test_a_forwarded_write_over_a_slow_network_is_tried_until_it_is_quick_enough(
    cluster: MemoryCluster,
) -> None:
    """Who still waits for it sends it anew: nothing is lost but time."""
    (owner,), others = homes(cluster, "k")
    cluster.network.delay_s = 0.4
    written = asyncio.ensure_future(cluster.put(others[0], "k", "v", timeout_s=8))
    await asyncio.sleep(2)
    assert not written.done()
    cluster.network.delay_s = 0.001
    assert await written == 1
    assert await cluster.get(owner, "k") == "v"


@in_parts()
async def test_nobody_is_asked_again_in_the_last_moment_before_a_deadline(
    cluster: MemoryCluster,
) -> None:
    """With a billionth of a second left timers fire at once, and the loop span: seed 5199."""
    routing = cluster["a:1"].requests.handlers._routing
    batch = Batch([operation.Operation(operation.Kind.GET, "k")], lambda it: it.decides)
    batch.groups[0].why = NotReady("soon")
    deadline_s = asyncio.get_running_loop().time() + 1e-9
    assert await routing._rest(batch, batch.groups, deadline_s) == []
    assert isinstance(batch.outcomes[0], NotReady)
