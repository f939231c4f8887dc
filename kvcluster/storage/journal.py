"""The journal: a write is acknowledged only after it stands here, synced.

**Group commit** (DeWitt et al., 1984). One sync takes as long for a hundred writes as for one, so
whatever arrives while a sync runs goes together into the next frame. Nobody waits for a timer: an
idle journal syncs at once, a busy one forms large groups by itself.

**One committer.** A single task takes the waiting group, has a thread write and sync it, applies
it to the table, then tells the waiters; in this order, so a reader never sees what a power cut
could take back, and `rotate` can promise that every frame of older segments has been applied.

**Waiters may leave.** A client's deadline cancels its future; the group is written all the same.
Nothing here depends on anyone still listening.

**A full disk passes, a broken one does not.** On "no space" the torn frame is cut off, the group
fails as *unknown* (a replica may have it), and later writes are refused before anything is sent,
until a probe finds room. Any other failure, and any failed sync, is final: see DiskFailed.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kvcluster.config import Settings
from kvcluster.errors import DiskFailed, DiskIsFull, OutcomeUnknown
from kvcluster.model.entry import Verdict
from kvcluster.storage import frames
from kvcluster.storage.disk import Disk, File, is_full

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import JournalFrame, MissedWrites

T = TypeVar("T")

SEGMENT_PREFIX = "journal-"


def segment_name(number: int) -> str:
    """The file name of a segment. Numbers only grow."""
    return f"{SEGMENT_PREFIX}{number:08d}"


@dataclass
class _Write:
    """Entries that become durable together, and who waits for them."""

    entries: Sequence[EntryMessage]
    notes: Sequence[MissedWrites]
    done: asyncio.Future[list[Verdict]]

    def size_bytes(self) -> int:
        """About what it takes in a frame."""
        return sum(entry.ByteSize() for entry in self.entries)


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
        clock: Callable[[], int],
    ) -> None:
        self._disk = disk
        self._folder = folder
        self._settings = settings
        self._sync = sync
        self._apply = apply
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._wake = asyncio.Event()
        self._writes: list[_Write] = []
        self._rotations: list[asyncio.Future[int]] = []
        self._probe_wanted = False
        self._next_probe_s = 0.0
        self._closing = False
        self._file = self._open_segment(segment)
        self._size_bytes = 0  # of the segment, up to the end of its last whole frame
        self.segment = segment
        self.full = False
        """The disk had no room at the last try."""
        self.committed = 0
        """Frames written since the start: whether a checkpoint has anything to do."""

    async def run(self) -> None:
        """Commit groups until closed. Raises DiskFailed; then the process must stop."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._writes or self._rotations or self._probe_wanted:
                    await self._commit_all()
                if self._closing:
                    return
        finally:
            self._abandon("the journal was closed")
            self._thread.shutdown(wait=True)
            self._file.close()

    def write(
        self, entries: Sequence[EntryMessage], notes: Sequence[MissedWrites] = ()
    ) -> asyncio.Future[list[Verdict]]:
        """Make entries durable and apply them; resolves to a verdict for each.

        The future fails with OutcomeUnknown if the disk fills up or breaks meanwhile.
        """
        done: asyncio.Future[list[Verdict]] = asyncio.get_running_loop().create_future()
        self._writes.append(_Write(entries, notes, done))
        self._wake.set()
        return done

    def rotate(self) -> asyncio.Future[int]:
        """Start a new segment; resolves to its number once all older frames are applied."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._rotations.append(done)
        self._wake.set()
        return done

    def refuse_if_full(self) -> None:
        """Raise DiskIsFull if the disk is known to be full; now and then, look again."""
        if not self.full:
            return
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._next_probe_s:
            self._next_probe_s = now_s + self._settings.journal_probe_interval_s
            self._probe_wanted = True
            self._wake.set()
        raise DiskIsFull(f"the disk under {self._folder} is full; nothing was written")

    def close(self) -> None:
        """Let `run` end once everything handed in is committed."""
        self._closing = True
        self._wake.set()

    async def _commit_all(self) -> None:
        """Commit what is waiting now, then do the rotations that were asked for before that."""
        writes, self._writes = self._writes, []
        rotations, self._rotations = self._rotations, []
        try:
            for group in self._split(writes):
                await self._commit(group)
            if self._probe_wanted:
                await self._probe()
            for done in rotations:
                await self._rotate(done)
        except DiskFailed as error:
            _fail([write.done for write in writes], error)
            _fail(rotations, error)
            self._abandon(str(error))
            raise

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
        entries = [entry for write in group for entry in write.entries]
        notes = [note for write in group for note in write.notes]
        if entries or notes:
            payload = JournalFrame(clock=self._clock(), entries=entries, notes=notes)
            try:
                await self._in_thread(self._append, frames.encode(payload.SerializeToString()))
            except DiskIsFull as error:
                _fail([write.done for write in group], error)
                return
            self.committed += 1
        verdicts = iter(self._apply(entries))
        for write in group:
            own = list(itertools.islice(verdicts, len(write.entries)))
            if not write.done.done():
                write.done.set_result(own)

    def _append(self, frame: bytes) -> None:
        """In the thread: write and sync one frame, or leave no trace of it."""
        try:
            self._file.append(frame)
        except OSError as error:
            if not is_full(error):
                raise DiskFailed(f"cannot write {self._name()}: {error}") from error
            self.full = True
            self._cut_torn_frame()
            raise DiskIsFull(f"the disk under {self._folder} filled up") from error
        if self._sync:
            self._sync_file()
        self._size_bytes += len(frame)

    async def _probe(self) -> None:
        self._probe_wanted = False
        try:
            await self._in_thread(self._write_and_cut, bytes(self._settings.journal_probe_bytes))
        except DiskIsFull:
            return
        self.full = False

    def _write_and_cut(self, filler: bytes) -> None:
        """In the thread: learn whether there is room. A crash here leaves NULs, a torn tail."""
        try:
            self._file.append(filler)
        except OSError as error:
            if not is_full(error):
                raise DiskFailed(f"cannot write {self._name()}: {error}") from error
            raise DiskIsFull("still full") from error
        finally:
            self._cut_torn_frame()

    def _cut_torn_frame(self) -> None:
        try:
            self._file.truncate(self._size_bytes)
        except OSError as error:
            raise DiskFailed(f"cannot cut a torn frame off {self._name()}: {error}") from error

    def _sync_file(self) -> None:
        try:
            self._file.sync()
        except OSError as error:
            raise DiskFailed(f"fsync of {self._name()} failed: {error}") from error

    async def _rotate(self, done: asyncio.Future[int]) -> None:
        number = self.segment + 1
        try:
            opened = await self._in_thread(self._open_segment, number)
        except OSError as error:
            if not done.done():
                done.set_exception(error)
            return
        await self._in_thread(self._seal)
        self._file, self.segment, self._size_bytes = opened, number, 0
        if not done.done():
            done.set_result(number)

    def _open_segment(self, number: int) -> File:
        file = self._disk.create(self._folder / segment_name(number))
        self._disk.sync_folder(self._folder)
        return file

    def _seal(self) -> None:
        """In the thread: an older segment is whole on disk, whatever the fsync mode."""
        if not self._sync:
            self._sync_file()
        self._file.close()

    def _name(self) -> str:
        return segment_name(self.segment)

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, work, *arguments)

    def _abandon(self, reason: str) -> None:
        error = DiskFailed(reason)
        _fail([write.done for write in self._writes], error)
        _fail(self._rotations, error)
        self._writes, self._rotations = [], []


def _fail(waiting: Sequence[asyncio.Future[Any]], error: Exception) -> None:
    """Tell waiters that their outcome is unknown: other replicas may have the write."""
    for done in waiting:
        if not done.done():
            unknown = OutcomeUnknown(f"not durable on this node: {error}")
            unknown.__cause__ = error
            done.set_exception(unknown)
            done.exception()  # seen: a waiter that has left is no reason for a warning
