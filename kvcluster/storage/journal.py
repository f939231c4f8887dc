"""The journal: a write is acknowledged only after it stands here, synced.

**Group commit** (DeWitt et al., 1984). One sync takes as long for a hundred writes as for one, so
whatever arrives while a sync runs goes together into the next frame. Nobody waits for a timer: an
idle journal syncs at once, a busy one forms large groups by itself.

**One committer.** A single task takes the waiting group, has a thread write and sync it, applies
it to the table, then tells the waiters; in this order, so a reader never sees what a power cut
could take back, and `rotate` can promise that every frame of older segments has been applied.

**Waiters may leave, and none waits for ever.** A client's deadline cancels its future; the group
is written all the same. However `run` ends, by a broken disk, a cancel or a bug, whoever still
waits is told that the outcome is unknown, and so is everyone who comes later.

**A full disk passes, a broken one does not** (segment.py). On "no space" the group fails as
*unknown* (a replica may have it), and later writes are refused before anything is sent, until a
probe, a few times a second, finds room for as much. Anything else ends `run`, and the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from kvcluster.config import Settings
from kvcluster.errors import DiskFailed, DiskIsFull, OutcomeUnknown
from kvcluster.model.entry import Verdict
from kvcluster.model.timings import Timings
from kvcluster.storage import frames
from kvcluster.storage.block import Block, parted, size_bytes
from kvcluster.storage.disk import Disk, DiskThread
from kvcluster.storage.segment import Segment

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import JournalFrame, MissedWrites

_SLICE_ENTRIES = 1000


@dataclass
class _Write:
    """Entries that become durable together, and who waits for them."""

    entries: Sequence[EntryMessage]
    hints: Sequence[MissedWrites]
    drops: Sequence[EntryMessage]
    done: asyncio.Future[list[Verdict]]

    def size_bytes(self) -> int:
        """About what it takes in a frame."""
        return size_bytes(self.entries) + size_bytes(self.drops)


class Journal:
    """Appends to one segment after another. `apply` stores durable entries in the table."""

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        *,
        segment: int,
        settings: Settings,
        sync: bool,
        apply: Callable[[Sequence[EntryMessage]], list[Verdict]],
        drop: Callable[[Sequence[EntryMessage]], None],
        clock: Callable[[], int],
    ) -> None:
        self._disk = disk
        self._folder = folder
        self._settings = settings
        self._sync = sync
        self._apply = apply
        self._drop = drop
        self._clock = clock
        self._now_s = asyncio.get_running_loop().time
        self._thread = DiskThread("journal")
        self._wake = asyncio.Event()
        self._writes: list[_Write] = []
        self._rotations: list[asyncio.Future[int]] = []
        self._in_hand: list[_Write] = []  # taken out of the two lists above, not yet told
        self._rotations_in_hand: list[asyncio.Future[int]] = []
        self._probe_wanted = False
        self._lacking_bytes = 0
        self._closing = False
        self._ended: DiskFailed | None = None  # why nothing can be written any more
        self.syncs = Timings()
        self._segment = self._open(segment)
        self.full = False
        """The disk had no room at the last try."""
        self.committed = 0
        """Frames written and applied since the start: whether a checkpoint has anything to do."""
        self.entries = 0
        """Entries that became durable, tombstones included, hints and drops not."""
        self.commits = Timings()
        """One for each frame: from taking a group to knowing that it is durable."""
        self.written_bytes = 0
        """In whole frames. Written by the thread only, like `syncs`, so that neither has a lock."""

    async def run(self) -> None:
        """Commit groups until closed. Raises DiskFailed; then the process must stop."""
        reason = "the journal is closed"
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._writes or self._rotations or self._probe_wanted:
                    await self._commit_all()
                if self._closing:
                    return
        except DiskFailed as error:
            reason = str(error)
            raise
        finally:
            self._ended = DiskFailed(reason)
            _tell(self._in_hand + self._writes, self._ended)
            for done in self._rotations_in_hand + self._rotations:
                _fail(done, self._ended)
            self._thread.end()
            self._segment.close()

    def write(
        self,
        entries: Sequence[EntryMessage],
        hints: Sequence[MissedWrites] = (),
        drops: Sequence[EntryMessage] = (),
    ) -> asyncio.Future[list[Verdict]]:
        """Make entries durable and apply them, then drop `drops`; resolves to a verdict for each.

        The future fails with OutcomeUnknown if the disk fills up or breaks meanwhile.
        """
        done: asyncio.Future[list[Verdict]] = asyncio.get_running_loop().create_future()
        if self._ended:
            _fail(done, _unknown(self._ended))
        else:
            self._writes.append(_Write(entries, hints, drops, done))
            self._wake.set()
        return done

    def rotate(self) -> asyncio.Future[int]:
        """Start a new segment; resolves to its number once all older frames are applied.

        The future fails with OSError if there is no room for a new file, else with DiskFailed.
        """
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self._ended:
            _fail(done, self._ended)
        else:
            self._rotations.append(done)
            self._wake.set()
        return done

    def refuse_if_full(self) -> None:
        """Raise DiskIsFull if the disk is known to be full."""
        if self.full:
            raise DiskIsFull(f"the disk under {self._folder} is full")

    def close(self) -> None:
        """Let `run` end once everything handed in is committed."""
        self._closing = True
        self._wake.set()

    async def _commit_all(self) -> None:
        """Commit what is waiting now, then do the rotations that were asked for before that."""
        self._in_hand, self._writes = self._writes, []
        self._rotations_in_hand, self._rotations = self._rotations, []
        for group in self._split(self._in_hand):
            await self._commit(group)
        self._in_hand = []
        if self._probe_wanted:
            await self._probe()
        for done in self._rotations_in_hand:
            await self._rotate(done)

    def _split(self, writes: list[_Write]) -> Iterator[list[_Write]]:
        group: list[_Write] = []
        room_bytes = self._settings.journal_group_bytes
        for write in writes:
            size_bytes = write.size_bytes()
            if group and size_bytes > room_bytes:
                yield group
                group, room_bytes = [], self._settings.journal_group_bytes
            group.append(write)
            room_bytes -= size_bytes
        if group:
            yield group

    async def _commit(self, group: list[_Write]) -> None:
        entries, blocks = parted(write.entries for write in group)
        hints = [hint for write in group for hint in write.hints]
        drops = [drop for write in group for drop in write.drops]
        changes = bool(entries or blocks or hints or drops)
        if changes:
            started_s = self._now_s()
            payload = JournalFrame(clock=self._clock(), entries=entries, hints=hints, drops=drops)
            payload.blocks.extend(block.message for block in blocks)
            try:
                await self._thread.do(self._append, payload)
            except DiskIsFull as error:
                self._found_full(payload.ByteSize())
                _tell(group, error)
                return
            self.commits.add(self._now_s() - started_s)
            self.entries += len(entries) + sum(map(len, blocks))
        verdicts = iter(await self._apply_slowly(entries))
        of_blocks = iter([await self._apply_slowly(block) for block in blocks])
        self._drop(drops)
        self.committed += changes
        for write in group:
            is_block = isinstance(write.entries, Block)
            own = next(of_blocks) if is_block else list(islice(verdicts, len(write.entries)))
            if not write.done.done():
                write.done.set_result(own)

    async def _apply_slowly(self, entries: Sequence[EntryMessage]) -> list[Verdict]:
        """Apply a group, letting others in between: 40,000 entries take 60 ms."""
        verdicts: list[Verdict] = []
        for start in range(0, len(entries), _SLICE_ENTRIES):
            if start:
                await asyncio.sleep(0)
            verdicts += self._apply(entries[start : start + _SLICE_ENTRIES])
        return verdicts

    async def _probe(self) -> None:
        self._probe_wanted = False
        try:
            await self._thread.do(self._segment.probe, self._lacking_bytes)
        except DiskIsFull:
            self._look_again_later()
            return
        self.full, self._lacking_bytes = False, 0

    def _found_full(self, size_bytes: int) -> None:
        least_bytes = self._settings.journal_probe_bytes
        self._lacking_bytes = max(self._lacking_bytes, size_bytes, least_bytes)
        if not self.full:
            self.full = True
            self._look_again_later()

    def _look_again_later(self) -> None:
        def look() -> None:
            self._probe_wanted = True
            self._wake.set()

        interval_s = self._settings.journal_probe_interval_s
        asyncio.get_running_loop().call_later(interval_s, look)

    async def _rotate(self, done: asyncio.Future[int]) -> None:
        assert not self._in_hand, "a checkpoint would miss what is in an older segment"
        try:
            number = await self._thread.do(self._next_segment)
        except OSError as error:  # no room for another file: the old segment goes on
            _fail(done, error)
            return
        if not done.done():
            done.set_result(number)

    def _append(self, payload: JournalFrame) -> None:
        magic = frames.MAGIC_WITH_BLOCKS if payload.blocks else frames.MAGIC
        frame = frames.encode(payload.SerializeToString(), magic)
        self._segment.append(frame, sync=self._sync)
        self.written_bytes += len(frame)

    def _next_segment(self) -> int:
        """Replace the segment. Only the last segment may ever end in a torn frame.

        So the old one is synced first, in every fsync mode: a cut after a full disk is as
        unsynced as a frame is with `--fsync never`.
        """
        old = self._segment
        old.sync()
        self._segment = self._open(old.number + 1)
        old.close()
        return self._segment.number

    def _open(self, number: int) -> Segment:
        return Segment(self._disk, self._folder, number, syncs=self.syncs, now_s=self._now_s)


def _tell(writes: Sequence[_Write], error: Exception) -> None:
    for write in writes:
        _fail(write.done, _unknown(error))


def _unknown(error: Exception) -> OutcomeUnknown:
    """What a waiter is told: this node may not have the write, a replica may."""
    unknown = OutcomeUnknown(f"not durable on this node: {error}")
    unknown.__cause__ = error
    return unknown


def _fail(done: asyncio.Future[Any], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
        done.exception()  # seen: a waiter that has left is no reason for a warning
