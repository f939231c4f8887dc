"""The writes of a batch: what its operations make of each key, before anything of it is written.

Operations on one key happen in their order. If a put is followed by another one of the same key,
the first is overwritten before anybody can have seen it, so only the last is written: a batch of a
thousand puts of one key costs one entry. Each write still gets a version of its own, in order, so
that whoever compares versions sees the first put as older than what is there, which it is; and if
the last one needs a newer version (cluster/requests/coordinator.py), the others do, too. (The
journal of a database with transactions does the same within one: only a key's last state counts.)

A get behind a write of the same batch sees that write, as yet unwritten. So its answer, like those
of the overwritten puts, holds only if it was really written; the coordinator answers them together.

Pure: what is held, and the next version, are asked of two functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kvcluster.model.entry import Entry, Version
from kvcluster.model.operation import Operation


@dataclass(frozen=True)
class KeyWrite:
    """One operation, at its place among those on its key."""

    key: str
    writes: bool
    held: Entry | None
    """What was there before the batch."""
    behind: int
    """How many writes of its key come before it in the batch."""

    @property
    def depends(self) -> bool:
        """Whether it holds only if the last write of its key does: a write, or a get behind one."""
        return self.writes or self.behind > 0


class BatchWrites:
    """Takes the operations of a batch, in order. `last` is what must be written in the end."""

    def __init__(self, held: Callable[[str], Entry | None], tick: Callable[[], Version]) -> None:
        self._held = held
        self._tick = tick
        self._writes: dict[str, list[Entry]] = {}

    @property
    def last(self) -> dict[str, Entry]:
        """The last write of each key that is written."""
        return {key: writes[-1] for key, writes in self._writes.items()}

    def take(self, operation: Operation) -> KeyWrite:
        """Take the next operation of the batch."""
        key, writes = operation.key, operation.writes
        before = self._writes.get(key, [])
        behind, held = len(before), None if before else self._held(key)
        if writes:
            value = operation.made_of(before[-1] if before else held)
            self._writes.setdefault(key, []).append((value, self._tick()))
        return KeyWrite(key, writes, held, behind)

    def renew(self, key: str) -> Entry:
        """Give all writes of a key newer versions, in their order; its last write."""
        self._writes[key] = [(value, self._tick()) for value, _ in self._writes[key]]
        return self._writes[key][-1]

    def seen(self, write: KeyWrite) -> Entry | None:
        """What was there before an operation."""
        return self._writes[write.key][write.behind - 1] if write.behind else write.held

    def version(self, write: KeyWrite) -> Version:
        """The version of an operation that writes."""
        return self._writes[write.key][write.behind][1]
