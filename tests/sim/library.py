"""Clients of a history that use the real library: hedges, retries, batches, pages and all.

In some histories (`uses_library`) the clients are `AsyncClient`s in virtual time, over the
simulated network. Each has many operations on its way at once, on few keys, and now and then gives
one up. What the library tells of a write is judged like what a node tells of it: done, certainly
not done, or unknown. Beside that, three promises of its own:

- every operation ends at its timeout;
- writes of one client to one key happen in the order in which they were begun;
- a scan of many pages, through many nodes, gives each key once, in order, and leaves none out
  without saying so.

And one that only shows behind the scenes: a write that may have been delivered is not sent again
(`SentOnce`).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from kvcluster import (
    AsyncClient,
    BadRequest,
    Deleted,
    Incomplete,
    NothingWritten,
    OutcomeUnknown,
    Stored,
    Unavailable,
)
from kvcluster.client.session import Session
from kvcluster.model.entry import ZERO, Entry
from tests.sim.broken import Broken
from tests.sim.judge import Judge
from tests.sim.library_ledger import Ledger
from tests.sim.library_many import Pauses, count_crates, get_many, put_many
from tests.sim.library_wire import SimConnection, Traffic
from tests.sim.operations import Outcome
from tests.sim.world import World

_EACH, _REST = 4, 2
_HOT = 3
_MOST_AT_ONCE = 40
_MOST_TOGETHER = 12
_IN_A_ROW = 0.7
_INCARNATION_BYTES = 4
_LONG_S = 1.0
"""While a scan takes so long, the only node that took a write may be counted dead."""


def uses_library(seed: int) -> bool:
    """Whether the clients of a history use the library."""
    return seed % _EACH == _REST


class LibraryClients:
    """All clients of one history."""

    def __init__(
        self,
        world: World,
        judge: Judge,
        rng: random.Random,
        *,
        hurry: float,
        cold_keys: int,
        clocks_agree: bool,
        log: Callable[[str, str], None],
    ) -> None:
        self._world = world
        self._judge = judge
        self._log = log
        self._now_s = asyncio.get_running_loop().time
        self._rngs = [random.Random(rng.random()) for _ in range(rng.randint(2, 4))]
        self._cold_keys = cold_keys
        self._pause_s = rng.choice([0.05, 0.2]) / hurry
        self._heat = rng.choice([0.3, 0.7, 0.95])
        self._reads = rng.choice([0.2, 0.5])
        self._deletes = rng.choice([0.1, 0.3, 0.6])
        self._timeout_s = rng.choice([0.5, 1.5, 3.0, 8.0])
        self._most = rng.choice([1, 4, 12])
        self._scans = rng.choice([0.02, 0.1])
        self._many = rng.choice([0.1, 0.4])
        self._page_keys = rng.choice([2, 7, 1000])
        self._numbers = iter(range(1, 1_000_000))
        self._traffic: dict[str, Traffic] = {}
        self.stopped = False
        self.scans: Counter[str] = Counter()
        """How scans ended."""
        self.seen: Counter[str] = Counter()
        """What the library went through."""
        self._ledger = Ledger(
            world, judge, self.seen, log, timeout_s=self._timeout_s, clocks_agree=clocks_agree
        )
        SentOnce(world)

    async def play(self) -> None:
        """Work until stopped."""
        await asyncio.gather(*[self._work(f"c{i}", rng) for i, rng in enumerate(self._rngs, 1)])

    async def _work(self, name: str, rng: random.Random) -> None:
        running: dict[asyncio.Task[None], None] = {}
        async with self._client(name, rng) as client:
            while not self.stopped:
                await asyncio.sleep(rng.expovariate(1 / self._pause_s))
                for _ in range(rng.randint(1, self._most)):
                    if len(running) < _MOST_AT_ONCE:
                        task = asyncio.ensure_future(self._operation(name, client, rng))
                        running[task] = None
                        task.add_done_callback(running.pop)
                if running and rng.random() < 0.05:
                    self.seen["operations given up"] += 1
                    rng.choice(list(running)).cancel()
            while running:
                await asyncio.wait(list(running))

    def _client(self, name: str, rng: random.Random) -> AsyncClient:
        own, traffic = random.Random(rng.random()), Traffic(self.seen)
        seeds = rng.sample(self._world.members, rng.randint(1, len(self._world.members)))
        client = AsyncClient(seeds, timeout_s=self._timeout_s)

        def dial(node: str) -> SimConnection:
            return SimConnection(self._world.network, own, name, node, traffic)

        def begin(*given: Any) -> Session:
            session = Session(*given, dial=dial, rng=own, page_keys=self._page_keys)
            count_crates(session, self.seen)
            return session

        client._open = begin
        self._traffic[name] = traffic
        return client

    async def _operation(self, name: str, client: AsyncClient, rng: random.Random) -> None:
        """One of any kind; an error in it breaks the history."""
        try:
            if rng.random() < self._scans:
                await self._scan(name, client, rng)
            elif rng.random() < self._many:
                await self._some_at_once(name, client, rng)
            elif rng.random() < self._reads:
                await self._get(name, client, self._key(rng))
            else:
                await self._write(name, client, self._key(rng), self._value_or_delete(rng))
        except (AssertionError, BadRequest) as error:
            self._world.breaks(error if isinstance(error, AssertionError) else Broken(str(error)))

    async def _some_at_once(self, name: str, client: AsyncClient, rng: random.Random) -> None:
        count = rng.randint(2, _MOST_TOGETHER)
        keys = [self._key(rng) for _ in range(count)]
        if rng.random() < _IN_A_ROW:  # as an import has them, and as they leave as one
            first = rng.randrange(self._cold_keys)
            keys = [f"cold{(first + place) % self._cold_keys}" for place in range(count)]
        pauses = Pauses(rng, rng.choice([0.0, 0.0, 0.1]))
        if rng.random() < self._reads:
            await get_many(self._ledger, pauses, name, client, keys)
        else:
            pairs = [(key, f"{next(self._numbers)}") for key in keys]
            await put_many(self._ledger, pauses, name, client, pairs, self._traffic[name].stored)

    def _key(self, rng: random.Random) -> str:
        if rng.random() < self._heat:
            return f"hot{rng.randrange(_HOT)}"
        return f"cold{rng.randrange(self._cold_keys)}"

    def _value_or_delete(self, rng: random.Random) -> str | None:
        return None if rng.random() < self._deletes else f"{next(self._numbers)}"

    async def _write(self, name: str, client: AsyncClient, key: str, value: str | None) -> None:
        write = self._ledger.begins(name, key, value)
        done: Stored | Deleted
        try:
            if value is None:
                done = await client.delete(key)
            else:
                done = await client.put(key, value)
        except NothingWritten as error:
            self._ledger.ended(write, Outcome.REFUSED, str(error))
        except OutcomeUnknown as error:
            self._ledger.ended(write, Outcome.UNKNOWN, str(error))
        except asyncio.CancelledError:
            self._ledger.given_up(write)
        else:
            self._ledger.done(write, done.version, done.served_by, done.acknowledged)

    async def _get(self, name: str, client: AsyncClient, key: str) -> None:
        read = self._ledger.begins_to_read(name, key)
        try:
            value = await client.get(key)
        except Unavailable as error:
            self._ledger.not_read(read, error)
        except asyncio.CancelledError:
            return
        else:
            self._ledger.read(read, value)

    async def _scan(self, name: str, client: AsyncClient, rng: random.Random) -> None:
        prefix, limit = rng.choice(["", "", "hot", "cold"]), rng.choice([None, None, 1, 10])
        began_s = self._now_s()
        least = {key: self._judge.before_read(key) for key in self._judge.diary.by_key}
        pairs: list[tuple[str, str]] = []
        how, why = "whole", ""
        try:
            async for pair in client.scan(prefix, limit=limit):
                pairs.append(pair)
        except (Incomplete, Unavailable) as error:
            how = "with holes" if isinstance(error, Incomplete) else "broken off"
            why = f" ({error})"
        except asyncio.CancelledError:
            return
        self.scans[how] += 1
        self._log(f"{name}: scan {prefix!r} {limit}: {len(pairs)} keys, {how}{why}", "")
        self.seen["pages behind the first"] += max(0, len(pairs) - 1) // self._page_keys
        assert limit is None or len(pairs) <= limit
        up_to = pairs[-1][0] if pairs and len(pairs) == limit else "~"
        wanted = {k: v for k, v in least.items() if k.startswith(prefix) and k <= up_to}
        if self._now_s() - began_s > _LONG_S:
            wanted = {key: one.lasting() for key, one in wanted.items()}
        self._judge.after_scan(pairs, wanted, complete=how == "whole")


class SentOnce:
    """No value is coordinated by two nodes, or by two lives of one.

    Whoever sends a write a second time though the first may have been delivered has it written
    twice, and the second one lands over what came in between.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._lives: dict[str, bytes] = {}
        world.storing.append(self._stored)

    def _stored(self, name: str, key: str, entry: Entry) -> None:
        value, version = entry
        if value is None or version == ZERO:  # read from a damaged file, as if made by hand
            return
        life = bytes(version[-_INCARNATION_BYTES:])
        if self._lives.setdefault(value, life) != life:
            self._world.breaks(Broken(f"{key} = {value!r:.20} was sent and written twice", key))
