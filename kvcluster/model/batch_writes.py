"""The writes of a batch: what its operations make of each key, before anything of it is written.

Operations on one key happen in their order. If a put is followed by another one of the same key,
the first is overwritten before anybody can have seen it, so only the last is written: a batch of a
thousand puts of one key costs one entry. Each write still gets a version of its own, in order, so
that whoever compares versions sees the first put as older than what is there, which it is; and if
the last one needs a newer version (cluster/requests/coordinator.py), the others do, too. (The
journal of a database with transactions does the same within one: only a key's last state counts.)

A put may say when its key expires. That is a time by then, and no more how long from now: a write
that takes a newer version goes when its client said.

A get behind a write of the same batch sees that write, as yet unwritten. So its answer, like those
of the overwritten puts, holds only if it was really written; the coordinator answers them together.

Pure: what is held, and the next version, are asked of two functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kvcluster.model.entry import Entry, Version, is_live
from kvcluster.model.operation import Operation


@dataclass(frozen=True)
class KeyWrite:
    """One operation, at its place among those on its key."""

    key: str
    writes: bool
    held: Entry | None
    """What was there before the batch."""
    held_until_ms: int
    """When that expires; 0: never."""
    behind: int
    """How many writes of its key come before it in the batch."""

    @property
    def depends(self) -> bool:
        """Whether it holds only if the last write of its key does: a write, or a get behind one."""
        return self.writes or self.behind > 0


class BatchWrites:
    """Takes the operations of a batch, in order. `last` is what must be written in the end."""

    def __init__(
        self,
        held: Callable[[str], Entry | None],
        tick: Callable[[], Version],
        expires_ms: Callable[[str], int] = lambda key: 0,
    ) -> None:
        """`expires_ms`: when what is held of a key expires; 0: never."""
        self._held = held
        self._tick = tick
        self._expires_ms = expires_ms
        self._writes: dict[str, list[Entry]] = {}
        self._expiries: dict[str, list[int]] = {}  # of the same writes; 0: never

    @property
    def last(self) -> dict[str, Entry]:
        """The last write of each key that is written."""
        return {key: writes[-1] for key, writes in self._writes.items()}

    def take(self, operation: Operation) -> KeyWrite:
        """Take the next operation of the batch."""
        assert not operation.ttl_ms, "from when on?"
        key, writes = operation.key, operation.writes
        before = self._writes.get(key, [])
        behind, held = len(before), None if before else self._held(key)
        held_until_ms = self._expires_ms(key) if is_live(held) else 0
        if writes:
            value = operation.made_of(before[-1] if before else held)
            self._writes.setdefault(key, []).append((value, self._tick()))
            self._expiries.setdefault(key, []).append(operation.expires_ms)
        return KeyWrite(key, writes, held, held_until_ms, behind)

    def renew(self, key: str) -> Entry:
        """Give all writes of a key newer versions, in their order; its last write."""
        self._writes[key] = [(value, self._tick()) for value, _ in self._writes[key]]
        return self._writes[key][-1]

    def expiry(self, key: str) -> int:
        """When the last write of a key lets it expire, in milliseconds since 1970; 0: never."""
        return self._expiries[key][-1]

    def seen_expiry(self, write: KeyWrite) -> int:
        """When what was there before an operation expires; 0: never."""
        behind = write.behind
        return self._expiries[write.key][behind - 1] if behind else write.held_until_ms

    def seen(self, write: KeyWrite) -> Entry | None:
        """What was there before an operation."""
        return self._writes[write.key][write.behind - 1] if write.behind else write.held

    def version(self, write: KeyWrite) -> Version:
        """The version of an operation that writes."""
        return self._writes[write.key][write.behind][1]
