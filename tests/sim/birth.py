"""The birth of a process: from its start until it can be reached, or until its power goes.

Reading the files happens at one moment, without an await in it; all the rest takes time. So a power
cut in the first part is an error that no code catches, and in the second the life is frozen where
it stands, as in every other power cut.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kvcluster.node import Node
from tests.cluster.memory import MemoryTransport
from tests.sim.countdown import Countdown
from tests.sim.loop import Life
from tests.storage.fake_disk import FakeDisk

if TYPE_CHECKING:
    from tests.sim.world import World


class CutShort(BaseException):
    """The power went while a node was starting."""


class Birth:
    """One start of one node."""

    def __init__(self, world: World, name: str, dies_after: int) -> None:
        machine = world.machines[name]
        self.life = Life(name, lambda: world.rng.uniform(*machine.work_s))
        self._world = world
        self._name = name
        self._disk = machine.disk
        self._reads = True
        self._cut: asyncio.Future[None] = world.loop.create_future()
        self._countdown = Countdown(self._disk, dies_after, world.rng, self._power_goes)

    async def node(self) -> Node:
        """The node, started. Raises CannotStart, CutShort."""
        node = self.life.context.run(self._world.make, self._name)
        self._reads = False
        transport = MemoryTransport(self._world.network, self._name)  # type: ignore[arg-type]
        starting = self.life.run(node.start(transport))
        await asyncio.wait([starting, self._cut], return_when=asyncio.FIRST_COMPLETED)
        if self._cut.done():
            raise CutShort("its power goes while it starts")
        self._countdown.stop()
        starting.result()
        return node

    async def end(self) -> FakeDisk:
        """It did not come about: what is left on the disk."""
        left = self._countdown.left
        if left is None:
            self._countdown.stop()
            left = self._disk.kill()
        self.life.ended = True
        self._world.loop.thaw(self.life)
        await self.life.end()
        return left

    def _power_goes(self) -> None:
        if self._reads:
            raise CutShort("its power goes while it reads its files")
        self._world.loop.freeze(self.life)
        self._cut.set_result(None)
