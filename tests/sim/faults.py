"""The faults of a history, done to its world at their times. Each kind stands in faults_of_*.py."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.sim import faults_of_processes as _processes  # isort: skip
from tests.sim import faults_of_disks as _disks  # isort: skip
from tests.sim import faults_of_data as _data  # isort: skip
from tests.sim import faults_of_the_network as _network  # isort: skip
from tests.sim import faults_of_clocks as _clocks  # isort: skip
from tests.sim import faults_of_connections as _connections  # isort: skip
from tests.sim.schedule import ACTS, Fault
from tests.sim.world import World

KINDS = (_processes, _disks, _data, _network, _clocks, _connections)
"""Imported in this order, since the order of the kinds is part of what a seed means."""


class Faults:
    """Does faults to a world, and undoes them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.done: Counter[str] = Counter()

    async def play(self, schedule: list[Fault]) -> None:
        """Do every fault at its time, and return when each has had its time."""
        running = []
        for fault in schedule:
            await asyncio.sleep(max(0.0, fault.at_s - self._world.loop.now_s))
            running.append(asyncio.ensure_future(self._play(fault)))
        await asyncio.gather(*running)

    async def _play(self, fault: Fault) -> None:
        if await ACTS[fault.kind](self._world, fault):
            self.done[fault.kind] += 1
