"""The contract: what an engine must do, so that a gateway can put this store's API upon it.

An engine is a store that somebody else built and runs: etcd, PostgreSQL, Redis Cluster. Each has
one class that fulfils `Engine`, and nothing of the rest of this project knows which it is. So the
contract asks for what all of them can do, and leaves to `Traits` what they differ in.

**What came of a write has three values**, and to know which is the engine's duty, since nobody else
knows what its errors mean: `WriteDone` (or `Mismatched`: a condition did not hold, and nothing was
written); an error of the family `NothingWritten`, which is said only where the engine *guarantees*
it; everything else is `OutcomeUnknown`. In doubt it is unknown: a caller who believes that nothing
was written writes again, and may undo what somebody wrote since.

**Time is the engine's** where it has a clock of its own (PostgreSQL, Redis): gateways are many, and
their clocks differ. A key is gone to reads from its expiry on, and to conditions `LINGER_MS` later
(model/expiry.py), as in a cluster of ours.

Rejected: operations one by one. What makes a gateway fast is that a batch of the library stays
one; what would make it wrong is two writes of a key of one batch under way at once, so those of one
call have distinct keys, and the gateway (gateway/waves.py) sees to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from kvcluster.errors import KvError
from kvcluster.model.decision import Content
from kvcluster.model.merge import Pair
from kvcluster.model.operation import Operation


@dataclass(frozen=True, slots=True)
class Traits:
    """What an engine is, as far as it matters to those who ask. Texts are for people."""

    kind: str
    """As it is named in a sentence: "etcd", "PostgreSQL", "Redis Cluster"."""
    value_limit_bytes: int
    """The largest value that it takes."""
    linearizable: bool
    """Whether it can read so that nothing older is ever read afterwards."""
    why_not_linearizable: str = ""
    """If not: the end of a sentence that begins with its kind."""


@dataclass(frozen=True, slots=True)
class WriteDone:
    """A write was done. `version`: 12 bytes; of two values of a key the later has the larger.

    `replicas`: how many copies there should be. `acknowledged`: how many there are at least.
    `found`: whether the key had a value before; of a delete only.
    """

    version: bytes
    replicas: int
    acknowledged: int
    found: bool = False


@dataclass(frozen=True, slots=True)
class Mismatched:
    """A condition did not hold, and nothing was written. `there`: what is there instead."""

    there: Content


WriteOutcome: TypeAlias = WriteDone | Mismatched | KvError
"""An error is of the family NothingWritten, or an OutcomeUnknown."""
ReadOutcome: TypeAlias = Content | KvError
"""Of a key without a value: a Content without one. An expired one has none."""


class EnginePage(NamedTuple):
    """Pairs in the order of their keys' bytes, and how far the page reaches.

    `reached`: all keys up to this one are in the page, or have no value; None: there are no more.
    """

    pairs: list[Pair]
    reached: str | None


@dataclass(frozen=True, slots=True)
class EngineMember:
    """One member of an engine. `role`: as the engine calls it: "leader", "standby", "primary"."""

    name: str
    role: str
    reachable: bool = True
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EngineState:
    """How an engine is. `trouble`: why it cannot serve everything now, for people; else empty."""

    version: str
    members: tuple[EngineMember, ...]
    trouble: str = ""


class Engine(Protocol):
    """A store under a gateway. Deadlines are times of the event loop's clock.

    Every method may be called many times at once, and may be cancelled at any await; an engine that
    is cancelled in a write leaves its connections fit for the next. None raises anything but errors
    of the family in kvcluster/errors.py; what it learns of a server is told through `as_told`.
    """

    @property
    def traits(self) -> Traits:
        """What it is."""

    def where(self, key: str) -> str:
        """Where a key lives, for people, as far as it is known: "slot 5,061, on h:7000"."""

    async def open(self) -> None:
        """Get ready to connect. Waits for nobody, and succeeds without the engine being there."""

    async def close(self) -> None:
        """Close every connection. It is not used afterwards."""

    async def probe(self, deadline_s: float) -> EngineState:
        """Look whether it can take reads and writes now; the first time, prepare it (a table, an
        index). Called each second, also to find a new leader. Raises NotReady with the reason, a
        wrong password or a version that cannot do included: somebody may mend it.
        """

    async def write(self, operations: Sequence[Operation], deadline_s: float) -> list[WriteOutcome]:
        """Carry out puts and deletes of distinct keys, with or without conditions: an outcome each,
        in their order. May raise, instead of giving each of them the same error.
        """

    async def read(
        self, keys: Sequence[str], deadline_s: float, *, linearizable: bool
    ) -> list[ReadOutcome]:
        """What distinct keys have, in their order. `linearizable` only if the traits have it. May
        raise NotReady or TimedOut for all.
        """

    async def page(
        self, prefix: str, after: str, limit: int, *, keys_only: bool, deadline_s: float
    ) -> EnginePage:
        """At most `limit` pairs of keys that begin with a prefix, behind a key, in the order of
        their UTF-8 bytes; fewer where values are large (about 1 MiB a page, at least one pair).
        Values are empty with `keys_only`. Raises NotReady, TimedOut.
        """

    async def count(self, deadline_s: float) -> int:
        """About how many keys have a value. May be seconds old, and an estimate where a true count
        would read everything. Raises NotReady, TimedOut.
        """

    async def sweep(self, deadline_s: float) -> int:
        """Remove some keys that have expired and that the engine does not remove by itself; how
        many. Called every few seconds; nothing waits for it. Raises NotReady, TimedOut.
        """
