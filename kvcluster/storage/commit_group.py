"""A group: writes that go into the journal together, in one frame, and who waits for each.

What each waiter is told is decided here: its own verdicts, or that nobody knows what became of its
write. Whoever has left by then is told nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kvcluster.errors import OutcomeUnknown
from kvcluster.model.entry import Verdict
from kvcluster.storage.block import Block, parted, size_bytes

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import JournalFrame, MissedWrites, Promise

_SLICE_ENTRIES = 1000


@dataclass(slots=True)
class PendingWrite:
    """Entries that become durable together, and who waits for them."""

    entries: Sequence[EntryMessage]
    hints: Sequence[MissedWrites]
    drops: Sequence[EntryMessage]
    promises: Sequence[Promise]
    votes: bool
    done: asyncio.Future[list[Verdict]]

    def size_bytes(self) -> int:
        """About what it takes in a frame."""
        return size_bytes(self.entries) + size_bytes(self.drops)


class CommitGroup:
    """Writes that share a frame: entries one by one, and blocks (block.py)."""

    def __init__(self, writes: Sequence[PendingWrite]) -> None:
        self.writes = writes
        self.loose, self.blocks = parted(write.entries for write in writes)
        self.hints = [hint for write in writes for hint in write.hints]
        self.drops = [drop for write in writes for drop in write.drops]
        self.promises = [promise for write in writes for promise in write.promises]
        self.votes = any(write.votes for write in writes)
        self.slices = self._sliced()
        """What is to be applied yet, a little at a time."""
        self.verdicts: list[Verdict] = []
        """Of those entries that have been applied: first the loose ones, then the blocks."""
        self.started_s = 0.0
        """When the disk was given it."""

    def __len__(self) -> int:
        return len(self.loose) + sum(map(len, self.blocks))

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return bool(
            self.loose or self.blocks or self.hints or self.drops or self.promises or self.votes
        )

    def frame(self, clock: int) -> JournalFrame:
        """As it stands in the journal."""
        blocks = [block.message for block in self.blocks]
        return JournalFrame(
            clock=clock,
            entries=self.loose,
            blocks=blocks,
            hints=self.hints,
            drops=self.drops,
            promises=self.promises,
            votes=self.votes,
        )

    def _sliced(self) -> Iterator[Sequence[EntryMessage]]:
        for part in (self.loose, *self.blocks):
            if 0 < len(part) <= _SLICE_ENTRIES:  # nearly always, and then it need not be copied
                yield part
                continue
            for start in range(0, len(part), _SLICE_ENTRIES):
                yield part[start : start + _SLICE_ENTRIES]

    def settle(self) -> None:
        """Tell each waiter what became of its entries."""
        assert len(self.verdicts) == len(self)
        loose, of_blocks = iter(self.verdicts), islice(self.verdicts, len(self.loose), None)
        for write in self.writes:
            verdicts = of_blocks if isinstance(write.entries, Block) else loose
            own = list(islice(verdicts, len(write.entries)))
            if not write.done.done():
                write.done.set_result(own)

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


def fail(done: asyncio.Future[Any], error: BaseException) -> None:
    """Tell who waits, if somebody does."""
    if not done.done():
        done.set_exception(error)
        done.exception()  # seen: a waiter that has left is no reason for a warning
