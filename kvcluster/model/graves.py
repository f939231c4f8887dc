"""Graves: what each tombstone still needs before it may be forgotten. Decides only.

A tombstone is what keeps a replica that was away from bringing a deleted key back. So it may go
only when no replica can have anything older. The primary of its slot sees to that:

    hold     every other replica stores the tombstone durably and confirms it;
    wait     from the last confirmation on, for longer than any message can be late;
    drop     the others forget it, each in its journal, and at last the primary.

It is like clearing a desk: everybody signs that they have read the note, then everybody throws it
away, and whoever wrote it does so last.

A replica that is away signs nothing and so keeps the tombstone alive, however long it stays.
Rejected: forgetting by age (whoever comes back later revives the key), and when digests agree (a
replica that never saw the key agrees, and then learns the old value from a third).

A replica that missed the drop, or was handed the tombstone again by one that did, would keep it for
ever. So who is not the primary offers what it has had for long to the primary, by the same `hold`,
and it all begins anew. To hold a tombstone too long is always safe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from kvcluster.model.entry import Version

Tombstone = tuple[str, Version]


@dataclass
class Work:
    """What is to be done now: whom to ask to hold and to drop what, and what to forget here."""

    hold: dict[str, list[Tombstone]] = field(default_factory=dict)
    drop: dict[str, list[Tombstone]] = field(default_factory=dict)
    forget: list[Tombstone] = field(default_factory=list)
    waiting: Counter[str] = field(default_factory=Counter)
    """How many tombstones that this node leads wait for whose confirmation."""


@dataclass
class _Grave:
    version: Version
    since_s: float
    """When it was first seen here, or last offered to the primary."""
    held_by: set[str] = field(default_factory=set)
    dropped_by: set[str] = field(default_factory=set)
    complete_s: float | None = None
    """When the last of the other replicas confirmed it."""


class Graves:
    """The tombstones of one node. Times are seconds of any steady clock."""

    def __init__(self, self_name: str, wait_s: float) -> None:
        self._self_name = self_name
        self._wait_s = wait_s
        self._graves: dict[str, _Grave] = {}

    def look(self, tombstones: Iterable[tuple[Tombstone, tuple[str, ...]]], now_s: float) -> Work:
        """What all tombstones that are there now need. Each comes with its replicas."""
        work, seen = Work(), {}
        for (key, version), replicas in tombstones:
            grave = self._graves.get(key)
            if grave is None or grave.version != version:
                grave = _Grave(version, now_s)
            seen[key] = grave
            if replicas[0] == self._self_name:
                self._lead(key, grave, replicas[1:], now_s, work)
            elif now_s - grave.since_s > 2 * self._wait_s:
                work.hold.setdefault(replicas[0], []).append((key, version))
        self._graves = seen
        return work

    def _lead(
        self, key: str, grave: _Grave, others: tuple[str, ...], now_s: float, work: Work
    ) -> None:
        """The next step of a tombstone whose primary this node is."""
        tombstone = (key, grave.version)
        missing = [name for name in others if name not in grave.held_by]
        for name in missing:
            work.hold.setdefault(name, []).append(tombstone)
            work.waiting[name] += 1
        if missing:
            return
        if grave.complete_s is None:
            grave.complete_s = now_s
        if now_s - grave.complete_s < self._wait_s:
            return
        remaining = [name for name in others if name not in grave.dropped_by]
        for name in remaining:
            work.drop.setdefault(name, []).append(tombstone)
        if not remaining:
            work.forget.append(tombstone)

    def held(self, name: str, tombstone: Tombstone, now_s: float) -> None:
        """A replica confirmed that it holds a tombstone durably."""
        grave = self._grave(tombstone)
        if grave:
            grave.held_by.add(name)
            grave.since_s = now_s

    def dropped(self, name: str, tombstone: Tombstone) -> None:
        """A replica confirmed that it dropped a tombstone."""
        grave = self._grave(tombstone)
        if grave:
            grave.dropped_by.add(name)

    def _grave(self, tombstone: Tombstone) -> _Grave | None:
        key, version = tombstone
        grave = self._graves.get(key)
        return grave if grave and grave.version == version else None
