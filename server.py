"""One node of the cluster: `python server.py 50051`.

Start three of these, on ports 50051, 50052 and 50053, and you have a replicated key-value store.
Each keeps its data in `data_node_<port>.json`, copies every write to the other two, and goes on
when they stop.

This file is the node as gRPC sees it. To follow one Put, begin at `KeyValue.Put` below. It hands
the write to the coordinator (kvcluster/cluster/coordinator.py), where it joins a round (rounds.py).
The round goes into the journal here (kvcluster/storage/journal.py) and at the same time to the
peers (replication.py). There it arrives at `KeyValue.Replicate` below and goes into their journals;
when all have it on disk, Put answers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncGenerator

from kvcluster.activity import Activity
from kvcluster.cluster.channels import Channels
from kvcluster.config import Settings, with_overrides
from kvcluster.errors import CannotStart, DiskFailed
from kvcluster.model.members import (
    Cluster,
    check_replicas,
    find_self,
    parse_members,
    split_address,
)
from kvcluster.node import Node
from kvcluster.options import parse_arguments
from kvcluster.process import raise_file_limit, set_up_log, stop_on_signals
from kvcluster.wire import Limits, Registrar, addresses_of, make_server, rpc, rpc_stream

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
    CompareRequest,
    CompareResponse,
    ConfirmPullRequest,
    ConfirmPullResponse,
    DeleteRequest,
    DeleteResponse,
    DropRequest,
    DropResponse,
    ForwardRequest,
    ForwardResponse,
    GetRequest,
    GetResponse,
    HealthCheckRequest,
    HealthCheckResponse,
    HoldRequest,
    HoldResponse,
    LocateRequest,
    LocateResponse,
    PullDifferencesRequest,
    PullDifferencesResponse,
    PullRequest,
    PullResponse,
    PutRequest,
    PutResponse,
    ReplicateRequest,
    ReplicateResponse,
    ScanPartRequest,
    ScanPartResponse,
    ScanRequest,
    ScanResponse,
    StatusRequest,
    StatusResponse,
)
from demo_pb2_grpc import (
    KeyValueServicer,
    PeerServicer,
    add_KeyValueServicer_to_server,
    add_PeerServicer_to_server,
)

DEFAULT_CLUSTER = "localhost:50051,localhost:50052,localhost:50053"

Pages = AsyncGenerator[ScanResponse, None]

log = logging.getLogger("kvcluster")


class KeyValue(KeyValueServicer):
    """What clients call, and what peers call to copy writes and to see how we are."""

    def __init__(self, node: Node, activity: Activity, limits: Limits) -> None:
        self.node = node
        self.limits = limits
        self._activity = activity

    @rpc(budget="clients", writes=True)
    async def Put(self, request: PutRequest, deadline_s: float) -> PutResponse:
        """Store a value at every replica of the key; forward it if none is here."""
        response = await self.node.router.put(request, deadline_s)
        self._activity.put(request, response)
        return response

    @rpc(budget="clients")
    async def Get(self, request: GetRequest, deadline_s: float) -> GetResponse:
        """Read from memory; forward it if the key is not here, or what is here may be old."""
        return await self.node.router.get(request, deadline_s)

    @rpc(budget="clients", writes=True)
    async def Delete(self, request: DeleteRequest, deadline_s: float) -> DeleteResponse:
        """Write a tombstone at every replica, so that the delete cannot be undone."""
        response = await self.node.router.delete(request, deadline_s)
        self._activity.delete(request, response)
        return response

    @rpc(budget="clients", writes=True)
    async def Batch(self, request: BatchRequest, deadline_s: float) -> BatchResponse:
        """Many of these three in one call, each carried out where its key lives."""
        response = await self.node.router.batch(request, deadline_s)
        self._activity.batch(response)
        return response

    @rpc_stream(budget="scans")
    def Scan(self, request: ScanRequest, deadline_s: float) -> Pages:
        """Stream keys in order, from all the nodes that together hold every slot."""
        return self.node.scans.scan(request, deadline_s)

    @rpc(budget="health")
    async def CheckHealth(
        self, request: HealthCheckRequest, deadline_s: float
    ) -> HealthCheckResponse:
        """Say how this node is; to a peer, also what it must know (its heartbeat)."""
        return self.node.report.health(request)

    @rpc(budget="peers", writes=True)
    async def Replicate(self, request: ReplicateRequest, deadline_s: float) -> ReplicateResponse:
        """Store what another node coordinated, durably, then answer."""
        response = await self.node.replica.replicate(request, deadline_s)
        self._activity.replicate(request)
        return response

    @rpc(budget="health")
    async def Status(self, request: StatusRequest, deadline_s: float) -> StatusResponse:
        """Say everything that this node knows of itself and of the others."""
        return self.node.report.status()

    @rpc(budget="health")
    async def Locate(self, request: LocateRequest, deadline_s: float) -> LocateResponse:
        """Say where a key lives."""
        return self.node.report.locate(request)


class Peer(PeerServicer):
    """What peers call besides: forwarded requests, catching up, healing, tombstones."""

    def __init__(self, node: Node, activity: Activity, limits: Limits) -> None:
        self.node = node
        self.limits = limits
        self._activity = activity

    @rpc(budget="forwards", writes=True)
    async def Forward(self, request: ForwardRequest, deadline_s: float) -> ForwardResponse:
        """Carry out what a client asked of a node that cannot do it."""
        response = await self.node.router.carry_out(request, deadline_s)
        self._activity.forwarded(request, response)
        return response

    @rpc(budget="forwards")
    async def ScanPart(self, request: ScanPartRequest, deadline_s: float) -> ScanPartResponse:
        """Give a page of the keys that a peer does not hold."""
        return await self.node.scans.part(request)

    @rpc(budget="peers")
    async def Pull(self, request: PullRequest, deadline_s: float) -> PullResponse:
        """Give a page of what a peer missed."""
        return await self.node.pulls.pull(request)

    @rpc(budget="peers")
    async def ConfirmPull(
        self, request: ConfirmPullRequest, deadline_s: float
    ) -> ConfirmPullResponse:
        """Forget what the peer had missed: it has it now."""
        return await self.node.pulls.confirm(request)

    @rpc(budget="peers")
    async def Compare(self, request: CompareRequest, deadline_s: float) -> CompareResponse:
        """Say which slots differ here."""
        return await self.node.pulls.compare(request)

    @rpc(budget="peers")
    async def PullDifferences(
        self, request: PullDifferencesRequest, deadline_s: float
    ) -> PullDifferencesResponse:
        """Give a page of what a peer lacks."""
        return await self.node.pulls.differences(request)

    @rpc(budget="peers", writes=True)
    async def Hold(self, request: HoldRequest, deadline_s: float) -> HoldResponse:
        """Store entries of any age, durably, then answer."""
        return await self.node.replica.hold(request, deadline_s)

    @rpc(budget="peers", writes=True)
    async def Drop(self, request: DropRequest, deadline_s: float) -> DropResponse:
        """Forget tombstones that every replica holds."""
        return await self.node.replica.drop(request, deadline_s)


def main(arguments: list[str] | None = None) -> int:
    """Run one node until Ctrl+C; return the exit code."""
    options = parse_arguments(arguments, DEFAULT_CLUSTER)
    set_up_log(options.log_level)
    try:
        settings = with_overrides(Settings(), options.set)
        members = parse_members(options.cluster)
        name = find_self(members, options.port, options.host)
        cluster = Cluster(members, name, check_replicas(options.replicas, members))
        host = options.host or split_address(name)[0]
        addresses = addresses_of(host, options.port)
        node = Node(
            cluster,
            options.data_dir,
            settings,
            fsync=options.fsync == "always",
            salvage=options.salvage,
        )
        node.open()
        return asyncio.run(run(node, addresses))
    except CannotStart as error:
        print(f"server.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


async def run(node: Node, addresses: list[str]) -> int:
    """Serve until told to stop or until the disk fails; return the exit code."""
    raise_file_limit()
    stop = stop_on_signals()
    activity = Activity(node.cluster.self_name, node.settings)
    limits = Limits.of(node.settings)
    await node.start(Channels(node.cluster.peers, node.settings))
    server = make_server(node.settings, addresses)
    add_KeyValueServicer_to_server(KeyValue(node, activity, limits), Registrar(server))
    add_PeerServicer_to_server(Peer(node, activity, limits), Registrar(server))
    await server.start()
    say_hello(node, addresses)
    node.meet_peers()
    summary = asyncio.create_task(activity.summarize())
    await asyncio.wait([stop, node.failed], return_when=asyncio.FIRST_COMPLETED)
    if node.failed.done():
        say_why_failed(node.failed.exception())
        os._exit(1)  # nothing that could still write may run: what is on disk is unknown
    log.info("STOP  finishing what is in flight (Ctrl+C again ends at once)")
    await node.drain()
    await server.stop(node.settings.drain_timeout_s)
    summary.cancel()
    await node.stop()
    if node.failed.done():
        say_why_failed(node.failed.exception())
        return 1
    if node.store.checkpoint_error:
        log.warning("STOP  %s; what it lacks is in the journal", node.store.checkpoint_error)
    else:
        log.info("STOP  %s is complete; goodbye", node.store.path.name)
    return 0


def say_hello(node: Node, addresses: list[str]) -> None:
    """Tell the person in front of the terminal what runs here."""
    log.info("NODE  %s listens on %s", node.cluster.self_name, ", ".join(addresses))
    log.info("NODE  its peers are %s", ", ".join(node.cluster.peers) or "none")
    log.info(
        "NODE  each key is on %d of %d nodes, %s of 4,096 slots are here",
        node.cluster.replicas,
        len(node.cluster.members),
        f"{len(node.home.held):,}",
    )
    log.info("NODE  its data is in %s, keys: %s", node.store.path, f"{node.store.table.live:,}")
    if not node.store.fsync:
        log.warning("NODE  --fsync never: a power cut may take acknowledged writes")


def say_why_failed(error: BaseException | None) -> None:
    """A broken disk is told in a sentence; anything else is our bug, with its traceback."""
    trace = None if isinstance(error, DiskFailed) else error
    log.critical("STOP  %s; this node stops at once", error, exc_info=trace)


if __name__ == "__main__":
    raise SystemExit(main())
