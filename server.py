"""One node of the cluster: `python server.py 50051`.

Start three of these, on ports 50051, 50052 and 50053, and you have a replicated key-value store.
Each keeps its data in `data_node_<port>.json`, copies every write to the other two, and goes on
when they stop.

This file is the node as gRPC sees it. To follow one Put, begin at `KeyValue.Put` below. It becomes
an operation (kvcluster/cluster/requests/handlers.py), and the router finds a node that holds the
key (kvcluster/cluster/requests/router.py). There it gets a version and joins a round of writes
(kvcluster/cluster/requests/coordinator.py, kvcluster/cluster/writing/rounds.py), which goes into
the journal (kvcluster/storage/journal.py) and at the same time to the peers
(kvcluster/cluster/writing/replication.py). There it arrives at `KeyValue.Replicate` below and goes
into their journals; when all have it on disk, Put answers.
"""

from __future__ import annotations

if __name__ == "__main__":  # Ctrl+C ends it where it stands, until there is something to end well
    try:
        from kvcluster import doorstep

        doorstep.enter(serves=True)
    except KeyboardInterrupt:
        raise SystemExit(130) from None

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import grpc

from kvcluster.cluster.peers.channels import Channels
from kvcluster.config import Settings
from kvcluster.errors import CannotStart
from kvcluster.gateway.gateway import Gateway
from kvcluster.model.members import split_address
from kvcluster.node import Node
from kvcluster.security.needs import BEAT, COLUMNS, EACH, PEER, PREFIX, READ, SIGHT, WRITE
from kvcluster.server.activity import Activity
from kvcluster.server.budgets import Intake
from kvcluster.server.door import Door, door_of
from kvcluster.server.listening import addresses_of, leave, make_server
from kvcluster.server.open_files import raise_file_limit, watch_open_files
from kvcluster.server.options import cluster_of, parse_arguments, refusal
from kvcluster.server.overrides import with_overrides
from kvcluster.server.process import (
    end_at_once,
    say_goodbye,
    say_hello,
    say_why_refused,
    set_up_log,
    stop_on_signals,
    what_it_is,
)
from kvcluster.server.registrar import Registrar
from kvcluster.server.rpc import rpc, rpc_stream
from kvcluster.server.service import Service, made_by
from kvcluster.server.standard_services import Health, Reflection

import demo_pb2 as pb
from demo_pb2_grpc import (
    KeyValueServicer,
    PeerServicer,
    add_KeyValueServicer_to_server,
    add_PeerServicer_to_server,
)

OpenPage = Callable[[Node | Gateway, Intake], Any]
"""Makes the page of the metrics, which is closed in the end."""
Pages = AsyncGenerator[pb.ScanResponse, None]

log = logging.getLogger("kvcluster")


