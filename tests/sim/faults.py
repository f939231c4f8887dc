"""The faults of a history: what, when, whom, for how long. Drawn before it begins, from its seed.

Drawn beforehand, so that a failing history can be played again with some of its faults left out
(shrink.py). Whom a fault hits is part of it; a fault that makes no sense when its time has come (a
node is to be killed that is down) does nothing.

How likely each kind is, is drawn too: some histories are calm, some are mad, some have one kind of
trouble again and again.
"""

from __future__ import annotations

import asyncio
import errno
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tests.sim.world import FAST_S, World
from tests.storage.fake_disk import FakeDisk

Act = Callable[["Fault"], Awaitable[bool]]

_HOUR_MS = 3_600_000
_SOON_S = 4.0
_SLOW_S = (0.02, 1.5)


@dataclass(frozen=True)
class Fault:
    """One fault. `victim` and `other` are places in the member list."""

    at_s: float
    kind: str
    victim: int
    other: int
    lasts_s: float
    amount: float

    def __str__(self) -> str:
        return f"{self.kind} (node {self.victim}, {self.lasts_s:.2f} s, {self.amount:.2f})"


LOSING = ("isolate", "one way", "halves", "storm")
"""Faults by which messages vanish between processes that run."""
CLOCKS = ("clock jump", "clock drift")
OTHERS = (
    "kill",
    "power cut",
    "power cut in a write",
    "power cut of all",
    "stop",
    "freeze",
    "lose folder",
    "fill disk",
    "fail fsync",
    "slow disk",
)

_HOLDS_BACK = 0.5
"""So many of the cuts lose nothing: what is sent arrives when the cut is mended, as with TCP."""


def draw(
    rng: random.Random, kinds: tuple[str, ...], members: int, count: int, within_s: float
) -> list[Fault]:
    """A schedule of faults."""
    weights = [rng.random() ** 3 for _ in kinds]
    faults = []
    for _ in range(count):
        victim, other = rng.sample(range(max(members, 2)), 2)
        faults.append(
            Fault(
                at_s=rng.uniform(0.5, within_s),
                kind=rng.choices(kinds, weights)[0],
                victim=victim % members,
                other=other % members,
                lasts_s=rng.choice([0.05, 0.5, 2.0, 5.0]) * rng.uniform(0.5, 1.5),
                amount=rng.random(),
            )
        )
    return sorted(faults, key=lambda fault: fault.at_s)


