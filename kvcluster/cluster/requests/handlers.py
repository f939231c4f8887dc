"""Handlers: what clients ask for, and what peers forward, as operations; and the answers.

Every request becomes a list of operations (wire/asked.py), is carried out by one door (router.py),
and its answer is made of what came of each. A Put, Get or Delete is a list of one, whose failure is
that of the call. Only plain batches have a shorter way of their own (plain_batches.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.voting import Voting
from kvcluster.cluster.requests.coordinator import Coordinator
from kvcluster.cluster.requests.forwarding import Forwarding, age_limit_s
from kvcluster.cluster.requests.plain_batches import PlainBatches
from kvcluster.cluster.requests.router import Router
from kvcluster.errors import BadRequest, KvError, TooOld
from kvcluster.model.operation import Operation
from kvcluster.wire.answered import batch_response
from kvcluster.wire.asked import (
    batch_of,
    operation_of,
    operations_of,
    refuse_bad_block,
    refuse_large_batch,
)

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
    ForwardRequest,
    ForwardResponse,
    GetRequest,
    GetResponse,
    PutException,
    PutManyRequest,
    PutManyResponse,
)
from demo_pb2 import Operation as OperationMessage


class Handlers(OnGround):
    """Operations, alone and in batches. Deadlines are times of the event loop's clock."""

    def __init__(
        self,
        ground: Ground,
        coordinator: Coordinator,
        forwarding: Forwarding,
        plain: PlainBatches,
        voting: Voting,
    ) -> None:
        super().__init__(ground)
        self._voting = voting
        self._routing = Router(ground, coordinator, forwarding)
        self._plain = plain

    async def one(self, request: Any, deadline_s: float) -> Any:
        """A Put, Get or Delete: its answer. Raises BadRequest, NotReady; a write also DiskIsFull,
        OutcomeUnknown.
        """
        operation = operation_of(request, self._settings, self._time.town_ms)
        self._refuse_if_too_old([operation])
        outcome = await self._routing.carry_out_one(operation, deadline_s)
        if isinstance(outcome, KvError):
            raise outcome
        return outcome

    def got(self, request: GetRequest) -> GetResponse | None:
        """The answer to a Get, if it is here and current; None: see `one`."""
        return self._plain.got(request)

    async def batch(self, request: BatchRequest, deadline_s: float) -> BatchResponse:
        """Many of these, with a result each. Raises BadRequest, NotReady."""
        refuse_large_batch(request, self._settings)
        if (answer := await self._plain.carry_out(request, deadline_s)) is not None:
            return answer
        operations = self._operations_of(request.operations)
        outcomes = await self._routing.carry_out(operations, deadline_s)
        return batch_response(request.operations, outcomes)

    async def put_many(self, request: PutManyRequest, deadline_s: float) -> PutManyResponse:
        """Puts in columns. Raises BadRequest, NotReady."""
        block = request.block
        refuse_bad_block(block, self._settings)
        if (answer := await self._plain.put_many(block, deadline_s)) is not None:
            return answer
        puts = batch_of(block).operations
        outcomes = await self._routing.carry_out(self._operations_of(puts), deadline_s)
        batch = batch_response(puts, outcomes)
        exceptions = [PutException(place=at, result=it) for at, it in enumerate(batch.results)]
        return PutManyResponse(exceptions=exceptions)

    def _refuse_if_too_old(self, operations: Sequence[Operation | KvError]) -> None:
        """Raise TooOld if a member would ignore what some of these ask for."""
        too_old = self._voting.too_old
        if too_old and any(isinstance(it, Operation) and it.is_new for it in operations):
            names = ", ".join(too_old)
            verb = "is" if len(too_old) == 1 else "are"
            raise TooOld(f"{names} {verb} too old for conditions, linearizable reads and expiry")

    async def forwarded(self, request: ForwardRequest, deadline_s: float) -> ForwardResponse:
        """Do what another node forwarded, here or not at all. Raises as those above do."""
        self._envelope.check(request)
        name = request.WhichOneof("operation")
        if name is None:
            raise BadRequest("a forwarded request without an operation")
        asked = list(request.batch.operations)
        if name != "batch":  # from a node that is older than this
            asked = [OperationMessage(**{name: getattr(request, name)})]
        operations = self._operations_of(asked)
        if any(isinstance(it, Operation) and it.writes for it in operations):
            # It would get a version of now, and undo what was acknowledged since it was sent.
            limit_s = min(self._settings.forward_age_limit_s, age_limit_s(request))
            self._time.refuse_late(request.sender, request.clock, limit_s)
        outcomes = await self._routing.carry_out_here(operations, deadline_s)
        response = ForwardResponse()
        if name == "batch":
            response.batch.CopyFrom(batch_response(asked, outcomes))
        elif isinstance(outcomes[0], KvError):
            raise outcomes[0]
        else:
            getattr(response, name).CopyFrom(outcomes[0])
        response.clock = self._time.now()
        return response

    def _operations_of(self, messages: Iterable[OperationMessage]) -> list[Operation | BadRequest]:
        """What they ask for. Raises TooOld."""
        operations = operations_of(messages, self._settings, self._time.town_ms)
        self._refuse_if_too_old(operations)
        return operations
