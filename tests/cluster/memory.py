"""Whole clusters in one process and in virtual time: real nodes, a network and disks in memory.

The network hands messages over as bytes, after a delay, and can be cut in one direction: a call
whose way there is cut never arrives; one whose way back is cut arrives, is carried out, and is
never answered. Both look the same to the caller, silence, which is the point.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from google.protobuf.message import Message

from kvcluster.cluster.peers.surroundings import METHODS, Surroundings
from kvcluster.config import Settings
from kvcluster.errors import KvError, PeerBroke, PeerRejected, PeerSilent, PeerUnreachable
from kvcluster.model.entry import Entry
from kvcluster.model.members import Cluster as Members
from kvcluster.model.readiness import Status
from kvcluster.model.slots import slot_of
from kvcluster.node import Node
from tests.storage.fake_disk import FakeDisk
from tests.storage.virtual_loop import in_time, run

from demo_pb2 import (
    CompareRequest,
    ConfirmPullRequest,
    DeleteRequest,
    DropRequest,
    ForwardRequest,
    GetRequest,
    HealthCheckRequest,
    HoldRequest,
    PrepareRequest,
    PullDifferencesRequest,
    PullRequest,
    PutRequest,
    ReadRequest,
    ReplicateRequest,
    ScanPartRequest,
)

T = TypeVar("T")
Stamped = TypeVar("Stamped", bound=Any)

NAMES = ("a:1", "b:2", "c:3")
FIVE = ("a:1", "b:2", "c:3", "d:4", "e:5")
START_MS = 1_800_000_000_000

Call = tuple[str, str, str]
"""Caller, callee and method."""


class Network:
    """Who is up, which ways are cut, how long a message takes."""

    def __init__(self, members: tuple[str, ...] = NAMES) -> None:
        self.members = members
        self.nodes: dict[str, Node] = {}
        self.cuts: set[tuple[str, str]] = set()
        self.delay_s = 0.001
        self.stuck: set[str] = set()
        """Nodes whose Replicate hangs while everything else works: a disk that does not answer."""
        self.stuck_methods: set[str] = set()
        """Calls that nobody answers, whoever is asked."""
        self.stuck_calls: set[Call] = set()
        """Caller, callee and method of calls that are not answered."""
        self.resets: list[Call] = []
        """Calls that shall break, once each, before they arrive."""
        self.late_resets: list[Call] = []
        """Calls that shall break, once each, when they were carried out and before the answer."""
        self.broken: dict[tuple[str, str], type[PeerBroke]] = {}
        """Ways on which every call breaks, and how."""
        self.sent: list[Call] = []
        """Caller, callee and method of every call."""

    def cut(self, one: str, other: str) -> None:
        """Cut both ways between two nodes."""
        self.cuts |= {(one, other), (other, one)}

    def isolate(self, name: str) -> None:
        """Cut a node off from all others."""
        for other in self.members:
            self.cut(name, other)

    def heal(self) -> None:
        """Mend every cut."""
        self.cuts.clear()

    async def call(
        self,
        caller: str,
        callee: str,
        method: str,
        request: Any,
        handle: Callable[[Node, Any], Awaitable[T]],
        timeout_s: float,
    ) -> T:
        """One call; raises PeerUnavailable of the fitting kind."""
        self.sent.append((caller, callee, method))
        arrived = type(request).FromString(request.SerializeToString())
        try:
            return await in_time(self._travel(caller, callee, method, arrived, handle), timeout_s)
        except asyncio.TimeoutError:
            raise PeerSilent("no answer in time") from None

    async def _travel(
        self,
        caller: str,
        callee: str,
        method: str,
        request: Any,
        handle: Callable[[Node, Any], Awaitable[T]],
    ) -> T:
        await asyncio.sleep(self.delay_s)
        stuck = method in self.stuck_methods or (callee in self.stuck and method == "replicate")
        stuck = stuck or (caller, callee, method) in self.stuck_calls
        if (caller, callee) in self.cuts or stuck:
            await asyncio.Event().wait()
        if callee not in self.nodes:
            raise PeerUnreachable("connection refused")
        _break_off((caller, callee, method), self.resets)
        if (caller, callee) in self.broken:
            raise self.broken[caller, callee]("Connection reset by peer")
        try:
            response: Any = await handle(self.nodes[callee], request)
        except KvError as error:
            raise PeerRejected(error) from None
        _break_off((caller, callee, method), self.late_resets)
        await asyncio.sleep(self.delay_s)
        if (callee, caller) in self.cuts:
            await asyncio.Event().wait()
        answer: T = type(response).FromString(response.SerializeToString())
        return answer


def _break_off(call: Call, resets: list[Call]) -> None:
    if call in resets:
        resets.remove(call)
        raise PeerBroke("Connection reset by peer")


class MemoryTransport:
    """One node's end of the network. See kvcluster.cluster.peers.surroundings."""

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self._name = name

    async def ask(self, peer: str, request: Any, timeout_s: float) -> Any:
        """See Transport."""

        async def handle(node: Node, request: Any) -> Any:
            return await answer(node, request, asyncio.get_running_loop().time() + timeout_s)

        method = name_of(type(request))
        return await self._network.call(self._name, peer, method, request, handle, timeout_s)

    async def close(self) -> None:
        """See Transport."""