class KeyValue(KeyValueServicer):
    """What clients call, and what peers call to copy writes and to see how we are."""

    def __init__(self, service: Service, activity: Activity, intake: Intake) -> None:
        self.service = service
        self.intake = intake
        self._activity = activity

    @rpc(needs=WRITE, budget="clients", writes=True)
    async def Put(self, request: pb.PutRequest, deadline_s: float) -> pb.PutResponse:
        """Store a value at every replica of the key; forward it if none is here."""
        response: pb.PutResponse = await self.service.one(request, deadline_s)
        self._activity.one(request, response)
        return response

    @rpc(needs=READ, budget="clients", at_once=lambda it, request: it.service.got(request))
    async def Get(self, request: pb.GetRequest, deadline_s: float) -> pb.GetResponse:
        """Read from memory; forward it if the key is not here, or what is here may be old."""
        response: pb.GetResponse = await self.service.one(request, deadline_s)
        return response

    @rpc(needs=WRITE, budget="clients", writes=True)
    async def Delete(self, request: pb.DeleteRequest, deadline_s: float) -> pb.DeleteResponse:
        """Write a tombstone at every replica, so that the delete cannot be undone."""
        response: pb.DeleteResponse = await self.service.one(request, deadline_s)
        self._activity.one(request, response)
        return response

    @rpc(needs=EACH, budget="clients", writes=True)
    async def Batch(self, request: pb.BatchRequest, deadline_s: float) -> pb.BatchResponse:
        """Many of these three in one call, each carried out where its key lives."""
        response = await self.service.batch(request, deadline_s)
        self._activity.batch(response)
        return response

    @rpc(needs=COLUMNS, budget="clients", writes=True)
    async def PutMany(self, request: pb.PutManyRequest, deadline_s: float) -> pb.PutManyResponse:
        """Many puts in columns, which pass on to the peers and into the journals as they are."""
        response = await self.service.put_many(request, deadline_s)
        self._activity.put_many(request, response)
        return response

    @rpc_stream(needs=PREFIX, budget="scans")
    def Scan(self, request: pb.ScanRequest, deadline_s: float) -> Pages:
        """Stream keys in order, from all the nodes that together hold every slot."""
        return self.service.scan(request, deadline_s)

    @rpc(needs=BEAT)
    async def CheckHealth(
        self, request: pb.HealthCheckRequest, deadline_s: float
    ) -> pb.HealthCheckResponse:
        """Say how this node is; to a peer, also what it must know (its heartbeat)."""
        return self.service.health(request)

    @rpc(needs=PEER, budget="peers", writes=True)
    async def Replicate(
        self, request: pb.ReplicateRequest, deadline_s: float
    ) -> pb.ReplicateResponse:
        """Store what another node coordinated, durably, then answer."""
        response = await self.service.replicate(request, deadline_s)
        self._activity.replicate(request)
        return response

    @rpc(needs=SIGHT)
    async def Status(self, request: pb.StatusRequest, deadline_s: float) -> pb.StatusResponse:
        """Say everything that this node knows of itself and of the others."""
        response = self.service.status()
        response.traffic.CopyFrom(self.intake.traffic.report())
        return response

    @rpc(needs=READ)
    async def Locate(self, request: pb.LocateRequest, deadline_s: float) -> pb.LocateResponse:
        """Say where a key lives."""
        return self.service.locate(request)


class Peer(PeerServicer):
    """What peers call besides: forwarded requests, catching up, anti-entropy, tombstones."""

    def __init__(self, node: Node, activity: Activity, intake: Intake) -> None:
        self.node = node
        self.intake = intake
        self.read_at_once = node.deciding.acceptor.read_at_once
        self._activity = activity

    @rpc(needs=PEER, budget="forwards", writes=True)
    async def Forward(self, request: pb.ForwardRequest, deadline_s: float) -> pb.ForwardResponse:
        """Carry out what a client asked of a node that cannot do it."""
        response = await self.node.requests.handlers.forwarded(request, deadline_s)
        self._activity.forwarded(request, response)
        return response

    @rpc(needs=PEER, budget="forwards")
    async def ScanPart(self, request: pb.ScanPartRequest, deadline_s: float) -> pb.ScanPartResponse:
        """Give a page of the keys that a peer does not hold."""
        return await self.node.requests.scans.part(request)

    @rpc(needs=PEER, budget="peers")
    async def Pull(self, request: pb.PullRequest, deadline_s: float) -> pb.PullResponse:
        """Give a page of what a peer missed."""
        return await self.node.repair.pulls.pull(request)

    @rpc(needs=PEER, budget="peers")
    async def ConfirmPull(
        self, request: pb.ConfirmPullRequest, deadline_s: float
    ) -> pb.ConfirmPullResponse:
        """Forget what the peer had missed: it has it now."""
        return await self.node.repair.pulls.confirm(request)

    @rpc(needs=PEER, budget="peers")
    async def Compare(self, request: pb.CompareRequest, deadline_s: float) -> pb.CompareResponse:
        """Say which slots differ here."""
        return await self.node.repair.pulls.compare(request)

    @rpc(needs=PEER, budget="peers")
    async def PullDifferences(
        self, request: pb.PullDifferencesRequest, deadline_s: float
    ) -> pb.PullDifferencesResponse:
        """Give a page of what a peer lacks."""
        return await self.node.repair.pulls.differences(request)

    @rpc(needs=PEER, budget="forwards", at_once=lambda it, request: it.read_at_once(request))
    async def Read(self, request: pb.ReadRequest, deadline_s: float) -> pb.ReadResponse:
        """Say what is held of some keys, for a majority."""
        return await self.node.deciding.acceptor.read(request, deadline_s)

    @rpc(needs=PEER, budget="peers", writes=True)
    async def Prepare(self, request: pb.PrepareRequest, deadline_s: float) -> pb.PrepareResponse:
        """Promise to take nothing older of some keys."""
        return await self.node.deciding.acceptor.prepare(request, deadline_s)

    @rpc(needs=PEER, budget="peers", writes=True)
    async def Hold(self, request: pb.HoldRequest, deadline_s: float) -> pb.HoldResponse:
        """Store entries of any age, durably, then answer."""
        return await self.node.writing.replica.hold(request, deadline_s)

    @rpc(needs=PEER, budget="peers", writes=True)
    async def Drop(self, request: pb.DropRequest, deadline_s: float) -> pb.DropResponse:
        """Forget tombstones that every replica holds."""
        return await self.node.writing.replica.drop(request, deadline_s)


