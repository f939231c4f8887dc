"""The router: who carries out a client's operation, this node or another?

A node that holds a replica of the key does it itself. Any other node forwards it to the primary, or
to the next live replica when the primary is down. A node that is catching up forwards reads, too:
its own data may be old. Where no replica can answer a read yet, it waits for the first that can.

One hop at most: a forwarded operation is carried out where it arrives, or refused there
(`carry_out`), and this node asks the next replica.

**A write that may have been delivered is not sent again.** The second one could land over another
client's newer write. So after a broken connection or silence the outcome is unknown, and the
client is told so. A refusal, or a connection that never came about, is certain: the next replica
is asked. A read may be asked of everybody, any number of times.

What a node answers passes through as it is, its errors included (errors.py, `by_name`).
"""

from __future__ import annotations

import asyncio

from kvcluster.cluster.answers import delete_response, get_response, put_response
from kvcluster.cluster.arguments import check_key, check_value
from kvcluster.cluster.coordinator import Coordinator
from kvcluster.cluster.envelope import Envelope
from kvcluster.cluster.gate import Gate
from kvcluster.cluster.peers import Peers
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.cluster.transport import Transport
from kvcluster.cluster.waiting import unless
from kvcluster.config import Settings
from kvcluster.errors import (
    BadRequest,
    ConnectionLost,
    HeldBack,
    KvError,
    NoReplica,
    NothingWritten,
    NotReady,
    OutcomeUnknown,
    PeerBroke,
    PeerRefused,
    PeerRejected,
    PeerSilent,
    PeerUnavailable,
    PeerUnreachable,
    TimedOut,
)
from kvcluster.model.slots import Home, slot_of

from demo_pb2 import (
    DeleteRequest,
    DeleteResponse,
    ForwardRequest,
    ForwardResponse,
    GetRequest,
    GetResponse,
    PutRequest,
    PutResponse,
)


