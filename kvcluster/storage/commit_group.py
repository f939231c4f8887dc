"""A group: writes that go into the journal together, in one frame, and who waits for each.

What each waiter is told is decided here: its own verdicts, or that nobody knows what became of its
write. Whoever has left by then is told nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from kvcluster.errors import OutcomeUnknown
from kvcluster.model.entry import Verdict

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import MissedWrites


@dataclass(slots=True)
class PendingWrite:
    """Entries that become durable together, and who waits for them."""

    entries: Sequence[EntryMessage]
    hints: Sequence[MissedWrites]
    drops: Sequence[EntryMessage]
    done: asyncio.Future[list[Verdict]]

    def size_bytes(self) -> int:
        """About what it takes in a frame."""
        return sum(e.ByteSize() for e in self.entries) + sum(d.ByteSize() for d in self.drops)


@dataclass(slots=True, eq=False)
class CommitGroup:
    """Writes that share a frame."""

    writes: list[PendingWrite]
    entries: Sequence[EntryMessage] = ()
    verdicts: list[Verdict] = field(default_factory=list)
    """Of those entries that have been applied, in their order."""
    started_s: float = 0.0
    """When the disk was given it."""

    def __post_init__(self) -> None:
        lone = len(self.writes) == 1
        each = (entry for write in self.writes for entry in write.entries)
        self.entries = self.writes[0].entries if lone else list(each)

    def settle(self) -> None:
        """Tell each waiter what became of its entries."""
        assert len(self.verdicts) == len(self.entries)
        start = 0
        for write in self.writes:
            end = start + len(write.entries)
            if not write.done.done():
                write.done.set_result(self.verdicts[start:end])
            start = end

    def fail(self, error: Exception) -> None:
        """Tell each waiter why it did not come about, or why nobody knows."""
        for write in self.writes:
            fail(write.done, unknown(error))


def split(writes: Sequence[PendingWrite], limit_bytes: int) -> Iterator[CommitGroup]:
    """Groups of at most so many bytes, but for a write that is larger by itself."""
    group: list[PendingWrite] = []
    room_bytes = limit_bytes
    for write in writes:
        size_bytes = write.size_bytes()
        if group and size_bytes > room_bytes:
            yield CommitGroup(group)
            group, room_bytes = [], limit_bytes
        group.append(write)
        room_bytes -= size_bytes
    if group:
        yield CommitGroup(group)


def unknown(error: Exception) -> OutcomeUnknown:
    """What a waiter is told: this node may not have the write, a replica may."""
    it = OutcomeUnknown(f"not durable on this node: {error}")
    it.__cause__ = error
    return it


def fail(done: asyncio.Future[Any], error: Exception) -> None:
    """Tell who waits, if somebody does."""
    if not done.done():
        done.set_exception(error)
        done.exception()  # seen: a waiter that has left is no reason for a warning
