"""The checkpoint: the JSON file and its versions, rewritten in the background.

First it opens journal segment n: every older frame is in the table from then on. Then it copies
the table, piece by piece, into two temporary files, and installs them (checkpoint_files.py, where
the order is that makes this safe at any kill).

The copy is no snapshot: a key written meanwhile may stand in it or not. It stands in segment n
or later in any case, and replay keeps the newer. That is what makes a checkpoint possible with no
lock, no fork and no pause: a piece is copied, in a fraction of a millisecond, then others have
their turn. After a few pieces a thread writes them, and the node serves again for nineteen times as
long as all that took: on the loop, in the thread, its syncs included, and the way there and back.

Rejected: appending to the JSON (not a JSON object any more), and a forked child (gRPC does not
survive a fork).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kvcluster.config import KIB, Settings
from kvcluster.storage.checkpoint_files import Output, remove_older
from kvcluster.storage.disk import Disk
from kvcluster.storage.journal import Journal
from kvcluster.storage.pieces import Piece, pieces
from kvcluster.storage.table import Table
from kvcluster.storage.versions import encode_piece

from demo_pb2 import VersionsFooter

log = logging.getLogger("kvcluster")

_BATCH_PIECES = 4
_BATCH_BYTES = 256 * KIB
_TRIP_S = 0.0002
"""What a trip to the thread and back, and a rest, cost besides what is timed. Not counted, and one
for each piece of a million keys, they took a third as much as all that was."""


@dataclass
class _Batch:
    """Pieces that are written in one go."""

    json: list[bytes] = field(default_factory=list)
    versions: list[bytes] = field(default_factory=list)
    busy_s: float = 0.0
    """What it took to copy them."""

    def add(self, piece: Piece, *, first: bool) -> None:
        """Add a piece; `first`: no pair stands before those of this one."""
        if piece.keys:
            self.json.append((b"\n" if first else b",\n") + piece.json())
        self.versions.append(encode_piece(piece))

    @property
    def full(self) -> bool:
        """Whether it is enough to pay for a trip to the thread."""
        return len(self.versions) >= _BATCH_PIECES or sum(map(len, self.json)) >= _BATCH_BYTES


class Checkpointer:
    """Rewrites the JSON file when something changed, at its own calm pace.

    `facts` gives what is kept besides entries; the other fields of this footer are filled in here.
    """

    def __init__(
        self,
        disk: Disk,
        json_path: Path,
        folder: Path,
        *,
        table: Table,
        journal: Journal,
        settings: Settings,
        facts: Callable[[], VersionsFooter],
    ) -> None:
        self._disk = disk
        self._json_path = json_path
        self._folder = folder
        self._table = table
        self._journal = journal
        self._settings = settings
        self._facts = facts
        self._thread = disk.thread("checkpoint")
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._covered = 0  # of the journal's frames, how many the JSON certainly contains
        self._required = False
        self._segment: int | None = None  # opened for a checkpoint that then failed
        self._older_bytes = 0  # of the journal, in older segments than that
        self.finished_s: float | None = None
        """When the files last held everything, by the loop's clock; None: not since the start."""
        self.last_error = ""
        """Why the last checkpoint failed; empty when it did not."""
        self.written = 0
        """Checkpoints, since the start."""
        self.failed = 0
        self.duration_s = 0.0
        """Of the last one, its rests included."""
        self.size_bytes = 0
        """Of both files of the last one."""
        self.covered_bytes = 0
        """Of what was written to the journal since the start, how much is in segments now gone."""

    async def run(self) -> None:
        """Write checkpoints until closed, the last one at full speed. Raises DiskFailed."""
        wait_s = self._settings.checkpoint_interval_s
        try:
            while not self._closing.done():
                await self._rest(wait_s)
                wait_s = await self._try_checkpoint()
            await self._try_checkpoint()
        finally:
            self._thread.end()

    def close(self) -> None:
        """Let `run` finish what it is at, write a last checkpoint if one is due, and end."""
        if not self._closing.done():
            self._closing.set_result(None)

    def require(self) -> None:
        """Have a checkpoint written that begins after this call, even if no entry changed."""
        self._required = True

    async def checkpoint(self, *, calm: bool = True) -> None:
        """Write one checkpoint now, unless nothing changed. Raises OSError, DiskFailed.

        One at a time: called before `run` starts (not calm: nobody is served yet) and by `run`.
        """
        started_s = asyncio.get_running_loop().time()
        if not self._required and self._journal.committed == self._covered:
            self.finished_s = started_s
            return
        if self._segment is None:
            self._segment = await self._journal.rotate()
            self._older_bytes = self._journal.written_bytes
        required, self._required = self._required, False
        covered = self._journal.committed
        try:
            await self._write(self._segment, calm)
        except OSError:
            self._required = self._required or required
            raise
        assert covered >= self._covered
        self._covered = covered
        self.finished_s = started_s
        await self._thread.do(remove_older, self._disk, self._folder, self._segment)
        self._segment = None
        self.covered_bytes = self._older_bytes
        self.written += 1
        self.duration_s = asyncio.get_running_loop().time() - started_s

    async def _try_checkpoint(self) -> float:
        """Write a checkpoint; return how long to wait for the next, in seconds."""
        try:
            await self.checkpoint()
        except OSError as error:
            self.failed += 1
            self._complain(f"cannot write {self._json_path.name}: {error}")
            return self._settings.checkpoint_retry_s
        if self.last_error:
            log.info("DATA  %s can be written again", self._json_path.name)
        self.last_error = ""
        return self._settings.checkpoint_interval_s

    def _complain(self, why: str) -> None:
        """Say why the JSON falls behind: once, not at every try."""
        if self.last_error != why:
            log.warning("DATA  %s; it falls behind, the journal holds everything", why)
        self.last_error = why

    async def _write(self, segment: int, calm: bool) -> None:
        output = Output(
            self._disk,
            self._json_path,
            self._folder,
            segment=segment,
            sync_bytes=self._settings.checkpoint_sync_bytes,
        )
        try:
            await self._thread.do(output.create)
            pairs = await self._copy(output, calm)
            footer = self._footer(pairs, segment)
            await self._thread.do(output.finish, b"\n}\n" if pairs else b"}\n", footer)
            await self._thread.do(output.install)
            self.size_bytes = output.size_bytes
        except OSError:
            await self._thread.do(output.discard)
            raise
        finally:
            await self._thread.do(output.close)

    async def _copy(self, output: Output, calm: bool) -> int:
        """Copy the table piece by piece, resting in between; return the number of pairs."""
        now_s = asyncio.get_running_loop().time
        pairs, batch = 0, _Batch([b"{"])
        started_s = now_s()
        for piece in pieces(self._table):
            batch.add(piece, first=not pairs)
            pairs += len(piece.keys)
            batch.busy_s += now_s() - started_s
            if batch.full:
                await self._append(output, batch, calm)
                batch = _Batch()
            else:
                await asyncio.sleep(0)
            started_s = now_s()
        await self._append(output, batch, calm)
        return pairs

    async def _append(self, output: Output, batch: _Batch, calm: bool) -> None:
        """Have the thread write some pieces, and rest from all that they have cost."""
        now_s = asyncio.get_running_loop().time
        json, versions = b"".join(batch.json), b"".join(batch.versions)
        busy_s = batch.busy_s + _TRIP_S
        busy_s += await self._thread.do(_timed, now_s, output.append, json, versions)
        if calm:
            await self._rest(busy_s * (1 / self._settings.checkpoint_duty - 1))

    def _footer(self, pairs: int, segment: int) -> VersionsFooter:
        footer = self._facts()
        footer.pairs, footer.segment = pairs, segment
        return footer

    async def _rest(self, duration_s: float) -> None:
        """Sleep, unless the node is stopping.

        Not by wait_for: its steps are others since Python 3.12, and with them every history that
        the simulator draws from a seed; before, it may swallow a cancellation.
        """
        if self._closing.done() or duration_s <= 0:
            await asyncio.sleep(0)
        else:
            await asyncio.wait([self._closing], timeout=duration_s)


def _timed(now_s: Callable[[], float], work: Callable[..., None], *arguments: object) -> float:
    """In the thread: do some work; return how long it took there, in seconds."""
    started_s = now_s()
    work(*arguments)
    return now_s() - started_s
