"""The checkpoint: the JSON file and its versions, rewritten in the background.

The order makes it safe at any kill. Each line is on disk before the next begins:

    1  open journal segment n; every older frame is in the table now
    2  copy the table, each key once, into the JSON and the versions, both under temporary names
    3  rename versions to versions-n          (the old JSON still has its old versions)
    4  rename the JSON                        (from here on, n is the start)
    5  remove older versions and segments

The copy is no snapshot: a key written meanwhile may stand in it or not. It stands in segment n
or later in any case, and replay keeps the newer. That is what makes a checkpoint possible with no
lock, no fork and no pause: a piece is copied, at most a fraction of a millisecond, then the
node serves again for nineteen times as long.

Pieces are sorted by key within a slot, so replicas that hold the same data have the same file,
byte for byte.

Rejected: appending to the JSON (not a JSON object any more), and a forked child (gRPC does not
survive a fork).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import orjson

from kvcluster.config import KIB, Settings
from kvcluster.errors import DiskFailed
from kvcluster.model.entry import Version
from kvcluster.model.slots import SLOTS
from kvcluster.storage.disk import Disk, File, is_full, numbers_of
from kvcluster.storage.journal import SEGMENT_PREFIX, Journal, segment_name
from kvcluster.storage.table import Table
from kvcluster.storage.versions import (
    VERSIONS_PREFIX,
    encode_footer,
    encode_piece,
    json_hasher,
    notes_as_messages,
    versions_name,
)

from demo_pb2 import VersionsFooter

T = TypeVar("T")

TEMPORARY_SUFFIX = ".tmp"
_PIECE_ENTRIES = 256
_PIECE_BYTES = 64 * KIB

Pair = tuple[str, str, Version]
Pace = Callable[[float], Awaitable[None]]
"""Told how long a piece took, in seconds; rests as long as it sees fit."""


@dataclass(frozen=True)
class Facts:
    """What a checkpoint keeps besides entries."""

    clock: int
    notes: Mapping[str, Version]
    incomplete: str


@dataclass(frozen=True)
class Piece:
    """Some entries, as many as can be copied between two requests without being noticed."""

    pairs: list[Pair]
    tombstones: list[tuple[str, Version]]

    def json(self) -> bytes:
        """The pairs as lines of a JSON object, without the braces."""
        values = {key: value for key, value, _ in self.pairs}
        return orjson.dumps(values, option=orjson.OPT_INDENT_2)[2:-2]


def pieces(table: Table) -> Iterator[Piece]:
    """Cut the table into pieces, each key once, sorted within a slot. Reads it as it goes."""
    piece, size_bytes = Piece([], []), 0
    for number in range(SLOTS):
        slot = table.slot(number)
        for key in sorted(slot):
            entry = slot.get(key)
            if entry is None:
                continue
            value, version = entry
            if value is None:
                piece.tombstones.append((key, version))
            else:
                piece.pairs.append((key, value, version))
                size_bytes += len(value)
            if len(piece.pairs) + len(piece.tombstones) >= _PIECE_ENTRIES or (
                size_bytes >= _PIECE_BYTES
            ):
                yield piece
                piece, size_bytes = Piece([], []), 0
    yield piece


class _Output:
    """The two temporary files of one checkpoint. Everything here runs in the thread."""

    def __init__(self, disk: Disk, json_path: Path, versions_path: Path, sync_bytes: int) -> None:
        self._json: File = disk.create(json_path)
        self._versions: File = disk.create(versions_path)
        self._hasher = json_hasher()
        self._sync_bytes = sync_bytes
        self._unsynced_bytes = 0

    def append(self, json: bytes, versions: bytes) -> None:
        """Write a part of both; sync now and then, so that no large write-back piles up."""
        self._hasher.update(json)
        self._json.append(json)
        self._versions.append(versions)
        self._unsynced_bytes += len(json) + len(versions)
        if self._unsynced_bytes >= self._sync_bytes:
            self._sync()

    def finish(self, json: bytes, footer: VersionsFooter) -> None:
        """Write the ends and make both files durable."""
        self._hasher.update(json)
        self._json.append(json)
        footer.json_hash = self._hasher.digest()
        self._versions.append(encode_footer(footer))
        self._sync()

    def close(self) -> None:
        """Close both files."""
        self._json.close()
        self._versions.close()

    def _sync(self) -> None:
        self._unsynced_bytes = 0
        try:
            self._json.sync()
            self._versions.sync()
        except OSError as error:
            if is_full(error):
                raise
            raise DiskFailed(f"fsync of a checkpoint failed: {error}") from error


class Checkpointer:
    """Rewrites the JSON file when something changed, at its own calm pace."""

    def __init__(
        self,
        disk: Disk,
        json_path: Path,
        folder: Path,
        *,
        table: Table,
        journal: Journal,
        settings: Settings,
        facts: Callable[[], Facts],
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._disk = disk
        self._json_path = json_path
        self._folder = folder
        self._table = table
        self._journal = journal
        self._settings = settings
        self._facts = facts
        self._stopwatch = stopwatch
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._closing = asyncio.Event()
        self._covered = 0  # of the journal's frames, how many the JSON certainly contains
        self.last_error = ""
        """Why the last checkpoint failed; empty when it did not."""

    async def run(self) -> None:
        """Write checkpoints until closed, the last one at full speed. Raises DiskFailed."""
        wait_s = self._settings.checkpoint_interval_s
        try:
            while not self._closing.is_set():
                await self._rest(wait_s)
                wait_s = await self._try_checkpoint()
            await self._try_checkpoint()
        finally:
            self._thread.shutdown(wait=True)

    def close(self) -> None:
        """Let `run` finish what it is at, write a last checkpoint if one is due, and end."""
        self._closing.set()

    def require(self) -> None:
        """Have the next checkpoint written even if no entry changed."""
        self._covered = -1

    async def checkpoint(self) -> None:
        """Write one checkpoint now, unless nothing changed. Raises OSError, DiskFailed.

        One at a time: called before `run` starts and by `run`.
        """
        covered = self._journal.committed
        if covered == self._covered:
            return
        segment = await self._journal.rotate()
        json_path = self._json_path.with_name(self._json_path.name + TEMPORARY_SUFFIX)
        versions_path = self._folder / (versions_name(segment) + TEMPORARY_SUFFIX)
        try:
            await self._write(segment, json_path, versions_path)
            await self._in_thread(self._install, segment, json_path, versions_path)
        except OSError:
            await self._in_thread(self._discard, json_path, versions_path)
            raise
        self._covered = covered
        await self._in_thread(self._remove_older, segment)

    async def _try_checkpoint(self) -> float:
        """Write a checkpoint; return how long to wait for the next, in seconds."""
        try:
            await self.checkpoint()
        except OSError as error:
            self.last_error = f"cannot write {self._json_path.name}: {error}"
            return self._settings.checkpoint_retry_s
        self.last_error = ""
        return self._settings.checkpoint_interval_s

    async def _write(self, segment: int, json_path: Path, versions_path: Path) -> None:
        output = await self._in_thread(
            _Output, self._disk, json_path, versions_path, self._settings.checkpoint_sync_bytes
        )
        try:
            pairs = await self._copy(output)
            facts = self._facts()
            footer = VersionsFooter(
                pairs=pairs,
                clock=facts.clock,
                segment=segment,
                notes=notes_as_messages(facts.notes),
                incomplete=facts.incomplete,
            )
            await self._in_thread(output.finish, b"\n}\n" if pairs else b"}\n", footer)
        finally:
            await self._in_thread(output.close)

    async def _copy(self, output: _Output) -> int:
        """Copy the table piece by piece, resting in between; return the number of pairs."""
        pairs, json = 0, b"{"
        started_s = self._stopwatch()
        for piece in pieces(self._table):
            if piece.pairs:
                json += (b",\n" if pairs else b"\n") + piece.json()
                pairs += len(piece.pairs)
            versions = encode_piece(piece.pairs, piece.tombstones)
            busy_s = self._stopwatch() - started_s
            await self._in_thread(output.append, json, versions)
            await self._rest(busy_s * (1 / self._settings.checkpoint_duty - 1))
            json = b""
            started_s = self._stopwatch()
        return pairs

    def _install(self, segment: int, json_path: Path, versions_path: Path) -> None:
        """In the thread: give both files their names, the versions first."""
        self._disk.replace(versions_path, self._folder / versions_name(segment))
        self._sync_folder(self._folder)
        self._disk.replace(json_path, self._json_path)
        self._sync_folder(self._json_path.parent)

    def _sync_folder(self, folder: Path) -> None:
        try:
            self._disk.sync_folder(folder)
        except OSError as error:
            raise DiskFailed(f"fsync of folder {folder} failed: {error}") from error

    def _discard(self, *paths: Path) -> None:
        for path in paths:
            with contextlib.suppress(OSError):
                self._disk.remove(path)

    def _remove_older(self, segment: int) -> None:
        """In the thread: what the new pair contains. A file that stays is skipped at start."""
        names = self._disk.names(self._folder)
        for number in numbers_of(names, SEGMENT_PREFIX):
            if number < segment:
                self._discard(self._folder / segment_name(number))
        for number in numbers_of(names, VERSIONS_PREFIX):
            if number != segment:
                self._discard(self._folder / versions_name(number))

    async def _rest(self, duration_s: float) -> None:
        """Sleep, unless the node is stopping."""
        if self._closing.is_set() or duration_s <= 0:
            await asyncio.sleep(0)
            return
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._closing.wait(), duration_s)

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, work, *arguments)
