"""Who can reach whom: known from the cuts and the processes, and not from what a node believes.

A node that has missed a write may answer with something older only while it is cut off from who
took the write. Whether it is must not be asked of the accused: a node that takes a broken
connection for "nobody is there" would acquit itself.
"""

from __future__ import annotations

from tests.sim.world import World

_SETTLED_S = 2.5
"""After a cut is mended, or a process starts or goes on, a heartbeat that went into the void must
time out before the next is sent: so long until two nodes must have heard each other."""


class Reach:
    """What each node can know of another."""

    def __init__(self, world: World) -> None:
        self._world = world

    def must_have_heard(self, name: str, other: str) -> bool:
        """Whether a node that is up must know what another, that runs, has to tell it.

        The other must have been there for a while. The node itself need not: whoever starts, or
        goes on after it was stopped, hears its peers before it answers.
        """
        world, now_s = self._world, self._world.loop.time()
        if other not in world.up or world.process(other).life.frozen:
            return False
        last_s = max(world.went_on_s[other], world.network.disturbed_s(name, other))
        return now_s - last_s >= _SETTLED_S
