"""A load on an engine that remembers what it was told, and finds where that was not true.

Each writer has a key at a time, and writes numbers there that only grow. What a number may be is
simple then: what was acknowledged is there until something larger is; what was said to be *not
written* is never there. A write whose outcome is unknown may be there or not, now or later; so its
writer leaves that key alone from then on, as a careful client does, and goes on with a new one.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field

from kvcluster.engines.contract import Engine, WriteDone
from kvcluster.errors import KvError, NothingWritten, OutcomeUnknown
from kvcluster.model.operation import Kind, Operation

_TIMEOUT_S = 4.0
_REST_S = 0.01
_READERS = 2


@dataclass
class Story:
    """What is known of one key."""

    acknowledged: int = 0
    refused: set[int] = field(default_factory=set)
    unknown: int = 0
    """The last number, if nobody knows what became of it."""
    seen: int = 0
    """The largest that a read has shown."""


class GrowingLoad:
    """Some writers and readers, until `stop`."""

    def __init__(self, engine: Engine, writers: int = 8) -> None:
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self.stories: dict[str, Story] = {}
        self.wrong: list[str] = []
        """Promises that were broken, for people."""
        self.outcomes: Counter[str] = Counter()
        self.longest_gap_s = 0.0
        """Between two successful writes, of anybody."""
        self._succeeded_s = self._loop.time()
        self._stopping = False
        self._names = itertools.count()
        self._tasks = [asyncio.ensure_future(self._write()) for _ in range(writers)]
        self._tasks += [asyncio.ensure_future(self._read_all()) for _ in range(_READERS)]

    async def succeed(self, times: int, within_s: float = 30.0) -> None:
        """Return when so many more writes were acknowledged."""
        wanted = self.outcomes["done"] + times
        end_s = self._loop.time() + within_s
        while self.outcomes["done"] < wanted:
            assert self._loop.time() < end_s, f"no writes succeed: {dict(self.outcomes)}"
            for task in self._tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(_REST_S)

    async def stop(self) -> None:
        """End, and look at everything once more."""
        self._stopping = True
        await asyncio.gather(*self._tasks)
        for key in self.stories:
            await self._read(key)

    async def _write(self) -> None:
        while not self._stopping:
            key = f"grow/{next(self._names):05}"
            story = self.stories[key] = Story()
            for number in itertools.count(1):
                await asyncio.sleep(0)  # an engine in memory lets nobody else in
                outcome = await self._put(key, number)
                self.outcomes[_called(outcome)] += 1
                if isinstance(outcome, WriteDone):
                    story.acknowledged = number
                    now_s = self._loop.time()
                    self.longest_gap_s = max(self.longest_gap_s, now_s - self._succeeded_s)
                    self._succeeded_s = now_s
                elif isinstance(outcome, NothingWritten):
                    story.refused.add(number)
                    await asyncio.sleep(_REST_S)
                else:
                    story.unknown = number
                if self._stopping or story.unknown or number == 200:
                    break

    async def _put(self, key: str, number: int) -> object:
        operation = Operation(Kind.PUT, key, str(number))
        try:
            (outcome,) = await self._engine.write([operation], self._loop.time() + _TIMEOUT_S)
        except KvError as error:
            return error
        return outcome

    async def _read_all(self) -> None:
        while not self._stopping:
            for key in list(self.stories)[-20:]:
                await asyncio.sleep(0)
                await self._read(key)
                if self._stopping:
                    return
            await asyncio.sleep(_REST_S)

    async def _read(self, key: str) -> None:
        story = self.stories[key]
        least = max(story.acknowledged, story.seen)
        try:
            (content,) = await self._engine.read(
                [key], self._loop.time() + _TIMEOUT_S, linearizable=False
            )
        except KvError:
            return
        if isinstance(content, KvError):
            return
        number = int(content.value or 0)
        if number < least:
            self.wrong.append(f"{key}: {least} was there, and now {number} is")
        if number in story.refused:
            self.wrong.append(f"{key}: {number} is there, which was said not to be written")
        story.seen = max(story.seen, number)


def _called(outcome: object) -> str:
    if isinstance(outcome, WriteDone):
        return "done"
    if isinstance(outcome, OutcomeUnknown):
        return f"unknown: {outcome}"
    return f"nothing written: {outcome}"
