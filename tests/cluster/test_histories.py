"""Random histories: writes and reads while nodes crash, stop, lose their folder, are cut off.

A small forerunner of a real simulator: each history comes from one seed, which a failure prints.
Every key has one writer, so what it must hold afterwards is known: the last acknowledged value,
or one sent after it whose outcome is unknown.

In half of the histories no link is ever cut. Then every read is judged, too: it may not be older
than what an acknowledgement left at any node that the answering node sees alive.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict

import pytest

from kvcluster.config import Settings
from kvcluster.errors import KvError
from kvcluster.model.slots import slot_of
from tests.cluster.memory import FIVE, NAMES, MemoryCluster
from tests.storage.fake_disk import FakeDisk
from tests.storage.virtual_loop import run

from demo_pb2 import GetRequest

_SETTINGS = Settings(checkpoint_interval_s=0.3)
_TURNS = 60
_SHAPES = [(NAMES, 3), (NAMES, 3), (NAMES, 2), (FIVE, 3), (FIVE, 2), (NAMES, 1)]


class History:
    """One random history of a cluster."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        members, replicas = self.rng.choice(_SHAPES)
        self.cluster = MemoryCluster(_SETTINGS, members=members, replicas=replicas)
        self.names = members
        self.allowed: dict[str, list[str | None]] = defaultdict(lambda: [None])
        self.acked: dict[str, bytes] = {}
        self.acknowledged = self.faults = self.reads = 0
        self._writing = True
        self._faults = [self._start, self._crash, self._crash_all, self._stop, self._lose_folder]
        self.judges_reads = self.rng.random() < 0.5
        if not self.judges_reads:
            self._faults += [self._cut, self._one_way]
        # Drawn for each seed: some histories are calm, some are mad.
        self._weights = [self.rng.random() for _ in self._faults]
        self._weights[0] += 0.3  # nodes return now and then, or nothing would be acknowledged

    async def run(self) -> None:
        """Play, heal, and check."""
        await self.cluster.start()
        clients = [asyncio.ensure_future(self._write(number)) for number in range(4)]
        clients += [asyncio.ensure_future(self._read()) for _ in range(2)]
        for _ in range(_TURNS):
            await asyncio.sleep(self.rng.uniform(0.05, 1.5))
            (fault,) = self.rng.choices(self._faults, self._weights)
            await fault()
        self._writing = False
        await asyncio.gather(*clients)
        await self._heal()
        self._check()
        await self.cluster.until(self._no_tombstones, "tombstones are gone", 600, step_s=1)
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
            await self._write_one(rng.choice(self.names), key, value)
            await asyncio.sleep(rng.uniform(0, 0.2))

    async def _write_one(self, name: str, key: str, value: str | None) -> None:
        if name not in self.cluster.network.nodes:
            return
        self.allowed[key].append(value)
        try:
            if value is None:
                work = self.cluster.delete_versioned(name, key, timeout_s=3)
            else:
                work = self.cluster.put_versioned(name, key, value, timeout_s=3)
            version = await asyncio.wait_for(work, 4)
        except (KvError, asyncio.TimeoutError, asyncio.CancelledError):
            return
        self.acknowledged += 1
        self.allowed[key] = [value]
        self.acked[key] = version

    async def _read(self) -> None:
        rng = random.Random(self.rng.random())
        while self._writing:
            await asyncio.sleep(rng.uniform(0, 0.2))
            name, key = rng.choice(self.names), f"{rng.randrange(4)}/{rng.randrange(3)}"
            if name in self.cluster.network.nodes:
                await self._read_one(name, key)

    async def _read_one(self, name: str, key: str) -> None:
        least = self._least(key)
        deadline_s = asyncio.get_running_loop().time() + 3
        try:
            work = self.cluster[name].router.get(GetRequest(key=key), deadline_s)
            answer = await asyncio.wait_for(work, 4)
        except (KvError, asyncio.TimeoutError, asyncio.CancelledError):
            return
        self.reads += 1
        wanted = least.get(answer.served_by, b"")
        # A tombstone may have been dropped: then nothing is known of the key, and rightly so.
        if self.judges_reads and (answer.version or wanted in self._deletes(key)):
            assert answer.version >= wanted or not answer.version, (
                f"{key}: {answer.served_by} answered {answer.value!r}, older than acknowledged"
            )
        elif self.judges_reads:
            # A node that lost its folder has nothing where the others have a tombstone.
            lost = f"{key}: {answer.served_by} has lost {self.allowed[key]}"
            assert not wanted or None in self.allowed[key], lost

    def _deletes(self, key: str) -> set[bytes]:
        return {self.acked[key]} if key in self.acked and self.allowed[key][0] is None else set()

    def _least(self, key: str) -> dict[str, bytes]:
        """For each node, what it may not be older than: acknowledged, at a node it sees alive."""
        acked = self.acked.get(key, b"")
        holders = [
            name
            for name, node in self.cluster.network.nodes.items()
            if (held := node.store.get(key)) is not None and held[1] >= acked
        ]
        return {
            name: acked
            for name in self.cluster.network.nodes
            if any(h == name or self.cluster.sees(name, h) == "ALIVE" for h in holders)
        }

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

    async def _lose_folder(self) -> None:
        """A node comes back with nothing, while the others have everything."""
        if self.cluster.replicas == 1 or len(self.cluster.network.nodes) < len(self.names):
            return
        if not self.cluster.is_whole():
            return
        self.faults += 1
        victim = self.rng.choice(self.names)
        await self.cluster.crash(victim)
        self.cluster.disks[victim] = FakeDisk()
        await self.cluster.start(victim)

    async def _start(self) -> None:
        self.cluster.network.heal()
        for name in self.names:
            if name not in self.cluster.network.nodes:
                await self.cluster.start(name)

    async def _cut(self) -> None:
        self.faults += 1
        self.cluster.network.isolate(self.rng.choice(self.names))

    async def _one_way(self) -> None:
        self.faults += 1
        one, other = self.rng.sample(self.names, 2)
        self.cluster.network.cuts.add((one, other))

    async def _heal(self) -> None:
        await self._start()
        await self.cluster.until_serving()
        await self.cluster.until_equal()

    def _no_tombstones(self) -> bool:
        return not any(node.store.table.tombstones for node in self.cluster.network.nodes.values())

    def _check(self) -> None:
        assert self.acknowledged > 20
        assert self.reads > 20
        assert self.faults > 3
        for key, allowed in self.allowed.items():
            primary = self.cluster[self.names[0]].home.replicas(slot_of(key))[0]
            value = self.cluster.held(primary).get(key, (None, b""))[0]
            assert value in allowed, f"{key} is {value!r}, acknowledged or sent later: {allowed}"


@pytest.mark.parametrize("seed", range(10))
def test_no_history_loses_an_acknowledged_write_or_revives_a_deleted_key(seed: int) -> None:
    """Whatever crashed and was cut, in the end all nodes agree on the last acknowledged writes."""
    run(History(seed).run())
