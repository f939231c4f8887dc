"""A fake cluster: real gRPC on real sockets, and nodes that do as they are told.

The nodes share one dict, so replication is perfect until a test says otherwise: a node may fail a
call with any status, stay silent, count too few replicas, or forget what it was given.

What they say of each other is what `peers` says; no node looks at another.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from typing import Any

import grpc

from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.wire.error_info import Told, trailer_of
from tests.client.fake_scan import FakeScan

from demo_pb2 import (
    SERVING,
    BatchRequest,
    BatchResponse,
    Configuration,
    DeleteRequest,
    DeleteResponse,
    Failure,
    GetRequest,
    GetResponse,
    HealthCheckRequest,
    HealthCheckResponse,
    LocateRequest,
    LocateResponse,
    MemberStatus,
    Operation,
    PeerState,
    PutManyRequest,
    PutManyResponse,
    PutRequest,
    PutResponse,
    Result,
    ScanRequest,
    ScanResponse,
    StatusRequest,
    StatusResponse,
)
from demo_pb2_grpc import KeyValueServicer, add_KeyValueServicer_to_server

_PATIENCE_S = 10.0
"""Longer than any test; a handler that hangs ends by `FakeNode.release`."""
LOST = Failure(code=13, message="a replica may have it", reason="OUTCOME_UNKNOWN")
"""A refusal that leaves open what was written."""
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_numbers = itertools.count(1)


def new_version() -> bytes:
    """A version that is newer than any before."""
    return next(_numbers).to_bytes(12, "big")


class FakeNode(KeyValueServicer):
    """One node. Set its attributes to have it misbehave."""

    def __init__(self, store: dict[str, str]) -> None:
        self.store = store
        self.status: int = SERVING
        self.reason = ""
        self.peers: dict[str, int] = {}
        self.lagging: set[str] = set()
        """Those of the peers that it calls lagging."""
        self.extra = StatusResponse()
        """Whatever else it says in Status: what is set here is added."""
        self.extra_health = HealthCheckResponse()
        self.homes: list[str] = []
        """The replicas of every key, the primary first; empty: this node alone."""
        self.forwards_to = ""
        """Who it says has served a request, if it was not this node."""
        self.replicas = self.acknowledged = 3
        self.failures: dict[str, tuple[grpc.StatusCode, str] | Failure] = {}
        """By method: fail with this status and these details, as gRPC itself does; or as a node."""
        self.hangs: set[str] = set()
        """Methods that do not answer, until `release` is set."""
        self.refuses: dict[str, list[Failure]] = {}
        """By key: how the next operations on it end, however they travel."""
        self.batch_limit = 1024
        self.columns_limit = 4096
        self.scan = FakeScan()
        self.written: list[tuple[str, str]] = []
        """Every put that it carried out, in its order."""
        self.batches: list[int] = []
        """How many operations each Batch had."""
        self.cut_results = False
        """Leave the last result out of a Batch's answer."""
        self.forgetful = False
        self.on_health: Callable[[], object] = lambda: None
        self.on_status: Callable[[], object] = lambda: None
        self.streams_refused = 0
        """It is an older node, and knows no streams of calls."""
        self.knows_columns = False
        """Nor PutMany, unless a test says so."""
        self.columns_refused = 0
        self.calls: list[str] = []
        self.callers: set[str] = set()
        """Where calls came from: one for each connection."""
        self.arrived = threading.Event()
        """Set when a call that hangs has arrived."""
        self.on_hang: Callable[[], object] = lambda: None
        self.release = threading.Event()
        options = [("grpc.max_receive_message_length", -1)]
        self._server = grpc.server(futures.ThreadPoolExecutor(8), options=options)
        add_KeyValueServicer_to_server(self, self._server)
        # Of this worker's own: where a node was lost, no other test's node may come up and answer.
        self.address = f"localhost:{free_ports(1)[0]}"
        self._server.add_insecure_port(self.address)
        self.name = self.address
        self._server.start()

    def stop(self) -> None:
        """Stop listening; calls in flight break."""
        self.release.set()
        self._server.stop(None).wait()

    def Put(self, request: PutRequest, context: Any) -> PutResponse:
        """Store, unless told otherwise."""
        self._take("Put", context, request.key)
        return self._put(request)

    def Get(self, request: GetRequest, context: Any) -> GetResponse:
        """Read the shared dict."""
        self._take("Get", context, request.key)
        return self._get(request)

    def Delete(self, request: DeleteRequest, context: Any) -> DeleteResponse:
        """Remove from the shared dict."""
        self._take("Delete", context, request.key)
        return self._delete(request)

    def Batch(self, request: BatchRequest, context: Any) -> BatchResponse:
        """Each operation as if it had come alone."""
        self._take("Batch", context)
        self.batches.append(len(request.operations))
        if len(request.operations) > self.batch_limit:
            text = f"the batch has {len(request.operations)} operations, allowed are fewer"
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
        results = [self._result(it) for it in request.operations]
        return BatchResponse(results=results[:-1] if self.cut_results else results)

    def PutMany(self, request: PutManyRequest, context: Any) -> PutManyResponse:
        """Each put as if it had come alone."""
        if not self.knows_columns:
            self.columns_refused += 1
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        self._take("PutMany", context)
        block = request.block
        if len(block.keys) > self.columns_limit:
            text = f"the block has {len(block.keys)} puts, allowed are fewer"
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
        columns = zip(block.keys, block.values, strict=True)
        puts = [PutRequest(key=key, value=value) for key, value in columns]
        answer = PutManyResponse(
            first_version=b"" if self.cut_results else new_version(),
            replicas=self.replicas,
            acknowledged=self.acknowledged,
            served_by=self._served_by,
        )
        for place, put in enumerate(puts):
            result = self._result(Operation(put=put))
            if result.HasField("failure"):
                answer.exceptions.add(place=place, result=result)
        return answer

    def Calls(self, _: object, context: Any) -> None:
        """What an older node says to a method that it does not know."""
        self.streams_refused += 1
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")

    def Scan(self, request: ScanRequest, context: Any) -> Iterator[ScanResponse]:
        """The shared dict, in pages."""
        self._take("Scan", context)
        yield from self.scan.pages(self.store, request, context)

    def CheckHealth(self, request: HealthCheckRequest, context: Any) -> HealthCheckResponse:
        """Say what the test wants to hear."""
        self._take("CheckHealth", context)
        self.on_health()
        answer = HealthCheckResponse(
            status=self.status,  # type: ignore[arg-type]  # also numbers of a later version
            node=self.name,
            keys=len(self.store),
            reason=self.reason,
            peers=[self._peer(name) for name in self.peers],
        )
        answer.MergeFrom(self.extra_health)
        return answer

    def Status(self, request: StatusRequest, context: Any) -> StatusResponse:
        """Say the same as CheckHealth, and more."""
        self._take("Status", context)
        self.on_status()
        members = sorted([self.name, *self.peers])
        answer = StatusResponse(
            node=self.name,
            status=self.status,  # type: ignore[arg-type]
            reason=self.reason,
            configuration=Configuration(members=members, replicas=self.replicas, slots=4096),
            keys=len(self.store),
            members=[MemberStatus(state=self._peer(name), since_s=12) for name in self.peers],
            fsync=True,
        )
        answer.MergeFrom(self.extra)
        return answer

    def Locate(self, request: LocateRequest, context: Any) -> LocateResponse:
        """Name the homes, the same for every key."""
        self._take("Locate", context)
        homes = self.homes or [self.name]
        return LocateResponse(
            slot=1234, node=self.name, replicas=[self._peer(name) for name in homes]
        )

    @property
    def _served_by(self) -> str:
        return self.forwards_to or self.name

    def _peer(self, name: str) -> PeerState:
        state = self.peers.get(name, PeerState.ALIVE)
        lagging = name in self.lagging
        return PeerState(node=name, state=state, lagging=lagging)  # type: ignore[arg-type]

    def _put(self, request: PutRequest) -> PutResponse:
        if not self.forgetful:
            self.store[request.key] = request.value
            self.written.append((request.key, request.value))
        return PutResponse(
            version=new_version(),
            replicas=self.replicas,
            acknowledged=self.acknowledged,
            served_by=self._served_by,
        )

    def _get(self, request: GetRequest) -> GetResponse:
        value = self.store.get(request.key)
        return GetResponse(found=value is not None, value=value or "", served_by=self._served_by)

    def _delete(self, request: DeleteRequest) -> DeleteResponse:
        return DeleteResponse(
            found=self.store.pop(request.key, None) is not None,
            replicas=self.replicas,
            acknowledged=self.acknowledged,
            served_by=self._served_by,
        )

    def _result(self, operation: Operation) -> Result:
        kind = operation.WhichOneof("operation")
        assert kind is not None
        request = getattr(operation, kind)
        if refusals := self.refuses.get(request.key):
            return Result(failure=refusals.pop(0))
        answer = getattr(self, f"_{kind}")(request)
        return Result(**{kind: answer})

    def _take(self, method: str, context: Any, key: str = "") -> None:
        self.calls.append(method)
        self.callers.add(context.peer())
        if method in self.hangs:
            self.arrived.set()
            self.on_hang()
            self.release.wait(_PATIENCE_S)
        failure = self.failures.get(method)
        if isinstance(failure, Failure):
            _refuse(context, failure)
        elif failure is not None:
            context.abort(*failure)
        if refusals := self.refuses.get(key):
            _refuse(context, refusals.pop(0))


