"""What clients tried: every operation with its outcome, as simple as a line in a diary."""

from __future__ import annotations

import enum
from collections import defaultdict
from dataclasses import dataclass, field

from kvcluster.errors import NothingWritten, PeerRejected, PeerUnavailable


class Outcome(enum.Enum):
    """What the client knows of an operation."""

    OPEN = "not ended"
    DONE = "done"
    REFUSED = "certainly not done"
    UNKNOWN = "perhaps done"


@dataclass(eq=False)
class Write:
    """A put (or a delete: no value). Every value is written once only."""

    number: int
    client: str
    node: str
    key: str
    value: str | None
    start_s: float
    end_s: float = float("inf")
    outcome: Outcome = Outcome.OPEN
    version: bytes = b""
    ttl_ms: int = 0
    """Of a put: how long its key lives; 0: for ever."""
    by: str = ""
    """Once it is acknowledged: its coordinator."""
    why: str = ""
    before: dict[str, bytes] = field(default_factory=dict)
    """What version of the key each node held when it began."""
    outvoted: list[str] = field(default_factory=list)
    """Nodes that were refused then by more than half of all."""
    counted: list[str] = field(default_factory=list)
    """Once it is acknowledged: nodes that were counted in that."""

    def __str__(self) -> str:
        what = f"put {self.key} = {self.value:.12}" if self.value else f"delete {self.key}"
        life = f" for {self.ttl_ms / 1000:g} s" if self.ttl_ms else ""
        return f"{self.client} at {self.node}: {what}{life}"


@dataclass
class Diary:
    """All writes, by key and by value."""

    writes: list[Write] = field(default_factory=list)
    by_key: dict[str, list[Write]] = field(default_factory=lambda: defaultdict(list))
    by_value: dict[str, Write] = field(default_factory=dict)
    by_version: dict[bytes, Write] = field(default_factory=dict)

    def begin(self, write: Write) -> None:
        """A client sends it."""
        self.writes.append(write)
        self.by_key[write.key].append(write)
        if write.value is not None:
            self.by_value[write.value] = write

    def count(self, outcome: Outcome) -> int:
        """How many ended so."""
        return sum(1 for write in self.writes if write.outcome is outcome)

    def deletes(self, key: str) -> list[Write]:
        """The deletes of a key that may have happened."""
        return [
            write
            for write in self.by_key[key]
            if write.value is None and write.outcome is not Outcome.REFUSED
        ]


def outcome_of(error: PeerUnavailable) -> Outcome:
    """What a client knows after an error."""
    if isinstance(error, PeerRejected):
        certain = isinstance(error.reason, NothingWritten)
    else:
        certain = error.nothing_delivered
    return Outcome.REFUSED if certain else Outcome.UNKNOWN
