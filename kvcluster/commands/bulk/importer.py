"""An import at work: a file is read in chunks, a few of which are on their way at a time.

**Nothing is lost.** The bookmark moves when a chunk and all before it are stored, never before. It
is written twice a second at most, and at the end, whatever the end is. What was stored behind it is
stored again by the next run: a put of the same value.

**Order.** A key that stands twice in the file ends with its last value: a chunk waits while one
that is on its way has a key of it.

**Unknown outcomes are tried again.** The file says what shall be; whether the first attempt arrived
does not matter. What somebody else wrote under the same key in between is overwritten, as it would
be by an import a moment later. A cluster that answers nothing for two timeouts ends the import;
the same command continues it.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from kvcluster import AsyncClient
from kvcluster.commands.bulk.bookmark import Bookmark, Shelf
from kvcluster.commands.bulk.chunks import Chunk, ImportSource
from kvcluster.commands.bulk.pairs import BadPair, Pair
from kvcluster.console.streams import BrokenOff
from kvcluster.errors import BadRequest, KvError, SomeFailed, Unavailable
from kvcluster.view.meter import Meter

_IN_FLIGHT = 4
_SAVE_INTERVAL_S = 0.5
_REST_S = 0.2
"""Before what failed is tried again."""
_LAST_WAIT_S = 1.0
"""After Ctrl+C, what is on its way gets so long to arrive."""


@dataclass
class Importer:
    """One import of one source. Raises BadPair, or Unavailable when nothing gets through."""

    client: AsyncClient
    source: ImportSource
    shelf: Shelf | None
    """Where the bookmark goes; None where it would be of no use."""
    meter: Meter
    on_bad: Callable[[BadPair], None]
    patience_s: float
    mark: Bookmark | None = None
    """Everything before it is stored."""
    over: int = 0
    """How many pairs had expired already."""
    _on_their_way: collections.deque[tuple[Chunk, asyncio.Task[dict[str, BadRequest]]]] = field(
        default_factory=collections.deque
    )
    _refused: int = 0
    _saved_s: float = 0.0
    _heard_s: float = 0.0

    async def run(self, wish: asyncio.Event) -> bool:
        """Import the rest; return whether all is stored, or the wish to stop came first."""
        self._heard_s = time.monotonic()
        feeding = asyncio.create_task(self._feed())
        wished = asyncio.create_task(wish.wait())
        try:
            await asyncio.wait({feeding, wished}, return_when=asyncio.FIRST_COMPLETED)
            if feeding.done() and feeding.result():
                return True
            feeding.cancel()
            await asyncio.wait({feeding})
            if not feeding.cancelled():
                feeding.result()
            await self._last_wait()
            return False
        finally:
            wished.cancel()
            feeding.cancel()
            await self._end()

    async def _feed(self) -> bool:
        """Store what is read; return whether that was all, or waiting for more was broken off."""
        chunks = self.source.chunks(self.on_bad)
        try:
            # Reading may wait for a pipe; in a thread it keeps nobody else waiting.
            while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                await self._make_room(chunk)
                task = asyncio.create_task(self._store(chunk.pairs))
                self._on_their_way.append((chunk, task))
        except BadPair:
            await self._settle_all()
            raise
        except BrokenOff:
            return False
        await self._settle_all()
        return True

    async def _make_room(self, chunk: Chunk) -> None:
        while len(self._on_their_way) >= _IN_FLIGHT or self._repeats(chunk):
            await self._settle()

    def _repeats(self, chunk: Chunk) -> bool:
        return any(
            not chunk.pairs.keys().isdisjoint(other.pairs) for other, _ in self._on_their_way
        )

    async def _settle_all(self) -> None:
        while self._on_their_way:
            await self._settle()

    async def _settle(self) -> None:
        """Wait for the oldest chunk, and move the bookmark behind it."""
        chunk, task = self._on_their_way[0]
        await asyncio.wait({task})
        refused = task.result()
        self._on_their_way.popleft()
        for key in sorted(refused, key=chunk.numbers.__getitem__):
            why = str(refused[key]).removesuffix("; nothing was written")
            self.on_bad(BadPair(chunk.numbers[key], f"is refused: {why}"))
        self._refused += len(refused)
        if chunk.end is not None:
            assert self.mark is None or self.mark.done <= chunk.end.done, "it never moves back"
            self.mark = replace(chunk.end, keys=chunk.end.keys - self._refused)
            self.meter.show(self.mark.done, self.mark.keys)
        if time.monotonic() - self._saved_s >= _SAVE_INTERVAL_S:
            self._save()

    async def _store(self, pairs: dict[str, Pair]) -> dict[str, BadRequest]:
        """Store pairs, again and again if need be; return those that no node takes."""
        refused: dict[str, BadRequest] = {}
        while pairs:
            try:
                await self._put(pairs)
                pairs = {}
                self._heard_s = time.monotonic()
            except SomeFailed as error:
                if error.done:
                    self._heard_s = time.monotonic()
                bad = {k: it for k, it in error.failures.items() if isinstance(it, BadRequest)}
                refused |= bad
                pairs = {key: pairs[key] for key in error.failures if key not in bad}
                await self._rest(next((error.failures[key] for key in pairs), None))
            except Unavailable as error:
                await self._rest(error)
        return refused

    async def _put(self, pairs: dict[str, Pair]) -> None:
        """Store pairs once. Raises SomeFailed, Unavailable.

        A key whose time is over is deleted: that is what it would be had it been stored in time.
        """
        lasting = {key: it.value for key, it in pairs.items() if it.expires_at is None}
        now = datetime.now(timezone.utc)
        over = [key for key, it in pairs.items() if it.expires_at and it.expires_at <= now]
        expiring = [it for it in pairs.values() if it.expires_at and it.expires_at > now]
        works: list[tuple[list[str], Awaitable[object]]] = [
            *([(list(lasting), self.client.put_many(lasting))] if lasting else []),
            *([(over, self.client.delete_many(over))] if over else []),
            *(([it.key], self._put_expiring(it)) for it in expiring),
        ]
        outcomes = await asyncio.gather(*(work for _, work in works), return_exceptions=True)
        failures: dict[str, KvError] = {}
        for (keys, _), outcome in zip(works, outcomes, strict=True):
            if isinstance(outcome, SomeFailed):
                failures |= outcome.failures
            elif isinstance(outcome, KvError):
                failures |= dict.fromkeys(keys, outcome)
            elif isinstance(outcome, BaseException):
                raise outcome
        self.over += len(set(over) - failures.keys())
        if failures:
            raise SomeFailed(len(pairs) - len(failures), len(failures), failures)

    def _put_expiring(self, pair: Pair) -> Awaitable[object]:
        return self.client.put(pair.key, pair.value, expires_at=pair.expires_at)

    async def _rest(self, error: KvError | None) -> None:
        if error is None:
            return
        if time.monotonic() - self._heard_s > self.patience_s:
            raise error
        await asyncio.sleep(_REST_S)

    async def _last_wait(self) -> None:
        tasks = {task for _, task in self._on_their_way}
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_WAIT_S)
        while self._on_their_way and self._on_their_way[0][1].done():
            await self._settle()

    async def _end(self) -> None:
        self._save()
        for _, task in self._on_their_way:
            task.cancel()
        for _, task in self._on_their_way:
            with contextlib.suppress(asyncio.CancelledError, KvError):
                await task

    def _save(self) -> None:
        self._saved_s = time.monotonic()
        if self.shelf is not None and self.mark is not None:
            self.shelf.put(self.mark)