def _refuse(context: Any, failure: Failure) -> None:
    """Fail a call as a node does, which says beside the status what it did."""
    told = Told(failure.reason, failure.nothing_written, failure.value_limit_bytes, failure.version)
    context.set_trailing_metadata(trailer_of(failure.code, failure.message, told))
    context.abort(_CODES[failure.code], failure.message)


class FakeCluster:
    """Nodes that share a dict and know each other to be alive."""

    def __init__(self, count: int) -> None:
        self.store: dict[str, str] = {}
        self.arrived = threading.Event()
        """Set when a call that hangs has arrived at any node."""
        self.nodes = self._nodes(count)
        for node in self.nodes:
            node.peers = {n.name: PeerState.ALIVE for n in self.nodes if n is not node}
            node.homes = [n.name for n in self.nodes]
            node.on_hang = self.arrived.set

    def _nodes(self, count: int) -> Sequence[FakeNode]:
        return [FakeNode(self.store) for _ in range(count)]

    @property
    def members(self) -> str:
        """The value of --cluster."""
        return ",".join(self.addresses)

    @property
    def addresses(self) -> Sequence[str]:
        """The addresses of the nodes, in order."""
        return [node.address for node in self.nodes]

    def hang(self, *methods: str) -> None:
        """From now on no node answers calls of these methods."""
        for node in self.nodes:
            node.hangs = set(methods)

    def release(self) -> None:
        """Calls that hang go on."""
        for node in self.nodes:
            node.release.set()

    def lose(self, number: int) -> str:
        """Stop a node; the others know. Returns its address."""
        lost = self.nodes[number]
        lost.stop()
        for node in self.nodes:
            if node is not lost:
                node.peers[lost.name] = PeerState.DEAD
            node.acknowledged -= 1
        return lost.address

    def close(self) -> None:
        """Stop every node."""
        for node in self.nodes:
            node.stop()
