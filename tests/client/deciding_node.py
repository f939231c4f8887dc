"""Fake nodes that decide: conditions, linearizable reads and lives, on one shared dict.

What real nodes do by majority is done here under a lock, in one step, so that what a program sees
of it can be tested without them: mismatches that are answers, times that a test sets, outcomes
that nobody knows, nodes that are too old. A key expires by `Shelf.now_ms`, for a plain read at
once, for a condition two seconds later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.client.fake_node import FakeCluster, FakeNode, new_version

from demo_pb2 import (
    Condition,
    DeleteRequest,
    DeleteResponse,
    Failure,
    GetRequest,
    GetResponse,
    HealthCheckResponse,
    Mismatch,
    Operation,
    PutRequest,
    PutResponse,
    Result,
)

LINGERS_MS = 2_000


@dataclass
class Shelf:
    """What all the nodes hold together, beside the values in their dict."""

    versions: dict[str, bytes] = field(default_factory=dict)
    expiries: dict[str, int] = field(default_factory=dict)
    ahead_ms: int = 0
    """How far a test has moved the clock."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    unknown: dict[str, list[bool]] = field(default_factory=dict)
    """By key: nobody shall know how the next writes of it ended. True: they are done."""
    before_write: Callable[[str], None] = lambda _: None
    """Called with the key of a write that comes, for somebody to be first."""

    @property
    def now_ms(self) -> int:
        """The time by which keys expire."""
        return round(time.time() * 1000) + self.ahead_ms


class DecidingNode(FakeNode):
    """One of these nodes. `decides`: it says so."""

    def __init__(self, store: dict[str, str], shelf: Shelf) -> None:
        self.shelf = shelf
        self.linearizable: list[str] = []
        """Keys that were read so."""
        self.conditions: list[tuple[str, Condition]] = []
        """Those that came, with their keys."""
        super().__init__(store)
        self.scan.expiries = shelf.expiries
        self.decides = True
        self.too_old: list[str] = []

    @property
    def decides(self) -> bool:
        """Whether it says that it, and all the others, know all of this."""
        return bool(self.extra_health.decides)

    @decides.setter
    def decides(self, decides: bool) -> None:
        self.extra_health.decides = decides

    @property
    def too_old(self) -> Sequence[str]:
        """Members of which it does not know that."""
        return list(self.extra_health.too_old)

    @too_old.setter
    def too_old(self, names: Sequence[str]) -> None:
        self.extra_health = HealthCheckResponse(decides=self.decides and not names, too_old=names)

    def _put(self, request: PutRequest) -> PutResponse:
        shelf = self.shelf
        shelf.before_write(request.key)
        with shelf.lock:
            if mismatch := self._mismatch(request):
                return PutResponse(mismatch=mismatch)
            answer = super()._put(request)
            shelf.versions[request.key] = answer.version
            life = request.WhichOneof("life")
            expires_ms = request.expires_ms
            if life == "ttl_ms":
                expires_ms = shelf.now_ms + request.ttl_ms
            shelf.expiries.pop(request.key, None)
            if life is not None and expires_ms:
                shelf.expiries[request.key] = expires_ms
            return answer

    def _delete(self, request: DeleteRequest) -> DeleteResponse:
        self.shelf.before_write(request.key)
        with self.shelf.lock:
            if mismatch := self._mismatch(request):
                return DeleteResponse(mismatch=mismatch)
            self._expire(request.key)
            answer = super()._delete(request)
            answer.version = self.shelf.versions[request.key] = new_version()
            self.shelf.expiries.pop(request.key, None)
            return answer

    def _get(self, request: GetRequest) -> GetResponse:
        with self.shelf.lock:
            if request.linearizable:
                self.linearizable.append(request.key)
            expires_ms = self.shelf.expiries.get(request.key, 0)
            answer = super()._get(request)
            if 0 < expires_ms <= self.shelf.now_ms:
                answer = GetResponse(served_by=answer.served_by)
            answer.version = self.shelf.versions.get(request.key, b"")
            answer.expires_ms = expires_ms if answer.found else 0
            return answer

    def _result(self, operation: Operation) -> Result:
        kind = operation.WhichOneof("operation")
        assert kind is not None
        request = getattr(operation, kind)
        if failure := self._unknown(request):
            return Result(failure=failure)
        return super()._result(operation)

    def Put(self, request: PutRequest, context: object) -> PutResponse:
        """Store, unless told otherwise."""
        self._fail_if_unknown(request)
        return super().Put(request, context)

    def Delete(self, request: DeleteRequest, context: object) -> DeleteResponse:
        """Remove, unless told otherwise."""
        self._fail_if_unknown(request)
        return super().Delete(request, context)

    def _fail_if_unknown(self, request: PutRequest | DeleteRequest) -> None:
        if failure := self._unknown(request):
            self.refuses.setdefault(request.key, []).insert(0, failure)

    def _unknown(self, request: PutRequest | DeleteRequest | GetRequest) -> Failure | None:
        """What is told of a write of which nobody shall know how it ended."""
        ends = self.shelf.unknown.get(request.key)
        if isinstance(request, GetRequest) or not ends:
            return None
        version = new_version()
        if ends.pop(0):
            answer = (
                self._put(request) if isinstance(request, PutRequest) else self._delete(request)
            )
            version = answer.version
        text = "a majority may have it"
        return Failure(code=13, message=text, reason="OUTCOME_UNKNOWN", version=version)

    def _mismatch(self, request: PutRequest | DeleteRequest) -> Mismatch | None:
        """What is there, where a condition does not hold."""
        if not request.HasField("condition"):
            self._expire(request.key)
            return None
        self.conditions.append((request.key, request.condition))
        self._expire(request.key, LINGERS_MS)
        value, version = self.store.get(request.key), self.shelf.versions.get(request.key, b"")
        if _holds(request.condition, value, version):
            return None
        expires_ms = self.shelf.expiries.get(request.key, 0)
        return Mismatch(
            found=value is not None, value=value or "", version=version, expires_ms=expires_ms
        )

    def _expire(self, key: str, lingers_ms: int = 0) -> None:
        """Take a key away whose time is over. A condition that lingers does not bring it back."""
        if 0 < self.shelf.expiries.get(key, 0) <= self.shelf.now_ms - lingers_ms:
            self.store.pop(key, None)
            del self.shelf.expiries[key]


def _holds(condition: Condition, value: str | None, version: bytes) -> bool:
    match condition.WhichOneof("holds"):
        case "absent":
            return value is None
        case "exists":
            return value is not None
        case "version":
            return value is not None and version == condition.version
        case "value":
            return value == condition.value
        case _:
            return True


class DecidingCluster(FakeCluster):
    """Nodes that share a dict and a shelf."""

    def __init__(self, count: int) -> None:
        self.shelf = Shelf()
        self.deciding: list[DecidingNode] = []
        super().__init__(count)

    def _nodes(self, count: int) -> Sequence[FakeNode]:
        self.deciding = [DecidingNode(self.store, self.shelf) for _ in range(count)]
        return self.deciding

    def pass_s(self, seconds: float) -> None:
        """Let so much time pass, for what expires."""
        self.shelf.ahead_ms += round(seconds * 1000)

    def grow_old(self, decides: bool, *too_old: str) -> None:
        """Have every node say this of itself and of others."""
        for node in self.deciding:
            node.decides = decides
            node.too_old = list(too_old)

    def calls(self) -> list[str]:
        """Every call that any node got, knocks left out."""
        return [call for node in self.nodes for call in node.calls if call != "CheckHealth"]
