"""Tombstones: where each came from, and that it goes only when nothing can need it any more.

    *When a node forgets a tombstone, nobody, up or down, holds anything older for the key, and
    nothing on its way brings it.*

Judged at every single drop. It is what keeps a delete from being undone, and where it breaks a
history mostly ends well all the same: whoever holds the old value must return, and be asked.

Since every tombstone that was stored and every drop is known here, so is what may be absent: a key
that was there is gone only if a tombstone in that version, or a newer one, was dropped.
"""

from __future__ import annotations

from kvcluster.model.entry import ZERO, Entry, Version
from tests.sim.broken import Broken
from tests.sim.files import Files
from tests.sim.world import World

_STILL_TAKEN = 0.8
"""A message is judged to be taken until this share of the age at which it is refused: by how long
it has been on its way, and clocks that run apart do not agree about that."""


class Drops:
    """Judges each tombstone that is stored or dropped."""

    def __init__(self, world: World, files: Files) -> None:
        self._world = world
        self._files = files
        self._buried: dict[str, Version] = {}
        self._dropped: dict[str, Version] = {}
        self.judged = 0
        """How many drops of a tombstone there were."""
        world.storing.append(self._storing)
        world.dropping.append(self._dropping)

    def buried(self, key: str) -> bytes:
        """The newest tombstone that any node has stored; empty if none has."""
        return self._buried.get(key, b"")

    def dropped(self, key: str) -> bytes:
        """The newest tombstone that any node has dropped; empty if none has."""
        return self._dropped.get(key, b"")

    def waiting(self) -> list[str]:
        """Keys with a tombstone that nobody has dropped yet."""
        return [key for key in self._buried if self.buried(key) > self.dropped(key)]

    def _storing(self, name: str, key: str, entry: Entry) -> None:
        """A node stores an entry that is newer than what it holds, or has it from its disk."""
        if entry[0] is None:
            self._buried[key] = max(entry[1], self._buried.get(key, entry[1]))
        # Pairs whose versions were lost to damage count as written by hand: older than everything.
        if ZERO < entry[1] < self.dropped(key):
            what = (
                f"{name} stores {key} = {entry[0]!r:.20}, older than a tombstone that was dropped"
            )
            self._world.breaks(Broken(what, key))

    def _dropping(self, name: str, key: str, version: Version, held: Entry) -> None:
        """A node forgets what it holds up to a version."""
        if name not in self._world.replicas_of(key):
            return  # not a tombstone's end: what does not belong there was handed home
        if held[0] is not None or held[1] < version:
            what = f"{name} drops {key} = {held[0]!r:.20} for a tombstone that it does not hold"
            self._world.breaks(Broken(what, key))
        self.judge(name, key, version)

    def judge(self, name: str, key: str, version: Version) -> None:
        """A node forgets a tombstone, or has forgotten it on its disk."""
        self.judged += 1
        self._dropped[key] = max(version, self._dropped.get(key, version))
        for other in self._world.members:
            held = self._files.entry(other, key)
            if other != name and held is not None and held[1] < version:
                what = f"{name} drops the tombstone of {key}, and {other} has {held[0]!r:.20}"
                self._world.breaks(Broken(what, key))
        still_taken_s = _STILL_TAKEN * self._world.settings.message_age_limit_s
        for receiver, entries in self._world.network.on_their_way(within_s=still_taken_s):
            if any(entry.key == key and entry.version < version for entry in entries):
                what = f"{name} drops the tombstone of {key}, and older is on its way to"
                self._world.breaks(Broken(f"{what} {receiver}", key))