class Router:
    """Puts, gets and deletes for clients. Deadlines are times of the event loop's clock."""

    def __init__(
        self,
        home: Home,
        coordinator: Coordinator,
        gate: Gate,
        peers: Peers,
        transport: Transport,
        *,
        envelope: Envelope,
        time: Timekeeper,
        settings: Settings,
    ) -> None:
        self._home = home
        self._name = home.name
        self._held = home.held
        self._coordinator = coordinator
        self._gate = gate
        self._peers = peers
        self._transport = transport
        self._envelope = envelope
        self._time = time
        self._settings = settings

    async def put(self, request: PutRequest, deadline_s: float) -> PutResponse:
        """Store a value. Raises BadRequest, NotReady, DiskIsFull, OutcomeUnknown."""
        check_key(request.key, self._settings)
        check_value(request.value, self._settings)
        slot = slot_of(request.key)
        if slot not in self._held:
            return (await self._forward(slot, ForwardRequest(put=request), deadline_s)).put
        written = await self._coordinator.put(request.key, request.value, deadline_s)
        return put_response(written, self._name)

    async def delete(self, request: DeleteRequest, deadline_s: float) -> DeleteResponse:
        """Remove a key. Raises as `put` does."""
        check_key(request.key, self._settings)
        slot = slot_of(request.key)
        if slot not in self._held:
            return (await self._forward(slot, ForwardRequest(delete=request), deadline_s)).delete
        found, written = await self._coordinator.delete(request.key, deadline_s)
        return delete_response(found, written, self._name)

    async def get(self, request: GetRequest, deadline_s: float) -> GetResponse:
        """Read a key. Raises BadRequest, NotReady."""
        check_key(request.key, self._settings)
        slot = slot_of(request.key)
        if slot in self._held and self._gate.readable:
            return self._read(request.key)
        answer = await self._forward(slot, ForwardRequest(get=request), deadline_s)
        return answer.get

    async def carry_out(self, request: ForwardRequest, deadline_s: float) -> ForwardResponse:
        """Do what another node forwarded, here or not at all. Raises as those above do."""
        self._envelope.check(request)
        operation = request.WhichOneof("operation")
        if operation is None:
            raise BadRequest("a forwarded request without an operation")
        if slot_of(getattr(request, operation).key) not in self._held:
            raise PeerRefused(f"{self._name} holds no replica of the key")
        response = ForwardResponse()
        if operation == "get":
            self._gate.refuse_unless_readable()
            response.get.CopyFrom(await self.get(request.get, deadline_s))
        elif operation == "put":
            self._gate.refuse_unless_writable()
            response.put.CopyFrom(await self.put(request.put, deadline_s))
        else:
            self._gate.refuse_unless_writable()
            response.delete.CopyFrom(await self.delete(request.delete, deadline_s))
        response.clock = self._time.now()
        return response

    async def _forward(
        self, slot: int, request: ForwardRequest, deadline_s: float
    ) -> ForwardResponse:
        """Have the first replica that can do it do it; wait for one that soon can."""
        reads = request.HasField("get")
        loop = asyncio.get_running_loop()
        await self._gate.until_writable(deadline_s)  # until then nobody knows who is alive
        while True:
            if reads and slot in self._held and self._gate.readable:
                return ForwardResponse(get=self._read(request.get.key))
            answer = await self._ask_each(slot, request, deadline_s)
            if isinstance(answer, ForwardResponse):
                return answer
            rest_s = min(self._settings.forward_retry_s, deadline_s - loop.time())
            if rest_s <= 0 or not _may_pass(answer, waits_here=slot in self._held):
                raise answer
            await self._gate.until_changed(loop.time() + rest_s)
            self._gate.refuse_if_draining()

    async def _ask_each(
        self, slot: int, request: ForwardRequest, deadline_s: float
    ) -> ForwardResponse | KvError:
        """The answer of the first replica that gives one, or why none does."""
        names = self._candidates(slot, reads=request.HasField("get"))
        why: KvError = NoReplica(self._who_is_missing(slot))
        for name in names:
            try:
                return await self._ask(name, request, deadline_s, last=name == names[-1])
            except NothingWritten as error:
                if isinstance(error, BadRequest):
                    raise
                why = error
        return why

    async def _ask(
        self, name: str, request: ForwardRequest, deadline_s: float, *, last: bool
    ) -> ForwardResponse:
        """One replica. Raises NothingWritten if another may be asked instead."""
        reads = request.HasField("get")
        timeout_s = deadline_s - asyncio.get_running_loop().time()
        if reads and not last:
            timeout_s = min(timeout_s, self._settings.read_forward_timeout_s)
        call = self._transport.forward(name, self._envelope.stamp(request), timeout_s)
        try:
            response = await unless(self._peers[name].silence, call)
            self._believe(name, request, response)
        except PeerUnavailable as error:
            if isinstance(error, PeerUnreachable):
                self._peers.refused(name, str(error))
            raise _meaning(name, error, reads=reads) from error
        return response

    def _believe(self, name: str, request: ForwardRequest, response: ForwardResponse) -> None:
        """Take an answer, or raise PeerRejected: what was asked may have been done all the same."""
        try:
            self._time.accept(name, response.clock, stale_is_fine=True)
        except PeerRefused as error:
            raise PeerRejected(OutcomeUnknown(f"{error}; the write may have happened")) from error
        if response.WhichOneof("answer") != request.WhichOneof("operation"):
            why = f"{name} answered something else; the write may have happened"
            raise PeerRejected(OutcomeUnknown(why))

    def _candidates(self, slot: int, *, reads: bool) -> list[str]:
        """The live replicas of a slot other than this node, the most promising first."""
        others = self._home.others(slot)
        alive = [self._peers[name] for name in others if self._peers[name].alive]
        if reads:
            ranked = sorted(alive, key=lambda peer: not peer.serves_reads)
        else:
            ranked = sorted(alive, key=lambda peer: peer.lagging)
        return [peer.name for peer in ranked]

    def _who_is_missing(self, slot: int) -> str:
        names = self._home.others(slot)
        states = [f"{name} is {self._peers[name].detector.state.value}" for name in names]
        if slot in self._held:
            return f"this node is {self._gate.status.value}, and no other replica can answer"
        return f"no replica of the key can be reached: {', '.join(states)}"

    def _read(self, key: str) -> GetResponse:
        return get_response(self._coordinator.get(key), self._name)


def _meaning(name: str, error: PeerUnavailable, *, reads: bool) -> KvError:
    """What a failed call to a replica means: ask the next one (NothingWritten), or not."""
    if isinstance(error, PeerRejected) and not reads:
        return error.reason
    if isinstance(error, PeerRejected) and isinstance(error.reason, NothingWritten):
        return error.reason
    certain = isinstance(error, PeerUnreachable) and not isinstance(error, PeerBroke)
    if certain or reads:
        return NoReplica(f"{name} cannot be reached ({error})")
    if isinstance(error, PeerSilent):
        return TimedOut(f"{name} did not answer in time; the write may have happened")
    return ConnectionLost(f"{name} went away before it answered; the write may have happened")


def _may_pass(why: KvError, *, waits_here: bool) -> bool:
    """Whether it is worth to wait: a replica is there and not ready, or this node will be.

    Or this node has not heard yet that a replica's clock jumped, and seems to speak from the past.
    """
    if isinstance(why, HeldBack):
        return True
    return waits_here or (isinstance(why, NotReady) and not isinstance(why, NoReplica))
