"""The node: builds the parts, and owns the order in which they start and stop.

This is the one place where everything meets. It knows no gRPC: `server.py` puts the parts behind
sockets, a simulation puts them behind its own transport, with its own disk and clocks. To clients
it is a Service (server/service.py).

    open         lock and load the files                     blocks; may raise CannotStart
    start        the journal, and every part                 it can be asked from here on
    meet_peers   heartbeats, the watch, repair               once it can be reached
    drain        let nothing new in, tell the peers
    stop         leave the JSON complete, close everything

When a background task fails (cluster/peers/tasks.py), so does `failed`, and the process stops with
a message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from kvcluster.cluster.deciding import Deciding
from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.gate import Gate
from kvcluster.cluster.peers.ground import Envelope, Ground
from kvcluster.cluster.peers.membership import Membership
from kvcluster.cluster.peers.surroundings import Surroundings, Transport
from kvcluster.cluster.peers.tasks import Tasks
from kvcluster.cluster.peers.timekeeper import Timekeeper
from kvcluster.cluster.repair import Repair
from kvcluster.cluster.requests import Requests
from kvcluster.cluster.writing import Writing
from kvcluster.cluster.writing.hinting import Hinting
from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.model.clock import HybridClock
from kvcluster.model.hints import Hints
from kvcluster.model.members import Cluster, split_address
from kvcluster.model.readiness import Readiness, Status
from kvcluster.storage.store import Store

import demo_pb2 as pb

log = logging.getLogger("kvcluster")


class Node:
    """One member of the cluster, without its sockets."""

    time: Timekeeper
    gate: Gate
    peering: Peering
    writing: Writing
    deciding: Deciding
    repair: Repair
    requests: Requests
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
        self.membership = Membership(cluster)
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

    @property
    def name(self) -> str:
        """Its own, in the member list."""
        return self.membership.name

    def now(self) -> int:
        """The hybrid time."""
        return self.time.now()

    def open(self) -> None:
        """Lock and load the files. Raises CannotStart."""
        stamp = str(self._around.wall_ms())
        found = self.store.open(stamp)
        for remark in found.remarks:
            log.warning("DATA  %s", remark)
        self.store.salvaged = self._salvage
        if self.store.incomplete and self._salvage:
            log.warning("DATA  serving what is here, as --salvage asks")
            self.store.incomplete = ""
        if self.store.incomplete and self.membership.replica_count == 1:
            raise CannotStart(
                f"{self.store.incomplete}, and no other node holds what is missing;"
                " start with --salvage to serve what is here"
            )
        self._clock = HybridClock(self._around.incarnation, found.clock)
        self._hints = Hints(self._around.incarnation << 32, found.hints)

    async def start(self, transport: Transport) -> None:
        """Start every part. Raises CannotStart."""
        self._tasks = Tasks()
        self.failed = self._tasks.failed
        self._transport = transport
        self.time = Timekeeper(self._clock, self._around, self.settings)
        self.store.table.lives.town_ms = self.time.town_ms
        await self.store.start(self._tasks.spawn, clock=self.time.kept, hints=self._hints.as_dict)
        shared = {peer: set(self.membership.shared(peer)) for peer in self.membership.peers}
        incomplete = bool(self.store.incomplete)
        readiness = Readiness(shared, repair=self.store.repair, incomplete=incomplete)
        self.gate = Gate(readiness, self._around.times, self.settings)
        self.gate.listen(self._complete_once_serving)
        self._build()

    def _build(self) -> None:
        """Each wing of the cluster wires itself."""
        ground = Ground(
            self.membership,
            self.settings,
            self.time,
            self.gate,
            self.store,
            Envelope(self.membership, self.time),
            self._tasks.spawn,
        )
        self.peering = Peering(ground, self._transport, self._hints)
        hinting = Hinting(ground, self._hints, self.peering)
        self.repair = Repair(ground, self.peering, hinting)
        self.writing = Writing(ground, self.peering, hinting, self.repair.anti_entropy.want)
        self.deciding = Deciding(ground, self.peering, self.writing)
        self.requests = Requests(ground, self.peering, self.writing, self.deciding, self.repair)
        # What a Service does (server/service.py); health is the last.
        handlers, report = self.requests.handlers, self.requests.report
        self.one, self.batch, self.put_many = handlers.one, handlers.batch, handlers.put_many
        self.scan, self.got = self.requests.scans.scan, handlers.got
        self.status, self.locate = report.status, report.locate
        self.replicate = self.writing.replica.replicate

    def health(self, request: pb.HealthCheckRequest) -> pb.HealthCheckResponse:
        """See Service; a peer's heartbeat is taken, and answered. Raises PeerRefused."""
        beat = self.peering.heartbeats.answer(request)
        return self.requests.report.health(beat)

    def meet_peers(self) -> None:
        """Begin to talk to peers: call it once this node can be reached itself."""
        self.peering.start(self.writing.rounds.refuse_waiting)
        self.repair.start()
        self.deciding.start()
        self.spawn(self.time.remember(self.store, self.gate), "remembering the time")

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run something beside this node until it stops; if it fails, so does the node."""
        self._tasks.spawn(work, name)

    async def drain(self) -> None:
        """Let no new work in, and tell the peers not to wait for this node."""
        self.gate.drain()
        await self.peering.heartbeats.say_goodbye()

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
