"""A peer that is none: it listens under a member's name, and answers what a test wants, as bytes.

Left alone it is honest: a node that holds nothing, takes everything, and owes nothing. A test puts
an `Answer` of its own over any method, and gets to see what the node under test makes of it.

Several fake peers share one `Script`, so that a node among them hears the same from all.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any

import grpc
from google.protobuf.message import Message

from kvcluster.model.slots import SLOTS

from demo_pb2 import (
    SERVING,
    BatchResponse,
    CompareResponse,
    Configuration,
    ConfirmPullResponse,
    DeleteResponse,
    DropResponse,
    Entry,
    ForwardRequest,
    ForwardResponse,
    GetResponse,
    HealthCheckRequest,
    HealthCheckResponse,
    Heartbeat,
    HoldResponse,
    PeerState,
    PrepareRequest,
    PrepareResponse,
    PullDifferencesResponse,
    PullResponse,
    PutResponse,
    ReadRequest,
    ReadResponse,
    ReplicateResponse,
    Result,
    ScanPartResponse,
)

Answer = Callable[[str, bytes], Message | bytes]
"""What a peer of this name answers to a request: a message, or any bytes."""
METHODS = [
    "CheckHealth",
    "Replicate",
    "Forward",
    "ScanPart",
    "Pull",
    "ConfirmPull",
    "Compare",
    "PullDifferences",
    "Read",
    "Prepare",
    "Hold",
    "Drop",
]
"""All that a node asks its peers."""


def clock() -> int:
    """The hybrid time now."""
    return time.time_ns() // 1_000_000 << 16


def version(ahead_s: float = 0.0) -> bytes:
    """A version from so far ahead of now."""
    return (clock() + (int(ahead_s * 1000) << 16)).to_bytes(8, "big") + bytes(4)


def in_turn(*answers: Message | bytes) -> Answer:
    """One answer after the other, and from the beginning again."""
    turns = itertools.cycle(answers)
    return lambda name, request: next(turns)


class Script:
    """What fake peers answer, and what they were asked."""

    def __init__(self, members: Sequence[str], replicas: int) -> None:
        self._configuration = Configuration(members=sorted(members), replicas=replicas, slots=SLOTS)
        self._lock = threading.Lock()
        self.answers: dict[str, Answer] = {}
        """What a test wants, by method; the rest is honest."""
        self.asked: Counter[str] = Counter()
        """How often each method was called."""

    def answer(self, name: str, method: str, request: bytes) -> bytes:
        """The answer of one peer."""
        with self._lock:
            self.asked[method] += 1
            answer = self.answers.get(method, getattr(self, f"_{method}", None))
            assert answer, f"nobody should call {method}"
            said = answer(name, request)
        return said if isinstance(said, bytes) else said.SerializeToString()

    def health(self, name: str, *, missed_since: bytes = b"", **odd: Any) -> HealthCheckResponse:
        """An honest heartbeat in answer; `odd`: fields of it that are not."""
        told: dict[str, Any] = {
            "node": name,
            "incarnation": 1,
            "clock": clock(),
            "status": SERVING,
            "missed_since": missed_since,
            "configuration": self._configuration,
            "decides": True,
            "votes": True,
            "undecided": True,
            "noted": True,
        }
        peers = [
            PeerState(node=each, state=PeerState.ALIVE) for each in self._configuration.members
        ]
        return HealthCheckResponse(
            status=SERVING, node=name, peers=peers, responder=Heartbeat(**{**told, **odd})
        )

    def _CheckHealth(self, name: str, request: bytes) -> HealthCheckResponse:
        HealthCheckRequest.FromString(request)
        return self.health(name)

    def _Replicate(self, name: str, request: bytes) -> ReplicateResponse:
        return ReplicateResponse(clock=clock(), votes=True)

    def _Forward(self, name: str, request: bytes) -> ForwardResponse:
        forwarded = ForwardRequest.FromString(request)
        operation = forwarded.WhichOneof("operation") or ""
        if operation == "batch":
            kinds = [each.WhichOneof("operation") or "" for each in forwarded.batch.operations]
            results = [Result(**{kind: _done(kind, name)}) for kind in kinds]
            return ForwardResponse(clock=clock(), batch=BatchResponse(results=results))
        return ForwardResponse(clock=clock(), **{operation: _done(operation, name)})

    def _ScanPart(self, name: str, request: bytes) -> ScanPartResponse:
        return ScanPartResponse(clock=clock())

    def _Pull(self, name: str, request: bytes) -> PullResponse:
        return PullResponse(clock=clock())

    def _ConfirmPull(self, name: str, request: bytes) -> ConfirmPullResponse:
        return ConfirmPullResponse(clock=clock())

    def _Compare(self, name: str, request: bytes) -> CompareResponse:
        return CompareResponse(clock=clock())

    def _PullDifferences(self, name: str, request: bytes) -> PullDifferencesResponse:
        return PullDifferencesResponse(clock=clock())

    def _Read(self, name: str, request: bytes) -> ReadResponse:
        keys = ReadRequest.FromString(request).keys
        return ReadResponse(clock=clock(), votes=True, entries=[Entry() for _ in keys])

    def _Prepare(self, name: str, request: bytes) -> PrepareResponse:
        promises = PrepareRequest.FromString(request).promises
        return PrepareResponse(clock=clock(), votes=True, entries=[Entry() for _ in promises])

    def _Hold(self, name: str, request: bytes) -> HoldResponse:
        return HoldResponse(clock=clock(), incarnation=1)

    def _Drop(self, name: str, request: bytes) -> DropResponse:
        return DropResponse(clock=clock())


def _done(operation: str, name: str) -> Any:
    """What a node says that has carried it out."""
    done: dict[str, Any] = {"version": version(), "replicas": 2, "acknowledged": 2}
    if operation == "get":
        return GetResponse(served_by=name)
    answer = PutResponse if operation == "put" else DeleteResponse
    return answer(served_by=name, **done)


class FakePeer(grpc.GenericRpcHandler):
    """One of them, listening."""

    def __init__(self, name: str, script: Script) -> None:
        self._name = name
        self._script = script
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._server = grpc.server(futures.ThreadPoolExecutor(8), options=options)
        self._server.add_generic_rpc_handlers((self,))
        self._server.add_insecure_port(name)
        self._server.start()

    def service(self, handler_call_details: Any) -> Any:
        """Take every call there is, and its bytes as they are."""
        method = handler_call_details.method.rsplit("/", 1)[-1]

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            return self._script.answer(self._name, method, request)

        return grpc.unary_unary_rpc_method_handler(answer)

    def close(self) -> None:
        """Listen no more."""
        self._server.stop(0).wait(10)
