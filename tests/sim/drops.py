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
from tests.sim.lifetimes import Lifetimes
from tests.sim.world import World

_STILL_TAKEN = 0.8
"""A message is judged to be taken until this share of the age at which it is refused: by how long
it has been on its way, and clocks that run apart do not agree about that."""

_NEWS_S = 3.0
"""So long after a node lost its folder all others have heard of its new life."""


class Drops:
    """Judges each tombstone that is stored or dropped."""

    def __init__(self, world: World, files: Files, lifetimes: Lifetimes) -> None:
        self._world = world
        self._files = files
        self._lifetimes = lifetimes
        self._buried: dict[str, Version] = {}
        self._dropped: dict[str, Version] = {}
        self.judged = 0
        """How many drops of a tombstone there were."""
        world.storing.append(self._storing)
        world.dropping.append(self._dropping)

    def buried(self, key: str) -> bytes:
        """The newest tombstone that any node has stored, or that a put may have become by now;
        empty if there is none.
        """
        return max(self._buried.get(key, b""), self._lifetimes.gone(key))

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
            what = f"{name} stores {key} = {entry[0]!r:.20}, older than a dropped tombstone"
            self._world.breaks(Broken(what, key))

    def _dropping(self, name: str, key: str, version: Version, held: Entry) -> None:
        """A node forgets what it holds up to a version."""
        if name not in self._world.replicas_of(key):
            return  # not a tombstone's end: what does not belong there was handed home
        with self._world.judging():
            if held[0] is not None or held[1] < version:
                what = f"{name} drops {key} = {held[0]!r:.20} for a tombstone that it does not hold"
                raise Broken(what, key)
            self._lifetimes.dropped(name, key, version)
            self.judge(name, key, version)

    def judge(self, name: str, key: str, version: Version) -> None:
        """A node forgets a tombstone, or has forgotten it on its disk."""
        self.judged += 1
        first = self.dropped(key) < version
        self._dropped[key] = max(version, self._dropped.get(key, version))
        what = f"{name} drops the tombstone of {key}"
        for other in self._world.members:
            held = self._files.entry(other, key) if other != name else None
            if held is not None and held[1] < version:
                raise Broken(f"{what}, and {other} has {held[0]!r:.20}", key)
            if first and held is None and other != name and self._must_hold(other, key):
                raise Broken(f"{what} first, and {other} has not got it", key)
        still_taken_s = _STILL_TAKEN * self._world.settings.message_age_limit_s
        for receiver, entries in self._world.network.on_their_way(within_s=still_taken_s):
            if any(entry.key == key and entry.version < version for entry in entries):
                raise Broken(f"{what}, and older is on its way to {receiver}", key)

    def _must_hold(self, name: str, key: str) -> bool:
        """Whether a node must hold a tombstone that nobody has dropped.

        Not one that has just lost its folder, or while the primary was held: it has everybody drop
        a tombstone, and may not have heard of that yet. All held it when it made up its mind, so
        nobody can have anything older.
        """
        replicas = self._world.replicas_of(key)
        news_s = max(self._files.lost_s.get(name, -_NEWS_S), self._world.went_on_s[replicas[0]])
        return name in replicas and self._world.loop.now_s - news_s > _NEWS_S
