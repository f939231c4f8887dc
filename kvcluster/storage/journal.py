"""The journal: a write is acknowledged only after it stands here, synced.

**Group commit** (DeWitt et al., 1984). One sync takes as long for a hundred writes as for one, so
whatever arrives while a sync runs goes together into the next frame. Nobody waits for a timer: an
idle journal syncs at once, a busy one forms large groups by itself.

**One thing at a time.** The waiting group is handed to a thread, which writes and syncs it; then it
is applied to the table, then the waiters are told. In this order, so a reader never sees what a
power cut could take back, and `rotate` can promise that every frame of older segments has been
applied. Each step calls the next (`_next` is where they meet). A task that waits for each of them
is easier to read, and cost each write three more turns of the loop; `run` is one that only waits
for the end.

**Waiters may leave, and none waits for ever.** A client's deadline cancels its future; the group
is written all the same. However `run` ends, by a broken disk, a cancel or a bug, whoever still
waits is told that the outcome is unknown, and so is everyone who comes later.

**A full disk passes, a broken one does not** (segment.py). On "no space" the group fails as
*unknown* (a replica may have it), and later writes are refused before anything is sent, until a
probe, a few times a second, finds room for as much. Anything else ends `run`, and the process.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kvcluster.config import Settings
from kvcluster.errors import DiskFailed, DiskIsFull
from kvcluster.model.entry import Verdict
from kvcluster.model.timings import Timings
from kvcluster.storage import frames
from kvcluster.storage.commit_group import CommitGroup, PendingWrite, fail, split, unknown
from kvcluster.storage.disk import Disk
from kvcluster.storage.segment import Segment

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import JournalFrame, MissedWrites, Promise


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
        self._loop = asyncio.get_running_loop()
        self._now_s = self._loop.time
        self._writes: list[PendingWrite] = []
        self._rotations: list[asyncio.Future[int]] = []
        self._groups: deque[CommitGroup] = deque()  # taken out of the two lists above, not yet told
        self._rotating: deque[asyncio.Future[int]] = deque()
        self._busy = False
        """Something is in hand, or will be a moment later."""
        self._over: asyncio.Future[None] = self._loop.create_future()
        """Resolves when nothing is to be done any more; fails with the reason why nothing can."""
        self._probe_wanted = False
        self._lacking_bytes = 0
        self._closing = False
        self._ended: DiskFailed | None = None  # why nothing can be written any more
        self.syncs = Timings()
        self._segment = self._open(segment)
        self._thread = disk.thread("journal")
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
            await self._over
        except DiskFailed as error:
            reason = str(error)
            raise
        finally:
            self._ended = DiskFailed(reason)
            for group in [*self._groups, CommitGroup(self._writes)]:
                group.fail(self._ended)
            for done in [*self._rotating, *self._rotations]:
                fail(done, self._ended)
            self._thread.end()
            self._segment.close()

    def write(
        self,
        entries: Sequence[EntryMessage],
        hints: Sequence[MissedWrites] = (),
        drops: Sequence[EntryMessage] = (),
        promises: Sequence[Promise] = (),
        *,
        votes: bool = False,
    ) -> asyncio.Future[list[Verdict]]:
        """Make entries durable and apply them, then drop `drops`; resolves to a verdict for each.
        Promises are made durable with them, and that this node `votes`.

        The future fails with OutcomeUnknown if the disk fills up or breaks meanwhile.
        """
        done: asyncio.Future[list[Verdict]] = asyncio.get_running_loop().create_future()
        if self._ended:
            fail(done, unknown(self._ended))
        else:
            self._writes.append(PendingWrite(entries, hints, drops, promises, votes, done))
            self._wake()
        return done

    def rotate(self) -> asyncio.Future[int]:
        """Start a new segment; resolves to its number once all older frames are applied.

        The future fails with OSError if there is no room for a new file, else with DiskFailed.
        """
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self._ended:
            fail(done, self._ended)
        else:
            self._rotations.append(done)
            self._wake()
        return done

    def refuse_if_full(self) -> None:
        """Raise DiskIsFull if the disk is known to be full."""
        if self.full:
            raise DiskIsFull(f"the disk under {self._folder} is full")

    def close(self) -> None:
        """Let `run` end once everything handed in is committed."""
        self._closing = True
        self._wake()

    def _wake(self) -> None:
        """Begin, unless something is in hand: after all that runs now, which may bring more."""
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._do, self._next)

    def _do(self, step: Callable[..., None], *arguments: object) -> None:
        """Go a step on, in a callback of the loop; an error in it is the end."""
        if self._over.done():
            return
        try:
            step(*arguments)
        except Exception as error:
            fail(self._over, error)

    def _next(self) -> None:
        """Begin with what comes next: what waits now, then the rotations that were asked for before
        that.
        """
        assert self._busy, "two things in hand would overtake each other"
        if not self._groups and not self._rotating:
            writes, self._writes = self._writes, []
            self._groups.extend(split(writes, self._settings.journal_group_bytes))
            self._rotating.extend(self._rotations)
            self._rotations.clear()
        if self._groups:
            self._commit(self._groups[0])
        elif self._probe_wanted:
            self._probe_wanted = False
            self._hand_over(partial(self._segment.probe, self._lacking_bytes), self._probed)
        elif self._rotating:
            self._hand_over(self._next_segment, self._rotated)
        else:
            self._busy = False
            if self._closing:
                self._over.set_result(None)

    def _hand_over(self, work: Callable[[], Any], then: Callable[..., None]) -> None:
        """Have the thread do something; `then` is given what came of it, and the error."""
        self._thread.hand_over(work, partial(self._do, then))

    def _commit(self, group: CommitGroup) -> None:
        if not group.changes:
            self._settle(group)
            return
        group.started_s = self._now_s()
        payload = group.frame(self._clock())
        then = partial(self._written, group, payload)
        self._hand_over(partial(self._append, payload), then)

    def _written(
        self, group: CommitGroup, payload: JournalFrame, _: object, error: Exception | None
    ) -> None:
        """The frame of a group is durable, or there was no room for it."""
        if isinstance(error, DiskIsFull):
            self._found_full(payload.ByteSize())
            self._groups.popleft()
            group.fail(error)
            self._next()
        elif error is not None:
            raise error
        else:
            self.commits.add(self._now_s() - group.started_s)
            self.entries += len(group)
            self._apply_some(group, payload.drops)

    def _apply_some(self, group: CommitGroup, drops: Sequence[EntryMessage]) -> None:
        """Apply a group, letting others in between: 40,000 entries take 60 ms."""
        for part in itertools.islice(group.slices, 1):
            group.verdicts += self._apply(part)
        if len(group.verdicts) < len(group):
            self._loop.call_soon(self._do, self._apply_some, group, drops)
            return
        self._drop(drops)
        self.committed += 1
        self._settle(group)

    def _settle(self, group: CommitGroup) -> None:
        """Tell who waited for a group, and go on."""
        assert group is self._groups[0]
        self._groups.popleft()
        group.settle()
        self._next()

    def _probed(self, _: object, error: Exception | None) -> None:
        if isinstance(error, DiskIsFull):
            self._look_again_later()
        elif error is not None:
            raise error
        else:
            self.full, self._lacking_bytes = False, 0
        self._next()

    def _found_full(self, size_bytes: int) -> None:
        least_bytes = self._settings.journal_probe_bytes
        self._lacking_bytes = max(self._lacking_bytes, size_bytes, least_bytes)
        if not self.full:
            self.full = True
            self._look_again_later()

    def _look_again_later(self) -> None:
        def look() -> None:
            self._probe_wanted = True
            self._wake()

        self._loop.call_later(self._settings.journal_probe_interval_s, look)

    def _rotated(self, number: int, error: Exception | None) -> None:
        assert not self._groups, "a checkpoint would miss what is in an older segment"
        if error is not None and not isinstance(error, OSError):
            raise error
        done = self._rotating.popleft()
        if error is not None:  # no room for another file: the old segment goes on
            fail(done, error)
        elif not done.done():
            done.set_result(number)
        self._next()

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