class Faults:
    """Does faults to a world, and undoes them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._names = world.members
        self.done: Counter[str] = Counter()
        self._acts: dict[str, Act] = {
            "kill": self._kill,
            "power cut": self._cut_power,
            "power cut in a write": self._cut_power_in_a_write,
            "power cut of all": self._cut_power_of_all,
            "stop": self._stop,
            "freeze": self._freeze,
            "lose folder": self._lose_folder,
            "fill disk": self._fill_disk,
            "fail fsync": self._fail_fsync,
            "slow disk": self._slow_disk,
            "isolate": self._isolate,
            "one way": self._one_way,
            "halves": self._halves,
            "storm": self._storm,
            "clock jump": self._jump_clock,
            "clock drift": self._drift_clock,
        }

    async def play(self, schedule: list[Fault]) -> None:
        """Do every fault at its time, and return when each has had its time."""
        running = []
        for fault in schedule:
            await asyncio.sleep(max(0.0, fault.at_s - self._world.loop.time()))
            running.append(asyncio.ensure_future(self._play(fault)))
        await asyncio.gather(*running)

    async def _play(self, fault: Fault) -> None:
        if await self._acts[fault.kind](fault):
            self.done[fault.kind] += 1

    def _victim(self, fault: Fault) -> str:
        return self._names[fault.victim]

    def _is_up(self, fault: Fault) -> bool:
        return self._victim(fault) in self._world.up

    async def _lasts(self, fault: Fault, what: str) -> None:
        self._world.log(f"-- {what}")
        await asyncio.sleep(fault.lasts_s)

    # ------------------------------------------------------------ processes

    async def _restart(self, fault: Fault, what: str, *names: str) -> bool:
        await self._lasts(fault, what)
        for name in names:
            await self._world.start(name)
        return True

    async def _kill(self, fault: Fault) -> bool:
        name = self._victim(fault)
        if not self._is_up(fault):
            return False
        await self._world.kill(name)
        return await self._restart(fault, f"kill {name}", name)

    async def _cut_power(self, fault: Fault) -> bool:
        name = self._victim(fault)
        if not self._is_up(fault):
            return False
        await self._world.cut_power(name)
        return await self._restart(fault, f"power cut of {name}", name)

    async def _cut_power_in_a_write(self, fault: Fault) -> bool:
        name = self._victim(fault)
        if not self._is_up(fault):
            return False
        await self._world.cut_power_within(name, 1 + int(fault.amount * 30))
        return await self._restart(fault, f"power cut of {name}, while it wrote", name)

    async def _cut_power_of_all(self, fault: Fault) -> bool:
        for name in self._world.up:
            await self._world.cut_power(name)
        return await self._restart(fault, "power cut of all", *self._names)

    async def _stop(self, fault: Fault) -> bool:
        name = self._victim(fault)
        if not self._is_up(fault) or self._world.process(name).life.frozen:
            return False
        await self._world.stop(name)
        return await self._restart(fault, f"stop {name}", name)

    async def _freeze(self, fault: Fault) -> bool:
        name = self._victim(fault)
        if not self._is_up(fault) or self._world.process(name).life.frozen:
            return False
        process = self._world.process(name)
        self._world.freeze(process)
        await self._lasts(fault, f"freeze {name}")
        self._world.thaw(process)
        self._world.log(f"-- thaw {name}")
        return True

    async def _lose_folder(self, fault: Fault) -> bool:
        """Only while all nodes are whole, or soon: else data would be lost, and rightly so."""
        name = self._victim(fault)
        if self._world.replicas == 1 or not await self._soon(self._all_is_well):
            return False
        await self._world.lose_folder(name)
        return await self._restart(replace(fault, lasts_s=0.1), f"{name} loses its folder", name)

    def _all_is_well(self) -> bool:
        frozen = any(self._world.process(each).life.frozen for each in self._world.up)
        return self._world.is_whole() and not frozen

    async def _soon(self, holds: Callable[[], bool]) -> bool:
        """Whether something comes to hold within a few seconds."""
        end_s = self._world.loop.time() + _SOON_S
        while not holds() and self._world.loop.time() < end_s:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.1)
        return holds()

    # ------------------------------------------------------------ disks and clocks

    def _disk(self, fault: Fault) -> FakeDisk:
        return self._world.machines[self._victim(fault)].disk

    async def _fill_disk(self, fault: Fault) -> bool:
        disk = self._disk(fault)
        disk.capacity = sum(map(len, disk.files().values())) + int(fault.amount * 2000)
        await self._lasts(fault, f"the disk of {self._victim(fault)} is full")
        self._world.machines[self._victim(fault)].disk.capacity = None
        return True

    async def _fail_fsync(self, fault: Fault) -> bool:
        name = self._victim(fault)
        if not self._is_up(fault):
            return False
        self._world.machines[name].may_fail = "an fsync fails"
        self._disk(fault).fail("sync", errno.EIO, 1 + int(fault.amount * 3))
        return await self._restart(fault, f"an fsync of {name} fails", name)

    async def _slow_disk(self, fault: Fault) -> bool:
        machine = self._world.machines[self._victim(fault)]
        machine.work_s = _SLOW_S
        await self._lasts(fault, f"the disk of {self._victim(fault)} is slow")
        machine.work_s = FAST_S
        return True

    async def _jump_clock(self, fault: Fault) -> bool:
        machine = self._world.machines[self._victim(fault)]
        jump_ms = (2 * fault.amount - 1) * _HOUR_MS
        machine.clock_offset_ms += jump_ms
        self._world.log(f"-- the clock of {self._victim(fault)} jumps by {jump_ms / 1000:.0f} s")
        return True

    async def _drift_clock(self, fault: Fault) -> bool:
        machine = self._world.machines[self._victim(fault)]
        rate = 0.9 + 0.2 * fault.amount
        now_ms = self._world.loop.time() * 1000
        machine.clock_offset_ms += now_ms * (machine.clock_rate - rate)  # it does not jump
        machine.clock_rate = rate
        self._world.log(f"-- the clock of {self._victim(fault)} runs at {machine.clock_rate:.3f}")
        return True

    # ------------------------------------------------------------ the network

    async def _cut(self, fault: Fault, ways: list[tuple[str, str]], what: str) -> bool:
        holds = fault.amount < _HOLDS_BACK
        self._world.network.cut(ways, holds=holds)
        how = "hold back" if holds else "cut"
        await self._lasts(fault, f"{what}: {how} " + ", ".join(f"{a} > {b}" for a, b in ways))
        self._world.network.mend(ways)
        self._world.log(f"-- mended: {what}")
        return True

    async def _isolate(self, fault: Fault) -> bool:
        name = self._victim(fault)
        ways = [(name, other) for other in self._names if other != name]
        return await self._cut(fault, ways + [(b, a) for a, b in ways], f"isolate {name}")

    async def _one_way(self, fault: Fault) -> bool:
        one, other = self._victim(fault), self._names[fault.other]
        return one != other and await self._cut(fault, [(one, other)], "one way")

    async def _halves(self, fault: Fault) -> bool:
        size = 1 + fault.victim % max(1, len(self._names) - 1)
        ways = [(a, b) for a in self._names[:size] for b in self._names[size:]]
        return await self._cut(fault, ways + [(b, a) for a, b in ways], "halves")

    async def _storm(self, fault: Fault) -> bool:
        """Messages get lost, some or many."""
        weather = self._world.network.weather
        weather.lose += fault.amount / 2
        await self._lasts(fault, f"a storm loses {weather.lose:.0%} of the messages")
        weather.lose = max(0.0, weather.lose - fault.amount / 2)
        self._world.log("-- the storm is over")
        return True
