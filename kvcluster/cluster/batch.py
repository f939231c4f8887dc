"""A batch on its way: what is asked, in groups, and what is answered so far.

Operations on one key form a *group*, which is never taken apart: it goes to one node, in order.

Nothing here waits or sends; batches.py does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kvcluster.cluster.answers import refuse_if_too_large, result
from kvcluster.cluster.arguments import check_key, check_value
from kvcluster.cluster.failures import error_in
from kvcluster.cluster.forwarding import may_ask_next
from kvcluster.config import Settings
from kvcluster.errors import AnswerFull, BadRequest, KvError
from kvcluster.model.drafts import Kind, Operation
from kvcluster.model.slots import slot_of

from demo_pb2 import BatchRequest, BatchResponse, Result
from demo_pb2 import Operation as OperationMessage


@dataclass(eq=False)
class Group:
    """The operations of a batch on one key, as places in the batch."""

    slot: int
    places: list[int] = field(default_factory=list)
    reads: bool = False
    writes: bool = False
    tried: set[str] = field(default_factory=set)
    """Who has been asked for it, since this node last rested."""
    why: KvError | None = None
    """What the last of them said."""


class Batch:
    """The operations of a batch, their groups and their results, by place."""

    def __init__(self, request: BatchRequest, settings: Settings) -> None:
        self.messages: Sequence[OperationMessage] = request.operations
        self._operations: dict[int, Operation] = {}
        self._results: dict[int, Result] = {}
        self._groups: dict[str, Group] = {}
        for place, message in enumerate(self.messages):
            try:
                self._take(place, _operation(message, settings))
            except BadRequest as error:
                self._results[place] = result(_kind(message), error, "")

    @property
    def groups(self) -> list[Group]:
        """All groups; operations on keys or values that cannot be are in none of them."""
        return list(self._groups.values())

    def operations_of(self, groups: Iterable[Group]) -> dict[int, Operation]:
        """The operations of some groups by place, in their order."""
        places = sorted(place for group in groups for place in group.places)
        return {place: self._operations[place] for place in places}

    def settle(self, results: Mapping[int, Result]) -> None:
        """This is what came of these operations."""
        self._results.update(results)

    def settle_unless_refused(self, group: Group, answers: Mapping[int, Result]) -> bool:
        """Take what another node answered for a group; False if somebody else may be asked."""
        mine = {place: answers[place] for place in group.places}
        failed = {p: error_in(a.failure) for p, a in mine.items() if a.HasField("failure")}
        errors = [error for error in failed.values() if not isinstance(error, AnswerFull)]
        if errors and all(may_ask_next(error) for error in errors):
            group.why = errors[0]
            return False
        # What another node said of an error is made anew: it may be anything.
        self.settle(mine)
        self.settle({p: result(self._operations[p].kind, e, "") for p, e in failed.items()})
        return True

    def fail(self, group: Group, error: KvError) -> None:
        """Every operation of a group failed."""
        for place in group.places:
            self._results[place] = result(self._operations[place].kind, error, "")

    def answer(self, settings: Settings) -> BatchResponse:
        """All results in their order; gets that have no room among the values say so.

        So it can always be sent: else a write in it would be done, and its client not know.
        """
        response = BatchResponse()
        used_bytes = 0
        for place in range(len(self.messages)):
            answer = self._results[place]
            size_bytes = len(answer.get.value.encode()) if answer.HasField("get") else 0
            try:
                _refuse_without_room(answer, size_bytes, used_bytes, settings)
                used_bytes += size_bytes
            except AnswerFull as why:
                answer = result(Kind.GET, why, "")
            response.results.append(answer)
        return response

    def _take(self, place: int, operation: Operation) -> None:
        self._operations[place] = operation
        group = self._groups.get(operation.key)
        if group is None:
            group = self._groups[operation.key] = Group(slot_of(operation.key))
        group.places.append(place)
        group.reads |= operation.kind is Kind.GET
        group.writes |= operation.kind is not Kind.GET


def _refuse_without_room(
    answer: Result, size_bytes: int, used_bytes: int, settings: Settings
) -> None:
    """Raise AnswerFull if a value has no room behind those that an answer has already."""
    limit_bytes = settings.batch_bytes
    if size_bytes and used_bytes and used_bytes + size_bytes > limit_bytes:
        raise AnswerFull(f"the answer has no room over {limit_bytes:,} bytes; ask again")
    refuse_if_too_large(answer.get.value, settings)


def _operation(message: OperationMessage, settings: Settings) -> Operation:
    """What a message asks for. Raises BadRequest."""
    name = message.WhichOneof("operation")
    if name is None:
        raise BadRequest("an operation of the batch is neither put nor get nor delete")
    key = getattr(message, name).key
    check_key(key, settings)
    if name == "put":
        check_value(message.put.value, settings)
    return Operation(Kind(name), key, message.put.value if name == "put" else "")


def _kind(message: OperationMessage) -> Kind:
    return Kind(message.WhichOneof("operation") or "put")
