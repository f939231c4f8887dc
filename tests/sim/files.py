"""What stands on the disks: read as a start would read it, from a copy that nobody else sees.

A promise is about disks, not about memory: what a node would say after a power cut at this moment.
So one can ask of any node, up or down, what it holds, and of one that is up, what it would hold if
all that was not synced were gone.

Reading a node's files takes as long as twenty of its messages. They are not read again while
nothing was done to them; and whoever wants to know after each write draws which ones.
"""

from __future__ import annotations

import random

from kvcluster.model.entry import Entry
from kvcluster.storage.found import Recovered
from kvcluster.storage.recovery import recover
from tests.sim.broken import Broken
from tests.sim.world import World
from tests.storage.fake_disk import FakeDisk

TORN = "cut an unfinished group"
"""How the remark begins that a start makes when a crash tore the end of the journal."""


def worst_left(disk: FakeDisk) -> FakeDisk:
    """What a power cut leaves in the worst case: nothing that was not synced."""
    return disk.crash(random.Random(0), keep=0.0)


class Files:
    """Reads the files of every node."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[tuple[str, bool], tuple[FakeDisk, int, Recovered]] = {}
        """By node, and whether in the worst case: what was read last, from which disk, and after
        how many of its operations."""
        self.lost_s: dict[str, float] = {}
        """When a node lost its folder last: of what it had before, nothing can be asked."""
        world.emptied.append(self._emptied)

    def read(self, name: str, disk: FakeDisk) -> Recovered:
        """A node's files, loaded afresh."""
        found = self._recovered(name, disk)
        machine = self._world.machines[name]
        machine.damaged = machine.damaged and self._is_being_made_whole(name, found)
        if machine.damaged:
            return found
        if found.incomplete:
            raise Broken(f"the files of {name} are damaged: {found.incomplete}")
        for remark in found.remarks:
            if not remark.startswith(TORN):
                raise Broken(f"{name} takes its own files for something else: {remark}")
        return found

    def _recovered(self, name: str, disk: FakeDisk) -> Recovered:
        path = self._world.node_path(name)
        copy = disk.kill()
        copy.mend()
        return recover(copy, path, path.with_suffix(".wal"), self._world.settings, "look")

    def _is_being_made_whole(self, name: str, found: Recovered) -> bool:
        """Whether it may still be seen that the files were damaged."""
        if not self._world.is_up(name):
            return True
        if found.incomplete or self._world.node(name).store.incomplete:
            return True
        # What stands there and is not synced may be gone again, and the damage be back.
        left = worst_left(self._world.machines[name].disk)
        return bool(self._recovered(name, left).incomplete)

    def now(self, name: str, *, worst: bool) -> Recovered:
        """What the end of a process would leave at this moment; `worst`: a power cut."""
        disk = self._world.machines[name].disk
        known = self._known.get((name, worst))
        if known is None or known[0] is not disk or known[1] != len(disk.calls):
            left = worst_left(disk) if worst else disk
            known = (disk, len(disk.calls), self.read(name, left))
            self._known[name, worst] = known
        return known[2]

    def entry(self, name: str, key: str) -> Entry | None:
        """What a node holds for a key, in memory if it is up, else on its disk."""
        if self._world.is_up(name):
            return self._world.node(name).store.get(key)
        return self.now(name, worst=False).table.get(key)

    def holds(self, name: str, key: str, version: bytes) -> bool:
        """Whether a node, up or down, holds a version of a key, or a newer one."""
        held = self.entry(name, key)
        return held is not None and held[1] >= version

    def _emptied(self, name: str) -> None:
        self.lost_s[name] = self._world.loop.now_s
