"""Random histories: writes while nodes crash, stop, freeze out of reach and come back.

A small forerunner of a real simulator: each history comes from one seed, which a failure prints.
Every key has one writer, so what it must hold afterwards is known: the last acknowledged value,
or one sent after it whose outcome is unknown.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable

import pytest

from kvcluster.config import Settings
from kvcluster.errors import KvError
from tests.cluster.memory import NAMES, MemoryCluster
from tests.storage.virtual_loop import run

_SETTINGS = Settings(checkpoint_interval_s=0.3)
_TURNS = 60


class History:
    """One random history of a cluster."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.cluster = MemoryCluster(_SETTINGS)
        self.allowed: dict[str, list[str | None]] = defaultdict(lambda: [None])
        self.acknowledged = 0
        self.faults = 0
        self._writing = True
        # Drawn for each seed: some histories are calm, some are mad.
        self._weights = [self.rng.random() for _ in self._faults()]
        self._weights[0] += 0.3  # nodes return now and then, or nothing would be acknowledged

    async def run(self) -> None:
        """Play, heal, and check."""
        await self.cluster.start()
        writers = [asyncio.ensure_future(self._write(number)) for number in range(4)]
        for _ in range(_TURNS):
            await asyncio.sleep(self.rng.uniform(0.05, 1.5))
            (fault,) = self.rng.choices(self._faults(), self._weights)
            await fault()
        self._writing = False
        await asyncio.gather(*writers)
        await self._heal()
        self._check()
        for node in self.cluster.network.nodes.values():
            assert not node.failed.done()
            await node.kill()

    async def _write(self, number: int) -> None:
        rng = random.Random(self.rng.random())
        count = 0
        while self._writing:
            count += 1
            key = f"{number}/{rng.randrange(3)}"
            value = None if rng.random() < 0.3 else f"{number}-{count}"
            await self._write_one(rng.choice(NAMES), key, value)
            await asyncio.sleep(rng.uniform(0, 0.2))

    async def _write_one(self, name: str, key: str, value: str | None) -> None:
        if name not in self.cluster.network.nodes:
            return
        self.allowed[key].append(value)
        try:
            if value is None:
                work = self.cluster.delete(name, key, timeout_s=3)
            else:
                work = self.cluster.put(name, key, value, timeout_s=3)
            await asyncio.wait_for(work, 4)
        except (KvError, asyncio.TimeoutError, asyncio.CancelledError):
            return
        self.acknowledged += 1
        self.allowed[key] = [value]

    def _faults(self) -> list[Callable[[], Awaitable[None]]]:
        return [self._start, self._crash, self._crash_all, self._stop, self._cut, self._one_way]

    async def _crash(self) -> None:
        up = sorted(self.cluster.network.nodes)
        if up:
            self.faults += 1
            await self.cluster.crash(self.rng.choice(up))

    async def _crash_all(self) -> None:
        self.faults += 1
        await self.cluster.crash(*sorted(self.cluster.network.nodes))

    async def _stop(self) -> None:
        up = sorted(self.cluster.network.nodes)
        if up:
            self.faults += 1
            await self.cluster.stop(self.rng.choice(up))

    async def _start(self) -> None:
        self.cluster.network.heal()
        for name in NAMES:
            if name not in self.cluster.network.nodes:
                await self.cluster.start(name)

    async def _cut(self) -> None:
        self.faults += 1
        self.cluster.network.isolate(self.rng.choice(NAMES))

    async def _one_way(self) -> None:
        self.faults += 1
        one, other = self.rng.sample(NAMES, 2)
        self.cluster.network.cuts.add((one, other))

    async def _heal(self) -> None:
        await self._start()
        await self.cluster.until_serving()
        await self.cluster.until_equal()

    def _check(self) -> None:
        assert self.acknowledged > 20
        assert self.faults > 3
        held = self.cluster.held(NAMES[0])
        for key, allowed in self.allowed.items():
            value = held.get(key, (None, b""))[0]
            assert value in allowed, f"{key} is {value!r}, acknowledged or sent later: {allowed}"


@pytest.mark.parametrize("seed", range(20))
def test_no_history_loses_an_acknowledged_write_or_revives_a_deleted_key(seed: int) -> None:
    """Whatever crashed and was cut, in the end all nodes agree on the last acknowledged writes."""
    run(History(seed).run())
