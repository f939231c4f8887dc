"""Nodes that refuse each other, for a clock that is days ahead: nobody serves alone among such.

What a node acknowledges while more than half of all members refuse it would be on it only, and the
others, who go on together, would not show it.
"""

from __future__ import annotations

from tests.sim.broken import Broken
from tests.sim.operations import Write
from tests.sim.world import World


class Refusals:
    """Judges who takes writes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def begun(self, write: Write) -> None:
        """A client sends a write."""
        write.outvoted = [name for name in self._world.up if self._is_outvoted(name)]
        if write.outvoted:
            self._world.saw("a node was refused by more than half for its clock")

    def acknowledged(self, write: Write, by: str) -> None:
        """A node says that it is done."""
        if by in write.outvoted and self._world.is_up(by) and self._is_outvoted(by):
            raise Broken(f"{by} takes {write}, and more than half of all refuse it", write.key)

    def _is_outvoted(self, name: str) -> bool:
        refusing = sum(bool(peer.refusal) for peer in self._world.node(name).peering.peers)
        return 2 * refusing > len(self._world.members)
