"""The router: who carries out a client's operation, this node or another?

A node that holds a replica of the key does it itself. Any other node forwards it to the primary, or
to the next live replica when the primary is down (forwarding.py). A node that is catching up
forwards reads, too: its own data may be old. Where no replica can answer a read yet, it waits for
the first that can.

Batches are split among nodes in batches.py, by the same rules.
"""

from __future__ import annotations

from kvcluster.cluster.answers import (
    delete_response,
    get_response,
    put_response,
    refuse_if_too_large,
)
from kvcluster.cluster.arguments import check_key, check_value
from kvcluster.cluster.batches import Batches, writes
from kvcluster.cluster.coordinator import Coordinator
from kvcluster.cluster.forwarding import Forwarding, may_ask_next
from kvcluster.cluster.ground import Ground
from kvcluster.errors import BadRequest, KvError, PeerRefused
from kvcluster.model.entry import value_of
from kvcluster.model.slots import slot_of

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
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
    """Puts, gets, deletes, batches for clients. Deadlines are times of the event loop's clock."""

    def __init__(self, ground: Ground, coordinator: Coordinator, forwarding: Forwarding) -> None:
        self._membership = ground.membership
        self._settings = ground.settings
        self._time = ground.time
        self._gate = ground.gate
        self._envelope = ground.envelope
        self._coordinator = coordinator
        self._forwarding = forwarding
        self._batches = Batches(ground, coordinator, forwarding)

    async def put(self, request: PutRequest, deadline_s: float) -> PutResponse:
        """Store a value. Raises BadRequest, NotReady, DiskIsFull, OutcomeUnknown."""
        check_key(request.key, self._settings)
        check_value(request.value, self._settings)
        slot = slot_of(request.key)
        if slot not in self._membership.held:
            return (await self._forward(slot, ForwardRequest(put=request), deadline_s)).put
        written = await self._coordinator.put(request.key, request.value, deadline_s)
        return put_response(written, self._membership.name)

    async def delete(self, request: DeleteRequest, deadline_s: float) -> DeleteResponse:
        """Remove a key. Raises as `put` does."""
        check_key(request.key, self._settings)
        slot = slot_of(request.key)
        if slot not in self._membership.held:
            return (await self._forward(slot, ForwardRequest(delete=request), deadline_s)).delete
        found, written = await self._coordinator.delete(request.key, deadline_s)
        return delete_response(found, written, self._membership.name)

    async def get(self, request: GetRequest, deadline_s: float) -> GetResponse:
        """Read a key. Raises BadRequest, NotReady."""
        check_key(request.key, self._settings)
        slot = slot_of(request.key)
        if slot in self._membership.held and self._gate.readable:
            return self._read(request.key)
        answer = await self._forward(slot, ForwardRequest(get=request), deadline_s)
        return answer.get

    async def batch(self, request: BatchRequest, deadline_s: float) -> BatchResponse:
        """Many of these, with a result each. Raises BadRequest, NotReady."""
        return await self._batches.batch(request, deadline_s)

    async def carry_out(self, request: ForwardRequest, deadline_s: float) -> ForwardResponse:
        """Do what another node forwarded, here or not at all. Raises as those above do."""
        self._envelope.check(request)
        operation = request.WhichOneof("operation")
        if operation is None:
            raise BadRequest("a forwarded request without an operation")
        if operation not in ("get", "batch") or writes(request.batch):
            # It would get a version of now, and undo what was acknowledged since it was sent.
            limit_s = self._settings.forward_age_limit_s
            self._time.refuse_late(request.sender, request.clock, limit_s)
        response = ForwardResponse()
        if operation == "batch":
            response.batch.CopyFrom(await self._batches.carry_out(request.batch, deadline_s))
        else:
            await self._carry_out_one(operation, request, response, deadline_s)
        response.clock = self._time.now()
        return response

    async def _carry_out_one(
        self, operation: str, request: ForwardRequest, response: ForwardResponse, deadline_s: float
    ) -> None:
        if slot_of(getattr(request, operation).key) not in self._membership.held:
            raise PeerRefused(f"{self._membership.name} holds no replica of the key")
        if operation == "get":
            self._gate.refuse_unless_readable()
            response.get.CopyFrom(await self.get(request.get, deadline_s))
            return
        self._gate.refuse_unless_writable()
        if operation == "put":
            response.put.CopyFrom(await self.put(request.put, deadline_s))
        else:
            response.delete.CopyFrom(await self.delete(request.delete, deadline_s))

    async def _forward(
        self, slot: int, request: ForwardRequest, deadline_s: float
    ) -> ForwardResponse:
        """Have the first replica that can do it do it; wait for one that soon can."""
        reads, sleeps = request.HasField("get"), self._gate.sleeps
        await self._gate.until_writable(deadline_s, reads=reads)  # now it is known who is alive
        while True:
            if reads and slot in self._membership.held and self._gate.readable:
                return ForwardResponse(get=self._read(request.get.key))
            answer = await self._ask_each(slot, request, deadline_s, reads=reads, sleeps=sleeps)
            if isinstance(answer, ForwardResponse):
                return answer
            await self._forwarding.rest(
                answer, deadline_s, waits_here=slot in self._membership.held
            )

    async def _ask_each(
        self, slot: int, request: ForwardRequest, deadline_s: float, *, reads: bool, sleeps: int
    ) -> ForwardResponse | KvError:
        """The answer of the first replica that gives one, or why none does."""
        names = self._forwarding.candidates(slot, reads=reads)
        why: KvError = self._forwarding.nobody(slot)
        for name in names:
            last = name == names[-1]
            if not reads:
                self._gate.refuse_if_slept_since(sleeps)
            try:
                return await self._forwarding.ask(name, request, deadline_s, reads=reads, last=last)
            except KvError as error:
                if not may_ask_next(error):
                    raise
                why = error
        return why

    def _read(self, key: str) -> GetResponse:
        entry = self._coordinator.get(key)
        refuse_if_too_large(value_of(entry) or "", self._settings)
        return get_response(entry, self._membership.name)
