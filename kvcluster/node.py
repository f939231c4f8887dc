"""The node: builds the parts, and owns the order in which they start and stop.

This is the one place where everything meets. It knows no gRPC: `server.py` puts the parts behind
sockets, a simulation puts them behind its own transport, with its own disk and clocks. To clients
it is a Service (service.py).

    open      lock and load the files                        blocks; may raise CannotStart
    start     journal, senders, heartbeats, pullers          the node can be asked from here on
    drain     let nothing new in, tell the peers
    stop      leave the JSON complete, close everything

When a background task fails (tasks.py), so does `failed`, and the process stops with a message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from kvcluster.cluster.calls import Calls
from kvcluster.cluster.coordinator import Coordinator
from kvcluster.cluster.envelope import Envelope
from kvcluster.cluster.forwarding import Forwarding
from kvcluster.cluster.gate import Gate
from kvcluster.cluster.heartbeat import Heartbeats
from kvcluster.cluster.holding import Holding
from kvcluster.cluster.peers import Peers
from kvcluster.cluster.progress import SyncProgress
from kvcluster.cluster.pulls import Pulls
from kvcluster.cluster.remembering import remember_time
from kvcluster.cluster.replica import Replica
from kvcluster.cluster.replication import Replication
from kvcluster.cluster.report import Report
from kvcluster.cluster.rounds import Rounds
from kvcluster.cluster.router import Router
from kvcluster.cluster.scans import Scans
from kvcluster.cluster.surroundings import Surroundings
from kvcluster.cluster.tasks import Tasks
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.cluster.transport import Transport
from kvcluster.cluster.upkeep import Upkeep
from kvcluster.cluster.watch import keep_watch
from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.model.clock import HybridClock
from kvcluster.model.members import Cluster, split_address
from kvcluster.model.notes import Notes
from kvcluster.model.readiness import Readiness, Status
from kvcluster.model.slots import Home, placement_of
from kvcluster.storage.store import Store

import demo_pb2 as pb

log = logging.getLogger("kvcluster")


class Node:
    """One member of the cluster, without its sockets."""

    router: Router
    rounds: Rounds
    replica: Replica
    scans: Scans
    pulls: Pulls
    report: Report
    gate: Gate
    peers: Peers
    heartbeats: Heartbeats
    progress: SyncProgress
    holding: Holding
    time: Timekeeper
    failed: asyncio.Future[None]
    """Fails when a background task does: the process must stop."""

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
        self.cluster = cluster
        self.home = Home(placement_of(cluster.members, cluster.replicas), cluster.self_name)
        self.settings = settings
        port = split_address(cluster.self_name)[1]
        path = data_dir / f"data_node_{port}.json"
        self.store = Store(
            self._around.disk,
            path,
            settings=settings,
            fsync=fsync,
            node=cluster.self_name,
            configuration=cluster.digest,
        )

    def open(self) -> None:
        """Lock and load the files. Raises CannotStart."""
        stamp = str(self._around.wall_ms())
        found = self.store.open(stamp)
        for remark in found.remarks:
            log.warning("DATA  %s", remark)
        if self.store.incomplete and self._salvage:
            log.warning("DATA  serving what is here, as --salvage asks")
            self.store.incomplete = ""
        if self.store.incomplete and self.cluster.replicas == 1:
            raise CannotStart(
                f"{self.store.incomplete}, and no other node holds what is missing;"
                " start with --salvage to serve what is here"
            )
        self._clock = HybridClock(self._around.incarnation, found.clock)
        self._notes = Notes(self._around.incarnation << 32, found.notes)

    async def start(self, transport: Transport) -> None:
        """Start every part. Raises CannotStart."""
        self._tasks = Tasks()
        self.failed = self._tasks.failed
        self._transport = transport
        self.time = Timekeeper(self._clock, self._around, self.settings)
        await self.store.start(self._tasks.spawn, clock=self.time.kept, notes=self._notes.as_dict)
        self.gate = Gate(self._readiness(), self._around.times, self.settings)
        self.gate.listen(self._complete_once_serving)
        self._envelope = Envelope(self.cluster, self.time)
        self.peers = Peers(self.cluster.peers, self.settings)
        self._calls = Calls(
            transport, self.peers, self._envelope, self.time, self.settings.redial_interval_s
        )
        self._build_replication()
        self._build_upkeep()
        self._build_writing()
        self._build_answers()

    def _readiness(self) -> Readiness:
        return Readiness(
            {peer: set(self.home.shared(peer)) for peer in self.cluster.peers},
            repair=self.store.repair,
            incomplete=bool(self.store.incomplete),
        )

    def _build_replication(self) -> None:
        """Heartbeats, copies of writes, and notes of who missed them."""
        self.heartbeats = Heartbeats(
            self.cluster,
            self.peers,
            self._transport,
            gate=self.gate,
            notes=self._notes,
            time=self.time,
            settings=self.settings,
        )
        self._replication = Replication(
            self.peers,
            self._calls,
            self.store,
            home=self.home,
            notes=self._notes,
            settings=self.settings,
            heartbeats=self.heartbeats,
        )

    def _build_upkeep(self) -> None:
        """What runs in the background."""
        self._upkeep = Upkeep(
            self.store,
            self.peers,
            self._calls,
            self.gate,
            home=self.home,
            time=self.time,
            settings=self.settings,
            note=self._replication.note,
        )
        self.progress, self.holding = self._upkeep.progress, self._upkeep.holding

    def _build_writing(self) -> None:
        """What carries a write to disk, here and elsewhere."""
        self.rounds = Rounds(
            self.store,
            self._replication,
            self.time,
            settings=self.settings,
            spawn=self._tasks.spawn,
            heal=self._upkeep.healing.want,
        )
        self._coordinator = Coordinator(
            self.store, self.rounds, self.gate, self.time, replicas=self.cluster.replicas
        )
        self.replica = Replica(self.store, self._replication, self._envelope, self.time)

    def _build_answers(self) -> None:
        """What answers clients and peers."""
        self.router = Router(
            self.home,
            self._coordinator,
            self.gate,
            self._forwarding(),
            envelope=self._envelope,
            time=self.time,
            settings=self.settings,
        )
        self.scans = Scans(
            self.store,
            self.gate,
            self.peers,
            self._calls,
            home=self.home,
            envelope=self._envelope,
            time=self.time,
            settings=self.settings,
        )
        self.pulls = Pulls(
            self.store,
            self.peers,
            self.gate,
            self._notes,
            home=self.home,
            envelope=self._envelope,
            time=self.time,
            settings=self.settings,
        )
        self.report = Report(
            self.cluster,
            self.home,
            self.store,
            self.peers,
            self.gate,
            notes=self._notes,
            time=self.time,
            heartbeats=self.heartbeats,
            progress=self.progress,
            holding=self.holding,
            rounds=self.rounds,
            settings=self.settings,
        )
        # What a Service does (service.py); health is the last.
        self.put, self.get, self.delete = self.router.put, self.router.get, self.router.delete
        self.batch, self.scan = self.router.batch, self.scans.scan
        self.status, self.locate = self.report.status, self.report.locate

    def _forwarding(self) -> Forwarding:
        return Forwarding(self.home, self.gate, self.peers, self._calls, self.settings)

    def health(self, request: pb.HealthCheckRequest) -> pb.HealthCheckResponse:
        """See Service; a peer's heartbeat is taken, and answered. Raises PeerRefused."""
        beat = self.heartbeats.answer(request)
        return self.report.health(beat)

    def meet_peers(self) -> None:
        """Begin to talk to peers: call it once this node can be reached itself."""
        watch = keep_watch(self.peers, self.heartbeats, self.gate, self.rounds, self.settings)
        self._tasks.spawn(watch, "watch")
        self.heartbeats.start(self._tasks.spawn)
        self._upkeep.start(self._tasks.spawn)
        remember = remember_time(self.store, self.gate, self.time, self.settings)
        self._tasks.spawn(remember, "remembering the time")

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run something beside this node until it stops; if it fails, so does the node."""
        self._tasks.spawn(work, name)

    async def drain(self) -> None:
        """Let no new work in, and tell the peers not to wait for this node."""
        self.gate.drain()
        await self.heartbeats.say_goodbye()

    async def stop(self) -> None:
        """Leave the JSON complete and close everything. Call when no request runs any more."""
        await self.store.close()
        await self.kill()
        await self._transport.close()

    async def kill(self) -> None:
        """End every task where it stands, as the end of the process would."""
        await self._tasks.kill()

    def _complete_once_serving(self) -> None:
        store, whole = self.store, self.gate.whole
        if self.gate.status is not Status.SERVING:
            return
        if store.incomplete:
            log.info("DATA  what was missing or edited has been restored from the peers")
        if store.incomplete or (store.repair and whole):
            store.mark_complete(whole=whole)