def name_of(kind: type[Message]) -> str:
    """What tests call the method that takes such requests: "pull_differences"."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", METHODS[kind].name).lower()


async def answer(node: Node, request: Any, deadline_s: float) -> Any:
    """What a node answers a peer, as server.py has it."""
    if isinstance(request, HealthCheckRequest):
        return node.health(request)
    replica, pulls = node.writing.replica, node.repair.pulls
    with_deadline: dict[type[Message], Callable[..., Awaitable[Any]]] = {
        ReplicateRequest: replica.replicate,
        HoldRequest: replica.hold,
        DropRequest: replica.drop,
        ForwardRequest: node.requests.handlers.forwarded,
        ReadRequest: node.deciding.acceptor.read,
        PrepareRequest: node.deciding.acceptor.prepare,
    }
    if method := with_deadline.get(type(request)):
        return await method(request, deadline_s)
    at_once: dict[type[Message], Callable[..., Awaitable[Any]]] = {
        ScanPartRequest: node.requests.scans.part,
        CompareRequest: pulls.compare,
        PullDifferencesRequest: pulls.differences,
        PullRequest: pulls.pull,
        ConfirmPullRequest: pulls.confirm,
    }
    return await at_once[type(request)](request)


class MemoryCluster:
    """Nodes that can be crashed, stopped, restarted and cut off."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        members: tuple[str, ...] = NAMES,
        replicas: int = 3,
    ) -> None:
        self.settings = settings or Settings()
        self.members = members
        self.replicas = replicas
        self.network = Network(members)
        self.disks = {name: FakeDisk() for name in members}
        self.clock_offset_ms = dict.fromkeys(members, 0)
        self._rng = random.Random(1)
        self._incarnations = iter(range(1, 10_000))

    def __getitem__(self, name: str) -> Node:
        return self.network.nodes[name]

    async def start(self, *names: str) -> None:
        """Start nodes (all by default)."""
        for name in names or self.members:
            await self.start_one(name)

    async def start_one(
        self, name: str, *, replicas: int | None = None, salvage: bool = False
    ) -> None:
        """Start a node, with a configuration of its own if need be."""
        loop = asyncio.get_running_loop()
        around = Surroundings(
            disk=self.disks[name],
            wall_ms=lambda: START_MS + int(loop.time() * 1000) + self.clock_offset_ms[name],
            steady_s=loop.time,
            incarnation=next(self._incarnations),
        )
        members = Members(self.members, name, replicas or self.replicas)
        root = self.disks[name].root
        node = Node(members, root, self.settings, surroundings=around, salvage=salvage)
        node.open()
        await node.start(MemoryTransport(self.network, name))
        self.network.nodes[name] = node
        node.meet_peers()

    async def set_clock(self, name: str, offset_ms: int) -> None:
        """Set the wall clock of a node, and let its watch find out."""
        self.clock_offset_ms[name] = offset_ms
        await asyncio.sleep(1.5 * self.settings.tick_interval_s)

    async def crash(self, *names: str) -> None:
        """Power cut: the nodes are gone at once, with what they had not synced."""
        for name in names:
            node = self.network.nodes.pop(name)
            self.disks[name] = self.disks[name].crash(self._rng)
            await node.kill()

    async def replace_disk(self, name: str) -> None:
        """A node loses all that it had, and comes back with nothing."""
        await self.crash(name)
        self.disks[name] = FakeDisk()
        await self.start(name)

    async def stop(self, *names: str) -> None:
        """A clean stop."""
        for name in names or self.members:
            node = self.network.nodes[name]
            await node.drain()
            del self.network.nodes[name]
            await node.stop()
            self.disks[name] = self.disks[name].kill()

    async def one(self, name: str, request: Message, timeout_s: float = 5) -> Any:
        """Have a node carry out one operation; its answer."""
        return await self[name].one(request, asyncio.get_running_loop().time() + timeout_s)

    async def put(self, name: str, key: str, value: str, timeout_s: float = 5) -> int:
        """Put through a node; how many acknowledged."""
        answer = await self.one(name, PutRequest(key=key, value=value), timeout_s)
        return int(answer.acknowledged)

    async def delete(self, name: str, key: str, timeout_s: float = 5) -> int:
        """Delete through a node; how many acknowledged."""
        answer = await self.one(name, DeleteRequest(key=key), timeout_s)
        return int(answer.acknowledged)

    async def put_versioned(self, name: str, key: str, value: str, timeout_s: float) -> bytes:
        """Put through a node; the version."""
        answer = await self.one(name, PutRequest(key=key, value=value), timeout_s)
        return bytes(answer.version)

    async def delete_versioned(self, name: str, key: str, timeout_s: float) -> bytes:
        """Delete through a node; the version."""
        answer = await self.one(name, DeleteRequest(key=key), timeout_s)
        return bytes(answer.version)

    async def get(self, name: str, key: str, timeout_s: float = 5) -> str | None:
        """Get from a node, as a client sees it."""
        answer = await self.one(name, GetRequest(key=key), timeout_s)
        return answer.value if answer.found else None

    async def until_seen_again(self, name: str, peer: str) -> None:
        """Return in the moment in which a node takes a peer for up again."""
        step_s = self.network.delay_s / 5  # no message passes in between
        await self.until(
            lambda: self.sees(name, peer) == "ALIVE",
            f"{name} sees {peer}",
            step_s=step_s,
        )

    def stamped(self, request: Stamped, sender: str, clock: int) -> Stamped:
        """A request as a peer would send it, at a time of the test's choice."""
        request.sender, request.clock = sender, clock
        request.configuration = self[sender].membership.digest
        return request

    def sees(self, name: str, peer: str) -> str:
        """What a node thinks of a peer."""
        return self[name].peering.peers[peer].detector.state.name

    def held(self, name: str) -> dict[str, Entry]:
        """Everything a node holds, tombstones included."""
        return dict(self[name].store.table.items())

    async def until(
        self, holds: Callable[[], bool], what: str, within_s: float = 30, step_s: float = 0.01
    ) -> None:
        """Let virtual time pass until a condition holds."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + within_s
        while not holds():
            assert loop.time() < end_s, f"not within {within_s} s: {what}"
            await asyncio.sleep(step_s)

    async def until_serving(self, *names: str) -> None:
        """Return once nodes answer reads and every peer that is up gets writes again."""
        up = names or tuple(self.network.nodes)
        await self.until(lambda: all(self._is_whole(name) for name in up), f"{up} serve")

    async def until_voting(self, *names: str) -> None:
        """Return once what nodes hold counts for majorities."""
        up = names or tuple(self.network.nodes)
        votes = [self[name].peering.voting for name in up]
        await self.until(lambda: not any(it.refusal for it in votes), f"{up} count", 300)

    async def until_equal(self, within_s: float = 60) -> None:
        """Return once every slot is the same at those of its replicas that are up.

        In values: a tombstone may be dropped here and not yet there.
        """
        await self.until(self._are_equal, "the replicas are equal", within_s, step_s=0.1)

    def _are_equal(self) -> bool:
        up = [name for name in self.members if name in self.network.nodes]
        for name in up:
            for key, entry in self.held(name).items():
                replicas = self[name].membership.replicas(slot_of(key))
                others = [self[other].store.get(key) for other in replicas if other in up]
                if name not in replicas:
                    return False
                if entry[0] is not None and any(other != entry for other in others):
                    return False
        return True

    def is_whole(self) -> bool:
        """Whether every node is up, serves, and counts on every other."""
        return all(
            self._is_whole(name) and all(p.gets_writes for p in self[name].peering.peers)
            for name in self.network.nodes
        )

    def _is_whole(self, name: str) -> bool:
        return self[name].gate.status is Status.SERVING


def in_cluster(
    test: Callable[[MemoryCluster], Coroutine[Any, Any, None]],
) -> Callable[[], None]:
    """Run a test in virtual time with three nodes started and serving."""

    def run_test() -> None:
        async def body() -> None:
            cluster = MemoryCluster()
            await cluster.start()
            await cluster.until_serving()
            await test(cluster)
            for node in cluster.network.nodes.values():
                assert not node.failed.done(), node.failed.exception()
                await node.kill()

        run(body())

    run_test.__name__ = test.__name__
    run_test.__doc__ = test.__doc__
    return run_test
