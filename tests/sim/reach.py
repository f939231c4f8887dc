"""Who can reach whom: known from the cuts and the processes, and not from what a node believes.

A node that has missed a write may answer with something older only while it is cut off from who
took the write. Whether it is must not be asked of the accused: a node that takes a broken
connection for "nobody is there" would acquit itself.
"""

from __future__ import annotations

from tests.sim.operations import Write
from tests.sim.world import World

_SETTLED_S = 3.5
"""After a cut is mended, or a process starts or goes on, a heartbeat that went into the void must
time out before the next is sent: so long until two nodes must have heard each other."""


class Reach:
    """What each node can know of another."""

    def __init__(self, world: World, *, tells_in_time: bool) -> None:
        """Make it. `tells_in_time`: no message gets lost, or is very late."""
        self._world = world
        self._tells_in_time = tells_in_time

    def must_know(self, name: str, write: Write, holder: str) -> bool:
        """Whether a node that is up must know of a write that a node that is up was counted in.

        Who took the write tells everybody whom it can reach before it is acknowledged. The others
        that hold it tell a little later, so they count at once only where nothing is ever cut;
        there also whoever is believed to be alive.
        """
        world = self._world
        if self._may_refuse_each_other or not self._tells_in_time:
            return False
        if not world.network.cuts.ever:
            believed = world.node(name).peering.peers[holder].alive
            return believed or self._must_have_heard(name, holder)
        told = holder == write.by or world.loop.now_s - write.end_s >= _SETTLED_S
        return told and self._must_have_heard(name, holder)

    @property
    def nothing_disturbs(self) -> bool:
        """Whether everybody who runs hears everybody, and always did."""
        undisturbed = self._tells_in_time and not self._world.network.cuts.ever
        return undisturbed and not self._may_refuse_each_other

    @property
    def _may_refuse_each_other(self) -> bool:
        world = self._world
        return bool(world.days_apart) or world.loop.now_s - world.agreed_s < _SETTLED_S

    def _must_have_heard(self, name: str, other: str) -> bool:
        """Whether one node must have been told what another has to tell it.

        The other must have been there for a while. The node itself need not: whoever starts, or
        goes on after it was stopped, hears its peers before it answers.
        """
        world, now_s = self._world, self._world.loop.now_s
        if world.process(other).life.frozen:
            return False
        last_s = max(world.went_on_s[other], world.network.cuts.last_s(name, other))
        return now_s - last_s >= _SETTLED_S
