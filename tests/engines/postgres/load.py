"""Load: writers whose values only grow, readers that look on, and what must be true afterwards.

Each writer has keys of its own and puts 1, 2, 3 ... into them, in batches, plain and conditional in
turn, whatever becomes of each. So of every number it is known what was said of it: done, certainly
not, or perhaps.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from kvcluster.engines.contract import Engine, WriteDone, WriteOutcome
from kvcluster.errors import KvError, NothingWritten, OutcomeUnknown
from kvcluster.model.condition import Condition
from kvcluster.model.decision import Content
from kvcluster.model.operation import Kind, Operation

WRITERS = 6
KEYS = 4
PATIENCE_S = 3.0


class Load:
    """Writers and a reader on one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.done: dict[str, int] = {}
        self.refused: dict[str, set[int]] = {}
        self.told: Counter[str] = Counter()
        self.late: list[str] = []
        """Calls that did not keep their deadline."""
        self.successes_s: list[float] = []
        self.backwards: list[str] = []
        self._seen: dict[str, int] = {}
        self._is_over = False
        self._tasks: list[asyncio.Future[None]] = []

    def start(self) -> None:
        """Begin."""
        writers = [self._write(f"w{number}") for number in range(WRITERS)]
        self._tasks = [asyncio.ensure_future(it) for it in (*writers, self._read())]

    async def stop(self) -> None:
        """End, and say what any of them stumbled over."""
        self._is_over = True
        await asyncio.gather(*self._tasks)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Return when something holds; fails after a while, or with a task."""
        end_s = time.monotonic() + 20
        while not holds():
            for task in self._tasks:
                assert not task.done(), task.exception()
            assert time.monotonic() < end_s, f"never: {what}; {self.told}"
            await asyncio.sleep(0.02)

    async def until_more(self, count: int) -> float:
        """Return after so many more batches that succeeded; how long there was none at most."""
        before = len(self.successes_s)
        await self.until(lambda: len(self.successes_s) >= before + count, f"{count} more succeed")
        return self.gap_s()

    def gap_s(self) -> float:
        """The longest time without a success."""
        times = self.successes_s
        return max((later - it for it, later in pairwise(times)), default=0.0)

    async def _write(self, name: str) -> None:
        number = 0
        while not self._is_over:
            number += 1
            condition = Condition.none() if number % 3 == 0 else None
            batch = [
                Operation(Kind.PUT, f"{name}/{at}", str(number), condition) for at in range(KEYS)
            ]
            started_s = time.monotonic()
            outcomes = await self._outcomes(batch)
            if time.monotonic() - started_s > PATIENCE_S + 0.7:
                self.late.append(f"{name}/{number}: {time.monotonic() - started_s:.2f} s")
            for operation, outcome in zip(batch, outcomes, strict=True):
                self._note(operation, outcome, number)
            if not all(isinstance(it, WriteDone) for it in outcomes):
                await asyncio.sleep(0.02)

    async def _outcomes(self, batch: list[Operation]) -> list[WriteOutcome]:
        loop = asyncio.get_running_loop()
        try:
            return await self.engine.write(batch, loop.time() + PATIENCE_S)
        except KvError as error:
            return [error] * len(batch)

    def _note(self, operation: Operation, outcome: WriteOutcome, number: int) -> None:
        self.told[type(outcome).__name__] += 1
        if isinstance(outcome, WriteDone):
            self.done[operation.key] = number
            self.successes_s.append(time.monotonic())
        elif isinstance(outcome, NothingWritten):
            self.refused.setdefault(operation.key, set()).add(number)
        else:
            assert isinstance(outcome, OutcomeUnknown), outcome

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        keys = [f"w{number}/{at}" for number in range(WRITERS) for at in range(KEYS)]
        while not self._is_over:
            least = dict(self.done)
            try:
                outcomes = await self.engine.read(keys, loop.time() + PATIENCE_S, linearizable=True)
            except KvError:
                await asyncio.sleep(0.02)
                continue
            for key, content in zip(keys, outcomes, strict=True):
                assert isinstance(content, Content)
                self._saw(key, int(content.value or 0), least.get(key, 0))
            await asyncio.sleep(0.01)

    def _saw(self, key: str, number: int, done: int) -> None:
        if number < max(self._seen.get(key, 0), done):
            self.backwards.append(f"{key}: {number} after {self._seen.get(key)}, done {done}")
        if number in self.refused.get(key, ()):
            self.backwards.append(f"{key}: {number} was refused and is there")
        self._seen[key] = number

    async def check(self) -> None:
        """What must be true of it, whatever happened."""
        keys = list(self.done)
        loop = asyncio.get_running_loop()
        outcomes = await self.engine.read(keys, loop.time() + 10, linearizable=True)
        for key, content in zip(keys, outcomes, strict=True):
            assert isinstance(content, Content)
            assert int(content.value or 0) >= self.done[key], f"{key}: acknowledged, and gone"
            assert int(content.value or 0) not in self.refused.get(key, ()), f"{key}: refused"
        assert not self.backwards
        assert not self.late
        assert len(keys) == WRITERS * KEYS