def main(arguments: list[str] | None = None, program: str = "server.py") -> int:
    """Run one node until Ctrl+C; return the exit code. `program`: how it is called."""
    options = parse_arguments(arguments, program=program)
    set_up_log(options.log_level, options.log_format)
    for remark in options.remarks:
        log.warning("NODE  %s", remark)
    try:
        settings = with_overrides(Settings(), options.set)
        cluster = cluster_of(options)
        host = options.host or split_address(cluster.self_name)[0]
        door = door_of(options, cluster, host)
        addresses = addresses_of(host, options.port, cluster)
        open_page = metrics_on(options.metrics, host)
        node = made_by(options, cluster, settings)
        return asyncio.run(run(node, addresses, open_page, door))
    except CannotStart as error:
        say_why_refused(refusal(error, options), options.log_format)
        return 2
    except KeyboardInterrupt:
        return 130


async def run(
    node: Node | Gateway, addresses: list[str], open_page: OpenPage | None, door: Door
) -> int:
    """Serve until told to stop or until the disk fails; return the exit code."""
    file_limit, name = raise_file_limit(), node.name
    if isinstance(node, Gateway):
        await node.start()
    else:
        await node.start(Channels(node.membership.peers, node.settings, door.identity(name)))
    intake = Intake.of(node.settings, door.guard(name, node.now))
    activity = Activity(name, node.settings)
    server = make_server(node.settings, addresses, door.credentials)
    health = offer(server, node, activity, intake)
    page = open_page(node, intake) if open_page else None
    stop = stop_on_signals()
    await server.start()
    say_hello(name, addresses, what_it_is(node), door.told())
    node.meet_peers()
    node.spawn(activity.summarize(), "summary of activity")
    node.spawn(watch_open_files(file_limit, node.settings), "watch over open files")
    await asyncio.wait([stop, node.failed], return_when=asyncio.FIRST_COMPLETED)
    if node.failed.done():
        # What is on disk is unknown: nothing that could still write may run.
        end_at_once(node.failed.exception())
    log.info("STOP  finishing what is in flight (Ctrl+C again ends at once)")
    await leave(server, node, health)
    if page:
        page.close()
    return say_goodbye(node)


def offer(
    server: grpc.aio.Server, node: Node | Gateway, activity: Activity, intake: Intake
) -> Health:
    """Put every service on a server. A gateway has no peers."""
    registrar = Registrar(server, intake)
    add_KeyValueServicer_to_server(KeyValue(node, activity, intake), registrar)
    if not isinstance(node, Gateway):
        add_PeerServicer_to_server(Peer(node, activity, intake), registrar)
    health = Health(node.gate, intake, has_peers=not isinstance(node, Gateway))
    health.add_to(server)
    Reflection(health).add_to(server)
    return health


def metrics_on(address: tuple[str | None, int] | None, host: str) -> OpenPage | None:
    """What serves the metrics once there is a node, if somebody wants them. Raises CannotStart."""
    if address is None:
        return None
    from kvcluster.server.metrics.exposition import Exposition  # an optional extra

    return partial(Exposition, address=(address[0] or host, address[1]))


if __name__ == "__main__":
    raise SystemExit(main())
