"""The gateway: this store's API on an engine that somebody else built.

To clients it is a node like any other, a Service (server/service.py); it holds nothing itself, so
any number of them may stand beside each other, and one that is lost takes nothing along. What a
node does with its peers, a gateway does not: nobody replicates to it, and it listens to nobody.

    start        open the engine, which need not be there
    meet_peers   look at the engine from now on            once it can be reached itself
    drain        let nothing new in
    stop         close everything

It has the lifecycle of a Node (node.py), and `server.py` puts it behind sockets in the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping
from typing import Any, NoReturn

from google.protobuf.message import Message

from kvcluster.cluster.peers.surroundings import Surroundings
from kvcluster.cluster.peers.tasks import Tasks
from kvcluster.config import Settings
from kvcluster.engines.address import parse_engine
from kvcluster.engines.catalogue import engine_at
from kvcluster.engines.contract import Engine
from kvcluster.errors import KvError, PeerRefused, TooLate
from kvcluster.gateway.carrier import Carrier
from kvcluster.gateway.engine_report import EngineReport
from kvcluster.gateway.presence import Presence
from kvcluster.model.members import Cluster
from kvcluster.wire.answered import Outcome, batch_response, scan_messages
from kvcluster.wire.asked import (
    batch_of,
    operation_of,
    operations_of,
    refuse_bad_block,
    refuse_large_batch,
)
from kvcluster.wire.limits import check_key, check_scan

import demo_pb2 as pb

log = logging.getLogger("kvcluster")

_PAGE_KEYS = 10_000
"""Pages are bounded by their bytes; each is a way to the engine and back."""


class Gateway:
    """One gateway, without its sockets."""

    gate: Presence
    failed: asyncio.Future[None]
    """Fails when a background task does: the process must stop."""

    def __init__(
        self,
        gateways: Cluster,
        engine: Engine,
        place: str,
        settings: Settings,
        *,
        surroundings: Surroundings | None = None,
    ) -> None:
        """`place`: where the engine is, for people."""
        self._around = surroundings or Surroundings()
        self.gateways = gateways
        self.settings = settings
        self._engine = engine
        self._place = place

    @property
    def name(self) -> str:
        """Its own, in the list of gateways."""
        return self.gateways.self_name

    def now(self) -> int:
        """The time of proofs: hybrid time without a counter."""
        return self._around.wall_ms() << 16

    async def start(self) -> None:
        """Get ready. Raises CannotStart."""
        self._tasks = Tasks()
        self.failed = self._tasks.failed
        self.gate = Presence(self._engine, self._around.times, self.settings)
        self._carrier = Carrier(self.name, self._engine, self.gate, self.settings)
        self._report = EngineReport(self.gateways, self._engine, self.gate)
        self.status = self._report.status
        await self._engine.open()

    def meet_peers(self) -> None:
        """Begin to look at the engine."""
        self.spawn(self.gate.watch(), "watch over the engine")
        self.spawn(self.gate.tick(), "watch over pauses")
        self.spawn(self.gate.keep_house(), "sweeping")

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run something beside this gateway until it stops; if it fails, so does the gateway."""
        self._tasks.spawn(work, name)

    async def drain(self) -> None:
        """Let no new work in."""
        self.gate.drain()

    async def stop(self) -> None:
        """Close everything. Call when no request runs any more."""
        await self._tasks.kill()
        await self._engine.close()

    def told(self) -> Iterator[tuple[int, str]]:
        """What the log says of it first: levels and sentences."""
        others = ", ".join(self.gateways.peers) or "none"
        yield logging.INFO, f"a gateway: its data is in {self._engine.traits.kind}, {self._place}"
        yield logging.INFO, f"other gateways are {others}"

    async def one(self, request: Message, deadline_s: float) -> Any:
        """See Service. Raises BadRequest, NotReady; a write also DiskIsFull, OutcomeUnknown."""
        operation = operation_of(request, self.settings, self._around.wall_ms)
        (outcome,) = await self._carrier.carry_out([operation], deadline_s)
        if isinstance(outcome, KvError):
            raise outcome
        return outcome

    def got(self, request: pb.GetRequest) -> pb.GetResponse | None:
        """Nothing is here."""
        return None

    async def batch(self, request: pb.BatchRequest, deadline_s: float) -> pb.BatchResponse:
        """See Service. Raises BadRequest, NotReady."""
        refuse_large_batch(request, self.settings)
        outcomes = await self._outcomes(request.operations, deadline_s)
        return batch_response(request.operations, outcomes)

    async def put_many(self, request: pb.PutManyRequest, deadline_s: float) -> pb.PutManyResponse:
        """See Service. Raises BadRequest, NotReady. The versions of an engine are in no row, so
        every key is an exception.
        """
        refuse_bad_block(request.block, self.settings)
        puts = batch_of(request.block).operations
        batch = batch_response(puts, await self._outcomes(puts, deadline_s))
        exceptions = [pb.PutException(place=at, result=it) for at, it in enumerate(batch.results)]
        return pb.PutManyResponse(exceptions=exceptions)

    async def _outcomes(self, messages: Any, deadline_s: float) -> list[Outcome]:
        operations = operations_of(messages, self.settings, self._around.wall_ms)
        return await self._carrier.carry_out(operations, deadline_s)

    async def scan(
        self, request: pb.ScanRequest, deadline_s: float
    ) -> AsyncGenerator[pb.ScanResponse, None]:
        """See Service. Raises BadRequest, NotReady, TooLate."""
        check_scan(request, self.settings)
        after, left, now_s = request.start_after, request.limit, asyncio.get_running_loop().time
        while True:
            self.gate.refuse_unless_serving()
            if now_s() >= deadline_s:
                raise TooLate(f"the scan reached its deadline behind the key {after!r}")
            limit = min(left or _PAGE_KEYS, _PAGE_KEYS)
            page_s = min(deadline_s, now_s() + self.settings.request_timeout_s)
            page = await self._engine.page(
                request.prefix, after, limit, keys_only=request.keys_only, deadline_s=page_s
            )
            for message in scan_messages(page.pairs, self.settings):
                yield message
            left -= len(page.pairs) if request.limit else 0
            if page.reached is None or (request.limit and not left):
                return
            assert page.reached.encode() > after.encode(), "a scan gets on"
            after = page.reached

    def health(self, request: pb.HealthCheckRequest) -> pb.HealthCheckResponse:
        """See Service. Raises PeerRefused for a node that takes this gateway for one."""
        if request.HasField("sender"):
            self._refuse_peer(request.sender.node)
        return self._report.health()

    def locate(self, request: pb.LocateRequest) -> pb.LocateResponse:
        """See Service. Raises BadRequest."""
        check_key(request.key, self.settings)
        return self._report.locate(request.key)

    async def replicate(
        self, request: pb.ReplicateRequest, deadline_s: float
    ) -> pb.ReplicateResponse:
        """A gateway holds nothing. Raises PeerRefused."""
        self._refuse_peer(request.sender)

    def _refuse_peer(self, sender: str) -> NoReturn:
        kind = self._engine.traits.kind
        raise PeerRefused(f"{self.name} is a gateway to {kind}, and {sender} takes it for a node")


def gateway_at(
    text: str, environment: Mapping[str, str], gateways: Cluster, settings: Settings
) -> Gateway:
    """The gateway to the engine at an address, as it stands behind --engine. Raises CannotStart."""
    address = parse_engine(text, environment)
    return Gateway(gateways, engine_at(address), address.told, settings)
