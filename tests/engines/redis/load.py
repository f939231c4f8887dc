"""Load on an engine while something breaks: each key has a writer, and its values only grow.

So whatever becomes of a write can be told from the value that is there in the end: what was
acknowledged is at most that, and what was said not to be written is never it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from kvcluster.engines.contract import Engine, WriteDone
from kvcluster.errors import KvError, NothingWritten
from kvcluster.model.decision import Content
from kvcluster.model.operation import Kind, Operation

_CALL_S = 3.0


class EngineLoad:
    """Writers and readers of some keys."""

    def __init__(self, engine: Engine, keys: Sequence[str]) -> None:
        self._engine = engine
        self._keys = keys
        self.done = dict.fromkeys(keys, 0)
        """The last value that was acknowledged, by key."""
        self._never: dict[str, set[int]] = {key: set() for key in keys}
        self._read = dict.fromkeys(keys, 0)
        self.counts: Counter[str] = Counter()
        self.gap_s = 0.0
        """The longest time that a key went without a success."""
        self._tasks: list[asyncio.Task[None]] = []
        self._ends = False

    async def __aenter__(self) -> EngineLoad:
        jobs = [self._write(key) for key in self._keys]
        self._tasks = [asyncio.create_task(job) for job in (*jobs, self._look(), self._probe())]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ends = True
        await asyncio.gather(*self._tasks)

    async def more(self, count: int = 50, deadline_s: float = 30.0) -> None:
        """Return when each key was written so many times more."""
        wanted = {key: value + count for key, value in self.done.items()}
        end_s = asyncio.get_running_loop().time() + deadline_s
        while any(self.done[key] < wanted[key] for key in self._keys):
            assert asyncio.get_running_loop().time() < end_s, f"no progress: {self.counts}"
            await asyncio.sleep(0.02)

    async def check(self) -> None:
        """What is there in the end."""
        for key, content in zip(self._keys, await self._contents(), strict=True):
            value = int(content.value or 0)
            assert value >= self.done[key], f"{key}: {self.done[key]} was acknowledged, {value} is"
            assert value not in self._never[key], f"{key}: {value} was not to be written"

    async def _write(self, key: str) -> None:
        clock = asyncio.get_running_loop().time
        value, last_s = 0, clock()
        while not self._ends:
            value += 1
            put = Operation(Kind.PUT, key, str(value))
            try:
                (outcome,) = await self._engine.write([put], clock() + _CALL_S)
            except KvError as error:
                outcome = error
            if isinstance(outcome, WriteDone):
                self.gap_s, last_s = max(self.gap_s, clock() - last_s), clock()
                self.done[key] = value
                self.counts["done"] += 1
                await asyncio.sleep(0.005)
            elif isinstance(outcome, NothingWritten):
                self._never[key].add(value)
                self.counts[f"nothing written: {outcome}"] += 1
                await asyncio.sleep(0.05)
            else:
                self.counts[f"unknown: {outcome}"] += 1

    async def _look(self) -> None:
        while not self._ends:
            before = dict(self.done)
            with suppress(KvError):
                for key, content in zip(self._keys, await self._contents(), strict=True):
                    value = int(content.value or 0)
                    assert value >= before[key], f"{key}: read {value} after {before[key]} was done"
                    assert value not in self._never[key], f"{key}: {value} was not to be written"
                    self.counts["went back"] += value < self._read[key]
                    self._read[key] = value
            await asyncio.sleep(0.02)

    async def _contents(self) -> list[Content]:
        deadline_s = asyncio.get_running_loop().time() + _CALL_S
        contents = await self._engine.read(self._keys, deadline_s, linearizable=False)
        for it in contents:
            if isinstance(it, KvError):
                raise it
        return [it for it in contents if isinstance(it, Content)]

    async def _probe(self) -> None:
        while not self._ends:
            with suppress(KvError):
                await self._engine.probe(asyncio.get_running_loop().time() + 2)
            await asyncio.sleep(0.5)
