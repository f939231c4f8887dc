"""The node: builds the parts, and owns the order in which they start and stop.

This is the one place where everything meets. It knows no gRPC: `server.py` puts the parts behind
sockets, a simulation puts them behind its own transport, with its own disk and clocks.

    open      lock and load the files                        blocks; may raise CannotStart
    start     journal, senders, heartbeats, pullers          the node can be asked from here on
    drain     let nothing new in, tell the peers
    stop      leave the JSON complete, close everything

A background task that ends by an error is not restarted: nobody knows what it left half done.
`failed` resolves, and the process stops with a message. That is how a failed fsync stops a node.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kvcluster.cluster.coordinator import Coordinator
from kvcluster.cluster.gate import Gate
from kvcluster.cluster.heartbeat import STATUS_CODES, Heartbeats
from kvcluster.cluster.peers import Peers
from kvcluster.cluster.pulls import Pulls
from kvcluster.cluster.replica import Replica
from kvcluster.cluster.replication import Replication
from kvcluster.cluster.rounds import Rounds
from kvcluster.cluster.sync import Sync
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.cluster.transport import Transport
from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.model.clock import HybridClock
from kvcluster.model.members import Cluster, split_address
from kvcluster.model.notes import Notes
from kvcluster.model.readiness import Readiness, Status
from kvcluster.storage.disk import Disk, OsDisk
from kvcluster.storage.store import Store

from demo_pb2 import HealthCheckRequest, HealthCheckResponse, PeerState

log = logging.getLogger("kvcluster")


def wall_clock_ms() -> int:
    """Milliseconds since 1970, as this machine believes."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a node takes from outside, and a simulation replaces."""

    disk: Disk = field(default_factory=OsDisk)
    wall_ms: Callable[[], int] = wall_clock_ms
    incarnation: int = field(default_factory=lambda: random.SystemRandom().getrandbits(32))


class Node:
    """One member of the cluster, without its sockets."""

    coordinator: Coordinator
    replica: Replica
    pulls: Pulls
    gate: Gate
    time: Timekeeper
    failed: asyncio.Future[None]
    """Fails when a background task does: the process must stop."""
    _heartbeats: Heartbeats
    _sync: Sync
    _transport: Transport

    def __init__(
        self,
        cluster: Cluster,
        data_dir: Path,
        settings: Settings,
        *,
        fsync: bool = True,
        salvage: bool = False,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._around = surroundings or Surroundings()
        self._salvage = salvage
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.cluster = cluster
        self.settings = settings
        port = split_address(cluster.self_name)[1]
        path = data_dir / f"data_node_{port}.json"
        self.store = Store(self._around.disk, path, settings=settings, fsync=fsync)

    def open(self) -> None:
        """Lock and load the files. Raises CannotStart."""
        stamp = str(self._around.wall_ms())
        found = self.store.open(stamp)
        for remark in found.remarks:
            log.warning("DATA  %s", remark)
        if self.store.incomplete and self._salvage:
            log.warning("DATA  serving what is left, as --salvage asks")
            self.store.incomplete = ""
        if self.store.incomplete and not self.cluster.peers:
            raise CannotStart(
                f"{self.store.incomplete}, and there is no peer to restore what is missing;"
                " start with --salvage to serve what is left"
            )
        self._clock = HybridClock(self._around.incarnation, found.clock)
        self._notes = Notes(self._around.incarnation << 32, found.notes)

    async def start(self, transport: Transport) -> None:
        """Start every part. Raises CannotStart."""
        self.failed = asyncio.get_running_loop().create_future()
        self._transport = transport
        self.time = Timekeeper(self._clock, self._around.wall_ms, self.settings)
        await self.store.start(self._spawn, clock=self.time.now, notes=self._notes.as_dict)
        incomplete = bool(self.store.incomplete)
        self.gate = Gate(Readiness(self.cluster.peers, incomplete=incomplete))
        self.gate.listen(self._complete_once_serving)
        self._build(Peers(self.cluster.peers))

    def _build(self, peers: Peers) -> None:
        """Put the parts together; nothing runs yet."""
        settings, name, time = self.settings, self.cluster.self_name, self.time
        self._heartbeats = Heartbeats(
            peers,
            self._transport,
            self_name=name,
            gate=self.gate,
            notes=self._notes,
            time=time,
            settings=settings,
        )
        replication = Replication(
            peers,
            self._transport,
            self.store,
            self_name=name,
            notes=self._notes,
            time=time,
            settings=settings,
            tell=self._heartbeats.tell,
        )
        self._sync = Sync(
            self.store,
            peers,
            self._transport,
            self_name=name,
            gate=self.gate,
            time=time,
            settings=settings,
        )
        rounds = Rounds(
            self.store,
            replication,
            settings=settings,
            spawn=self._spawn,
            heal=self._sync.heal,
        )
        replicas = len(self.cluster.members)
        self.coordinator = Coordinator(
            self.store, rounds, self.gate, time, replicas=replicas, settings=settings
        )
        self.replica = Replica(self.store, peers, replication, time)
        self.pulls = Pulls(self.store, peers, self._notes, time, settings)

    def meet_peers(self) -> None:
        """Begin to talk to peers: call it once this node can be reached itself."""
        self._sync.start(self._spawn)
        self._heartbeats.start(self._spawn)

    def health(self, request: HealthCheckRequest) -> HealthCheckResponse:
        """How this node is; to a peer, also our heartbeat. Raises PeerRefused."""
        response = HealthCheckResponse(
            status=STATUS_CODES[self.gate.status],
            node=self.cluster.self_name,
            keys=self.store.table.live,
            peers=self.describe_peers(),
            reason=self.gate.reason,
        )
        if request.HasField("sender"):
            response.responder.CopyFrom(self._heartbeats.answer(request.sender))
        return response

    async def drain(self) -> None:
        """Let no new work in, and tell the peers not to wait for this node."""
        self.gate.drain()
        await self._heartbeats.say_goodbye()

    async def stop(self) -> None:
        """Leave the JSON complete and close everything. Call when no request runs any more."""
        await self.store.close()
        await self.kill()
        await self._transport.close()

    async def kill(self) -> None:
        """End every task where it stands, as the end of the process would."""
        self._stopping = True
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            # Again if need be: before Python 3.12 wait_for may swallow a cancellation.
            await asyncio.wait(list(self._tasks), timeout=0.05)

    def describe_peers(self) -> list[PeerState]:
        """What this node thinks of each peer."""
        return self._heartbeats.describe_peers()

    def _complete_once_serving(self) -> None:
        if self.store.incomplete and self.gate.status is Status.SERVING:
            log.info("DATA  what was missing has been restored from the peers")
            self.store.mark_complete()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or task.exception() is None:
            return
        if not self.failed.done() and not self._stopping:
            self.failed.set_exception(task.exception() or RuntimeError(task.get_name()))
