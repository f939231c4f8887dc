"""A parcel: operations that travel together, and what is known of their way.

It holds the keys of its operations until they have ended (`waiting_line.py`), also while it rests
or looks for a node. At each node it hands over as many operations as a batch may have, in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from kvcluster.client.failure import FailureKind, Refusal
from kvcluster.client.pending import Pending
from kvcluster.client.replies import Reply


@dataclass(eq=False, slots=True)
class Parcel:
    """Operations on their way."""

    operations: list[Pending]
    """Those that have not ended, in their order."""
    avoid: frozenset[str] = frozenset()
    """Nodes that refused some of them in this round."""
    rounds: int = 0
    """How often all nodes there are had refused."""
    is_hedge: bool = False
    """Its reads are on their way in another parcel as well, to a node that is silent."""
    on_first_way: bool = False
    """No node has had its say yet, and it takes the place of a parcel that could leave."""
    may_retry: bool = False
    """The retry budget has paid for it: what fails is tried again, as long as there is time."""
    watch: asyncio.TimerHandle | None = None
    """When to look whether the node that was asked says anything at all."""
    hedges: list[tuple[Parcel, asyncio.Task[None]]] = field(default_factory=list)

    @property
    def wanted(self) -> bool:
        """Whether anybody waits for what is in it."""
        return not all(operation.over for operation in self.operations)

    @property
    def latest_s(self) -> float:
        """The last of its deadlines."""
        return max(operation.deadline_s for operation in self.operations)

    def to_hedge(self) -> list[Pending]:
        """Reads that may be asked of another node while this one says nothing.

        Not those behind a write of the same parcel: elsewhere they would miss it.
        """
        written: set[str] = set()
        reads: list[Pending] = []
        for operation in self.operations:
            if operation.writes:
                written.add(operation.key)
            elif not (operation.over or operation.hedged or operation.key in written):
                reads.append(operation)
        return reads


def is_too_much(replies: Sequence[Reply]) -> bool:
    """Whether a batch was refused for its size: with settings of its own a node may take less.

    A wrong argument is refused for the one operation that has it, so this can be nothing else.
    """
    first = replies[0]
    return (
        len(replies) > 1
        and isinstance(first, Refusal)
        and first.kind is FailureKind.BAD_REQUEST
        and all(reply is first for reply in replies)
    )
