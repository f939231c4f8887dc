"""A load on a cluster: so many calls at a time, each beginning when the one before it has ended.

That is a closed loop: a cluster that is slow for a moment is asked less in that moment, so the
latencies are those that so many patient clients see, not those of a crowd that keeps coming. What
is measured includes this program, which has one processor to itself at best; the calls travel in
batches, as those of any program do that uses AsyncClient.

Its keys stand under a prefix with a random word, so that it reads, overwrites and removes no key
but its own.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from kvcluster import AsyncClient
from kvcluster.errors import BadRequest, KvError, SomeFailed
from kvcluster.view.histogram import Histogram
from kvcluster.view.meter import Meter

_SHOW_INTERVAL_S = 0.2
_POOL_CHARACTERS = 1024
_AT_A_TIME = 4_000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What load."""

    duration_s: float
    clients: int
    value_bytes: int
    keys: int
    reads_percent: int
    prefix: str
    keep: bool


@dataclass
class Tally:
    """What came of one kind of call."""

    latency: Histogram = field(default_factory=Histogram)
    """Of the calls that were answered."""
    errors: Counter[str] = field(default_factory=Counter)
    example: str = ""
    """What the first error said."""

    def fail(self, error: KvError) -> None:
        """Count a call that failed."""
        self.errors[type(error).__name__] += 1
        self.example = self.example or str(error)


class Load:
    """One run. Methods raise KvError, except for the calls that are measured."""

    def __init__(self, client: AsyncClient, plan: Plan) -> None:
        self.plan = plan
        self.prefix = f"{plan.prefix}{secrets.token_hex(3)}/"
        self.reads, self.writes = Tally(), Tally()
        self.elapsed_s = 0.0
        self.begun = 0
        """So many keys may be there to be removed."""
        self._client = client
        self._random = random.Random()
        # Values differ, and none is easier than another: cut from a text that does not repeat.
        characters = plan.value_bytes + _POOL_CHARACTERS
        self._pool = secrets.token_urlsafe(characters)[:characters]

    def _key(self, number: int) -> str:
        return f"{self.prefix}{number:08d}"

    def _value(self) -> str:
        start = self._random.randrange(_POOL_CHARACTERS)
        return self._pool[start : start + self.plan.value_bytes]

    async def fill(self, wish: asyncio.Event, meter: Meter) -> None:
        """Store every key once, so that there is something to read; or until the wish comes."""
        await self._client.get(self._key(0))  # if no node is there, that is soon known
        try:
            await self._client.put_many(self._pairs(wish, meter))
        except SomeFailed as error:
            raise next(iter(error.failures.values())) from None

    def _pairs(self, wish: asyncio.Event, meter: Meter) -> Iterator[tuple[str, str]]:
        while self.begun < self.plan.keys and not wish.is_set():
            self.begun += 1
            yield self._key(self.begun - 1), self._value()
            if not self.begun % _AT_A_TIME:
                meter.show(self.begun, self.begun)

    async def run(self, wish: asyncio.Event, meter: Meter) -> None:
        """Load it until the time is over, or the wish comes to end it."""
        started_s = time.perf_counter()
        end_s = started_s + self.plan.duration_s
        loops = [asyncio.create_task(self._loop(wish, end_s)) for _ in range(self.plan.clients)]
        try:
            pending = set(loops)
            while pending:
                _, pending = await asyncio.wait(pending, timeout=_SHOW_INTERVAL_S)
                calls = self.reads.latency.count + self.writes.latency.count
                meter.show(min(time.perf_counter() - started_s, self.plan.duration_s), calls)
        finally:
            self.elapsed_s = time.perf_counter() - started_s
            for loop in loops:
                loop.cancel()
        for loop in loops:
            loop.result()

    async def _loop(self, wish: asyncio.Event, end_s: float) -> None:
        chance, choose, clock = self._random.random, self._random.randrange, time.perf_counter
        share = self.plan.reads_percent / 100
        while not wish.is_set() and clock() < end_s:
            key = self._key(choose(self.plan.keys))
            reading = chance() < share
            tally = self.reads if reading else self.writes
            started_s = clock()
            try:
                if reading:
                    await self._client.get(key)
                else:
                    await self._client.put(key, self._value())
            except BadRequest:
                raise
            except KvError as error:
                tally.fail(error)
            else:
                tally.latency.add(clock() - started_s)

    async def clean(self, meter: Meter) -> None:
        """Remove its keys."""
        for start in range(0, self.begun, _AT_A_TIME):
            numbers = range(start, min(start + _AT_A_TIME, self.begun))
            try:
                await self._client.delete_many(map(self._key, numbers))
            except SomeFailed as error:
                raise next(iter(error.failures.values())) from None
            meter.show(numbers.stop, numbers.stop)
