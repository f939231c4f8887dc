"""What an acknowledgement leans on: judged on the disks, directly, and not by what comes of it.

    *Every node counted in an acknowledgement holds, durably, the write, and a hint for each replica
    that does not.*

So whichever of them survives can tell the others. That sentence is what the store's promises stand
on (cluster/writing/replication.py), and a history in which it breaks mostly ends well all the same:
it takes a power cut of the right node at the right moment to lose anything. Judged as it stands, it
needs no such luck.

When: as a client hears of a write that some replica misses, and of one in eight of the others; and
whenever a process ends, of every key whose last acknowledged write it was counted in.
"""

from __future__ import annotations

from kvcluster.storage.found import Recovered
from tests.sim.broken import Broken
from tests.sim.drops import Drops
from tests.sim.files import Files
from tests.sim.operations import Write
from tests.sim.world import World

_ONE_IN = 8


class Safety:
    """Judges what is on the disks of the nodes that were counted."""

    def __init__(self, world: World, files: Files, drops: Drops) -> None:
        self._world = world
        self._files = files
        self._drops = drops
        self.judged = 0
        """How often a disk was looked at."""

    def acknowledged(self, write: Write) -> None:
        """A client was told so."""
        missing = len(write.counted) < len(self._world.replicas_of(write.key))
        if missing:
            self._world.saw("a write was acknowledged without a replica")
        if missing or write.number % _ONE_IN == 0:
            for name in write.counted:
                if not self.lost_its_folder(name, write):
                    self.judge(write, name, self._files.now(name, worst=True))

    def judge(self, write: Write, name: str, found: Recovered) -> None:
        """What was found on the disk of a node that was counted in the last write of a key."""
        self.judged += 1
        held = found.table.get(write.key)
        if held is None or held[1] < write.version:
            if self._drops.dropped(write.key) < write.version:
                raise Broken(f"{name} was counted in {write}, and it is not on its disk", write.key)
            return
        for other in self._world.replicas_of(write.key):
            if other == name or self._has(other, write):
                continue
            # Not older than the write, but than what the node has for the key: if that is newer,
            # the other replica gets it instead.
            noted = found.hints.get(other)
            if noted is None or noted > held[1]:
                raise Broken(
                    f"{name} was counted in {write}, and has no hint on its disk for {other},"
                    " which misses it",
                    write.key,
                )

    def _has(self, name: str, write: Write) -> bool:
        """Whether a replica holds a write, or something newer, or nothing needs to be held."""
        return (
            self._files.holds(name, write.key, write.version)
            or self.lost_its_folder(name, write)
            or self._drops.dropped(write.key) >= write.version
        )

    def lost_its_folder(self, name: str, write: Write) -> bool:
        """Whether it did so since a write began: it is made whole by everybody, without notes."""
        return self._files.lost_s.get(name, float("-inf")) >= write.start_s
