"""A batch on its way: what is asked, in groups, and what came of it so far.

Operations on one key form a *group*, which is never taken apart: it goes to one node, in order.

Nothing here waits or sends; router.py does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kvcluster.cluster.requests.forwarding import may_ask_next
from kvcluster.errors import AnswerFull, KvError
from kvcluster.model.operation import Operation
from kvcluster.model.slots import slot_of
from kvcluster.wire.answered import Outcome


@dataclass(eq=False)
class Group:
    """The operations of a batch on one key, as places in the batch."""

    key: str
    slot: int
    places: list[int] = field(default_factory=list)
    reads: bool = False
    writes: bool = False
    decides: bool = False
    """A majority must decide it, as far as this node knows."""
    tried: set[str] = field(default_factory=set)
    """Who has been asked for it, since this node last rested."""
    why: KvError | None = None
    """What the last of them said."""


class Batch:
    """Operations, their groups and what came of them, by place."""

    def __init__(
        self, operations: Sequence[Operation | KvError], decides: Callable[[Operation], bool]
    ) -> None:
        """`operations`: or what is wrong with one; that is what came of it. `decides`: whether one
        needs a majority.
        """
        self._decides = decides
        self._operations = operations
        self._outcomes: dict[int, Outcome] = {}
        self._groups: dict[str, Group] = {}
        for place, operation in enumerate(operations):
            if isinstance(operation, KvError):
                self._outcomes[place] = operation
            else:
                self._take(place, operation)

    @property
    def groups(self) -> list[Group]:
        """All groups; operations that cannot be are in none of them."""
        return list(self._groups.values())

    @property
    def outcomes(self) -> list[Outcome]:
        """What came of each, in their order."""
        return [self._outcomes[place] for place in range(len(self._operations))]

    def operations_of(self, groups: Iterable[Group]) -> dict[int, Operation]:
        """The operations of some groups by place, in their order."""
        places = sorted(place for group in groups for place in group.places)
        chosen = {place: self._operations[place] for place in places}
        return {place: it for place, it in chosen.items() if isinstance(it, Operation)}

    def settle(self, outcomes: Mapping[int, Outcome]) -> None:
        """This is what came of these operations."""
        self._outcomes.update(outcomes)

    def settle_unless_refused(self, group: Group, answers: Mapping[int, Outcome]) -> bool:
        """Take what another node answered for a group; False if somebody else may be asked."""
        mine = {place: answers[place] for place in group.places}
        errors = [
            outcome
            for outcome in mine.values()
            if isinstance(outcome, KvError) and not isinstance(outcome, AnswerFull)
        ]
        if errors and all(may_ask_next(error) for error in errors):
            group.why = errors[0]
            return False
        self.settle(mine)
        return True

    def fail(self, group: Group, error: KvError) -> None:
        """Every operation of a group failed."""
        self.settle(dict.fromkeys(group.places, error))

    def _take(self, place: int, operation: Operation) -> None:
        group = self._groups.get(operation.key)
        if group is None:
            group = self._groups[operation.key] = Group(operation.key, slot_of(operation.key))
        group.places.append(place)
        group.writes |= operation.writes
        group.reads |= operation.reads
        group.decides |= self._decides(operation)
