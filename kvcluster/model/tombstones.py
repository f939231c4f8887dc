"""Tombstones: what each of them still needs before it may be forgotten. Decides only.

A tombstone is what keeps a replica that was away from bringing a deleted key back. So it may go
only when no replica can have anything older. The primary of its slot sees to that:

    hold     every other replica stores the tombstone durably and confirms it;
    wait     from the last confirmation on, for longer than any message can be late;
    drop     all are here: the others forget it, each in its journal, and at last the primary.

It is like clearing a desk: everybody signs that they have read the note, then everybody throws it
away, and whoever wrote it does so last.

A replica that is away signs nothing and so keeps the tombstone alive, however long it stays.

**A signature is worth as much as the life in which it was given.** A replica that signed may lose
its disk, and then learn the old value from one that has not signed yet. So a new life (each start
is one) signs anew, and the first drop waits until every replica is here, in the life that signed:
whatever it could have learnt in another life it learnt before the last signature, and so its new
life, if it had one, would be known by the end of the wait.

*Invariant: when the first replica drops a tombstone, each holds it, and none can get anything
older.* From then on nobody needs it, so those who have dropped it may lose what they like.

Rejected: forgetting by age (whoever comes back later revives the key), and when digests agree (a
replica that never saw the key agrees, and then learns the old value from a third).

A replica that missed the drop, or was handed the tombstone again by one that did, would keep it for
ever. So who is not the primary offers what it has had for long to the primary, by the same `hold`,
and it all begins anew. To hold a tombstone too long is always safe.

A million deletes are a million needs, so a need is a plain tuple of atoms, which Python's garbage
collector does not track (see model/entry.py), with the replicas as bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from kvcluster.model.entry import Version

Tombstone = tuple[str, Version]

Need = tuple[Version, float, int, int, float, int]
"""The version; since when it is known here, or was last offered; who holds it and who dropped it, a
bit for each other replica; when the last of them confirmed it, negative while some have not; and
how many new lives were known when this was last looked at."""

_NOT_YET = -1.0


@dataclass
class Work:
    """What is to be done now: whom to ask to hold and to drop what, and what to forget here."""

    room: int = 1_000_000
    """How much more fits into this round; the rest has to wait for the next."""
    absent: frozenset[str] = frozenset()
    """Who cannot be asked now: while a replica is among them, its slots begin no drop."""
    hold: dict[str, list[Tombstone]] = field(default_factory=dict)
    drop: dict[str, list[Tombstone]] = field(default_factory=dict)
    forget: list[Tombstone] = field(default_factory=list)
    waiting: Counter[str] = field(default_factory=Counter)
    """How many tombstones that this node leads wait for whose confirmation."""

    def add(self, to: list[Tombstone], tombstone: Tombstone) -> None:
        """Put something into a list, if there is room."""
        if self.room > 0:
            to.append(tombstone)
            self.room -= 1


class Tombstones:
    """The tombstones of one node. Times are seconds of any steady clock, never negative."""

    def __init__(self, self_name: str, wait_s: float) -> None:
        self._self_name = self_name
        self._wait_s = wait_s
        self._slots: dict[int, dict[str, Need]] = {}
        self._lives: dict[str, int] = {}
        self._began: dict[str, int] = {}  # how many new lives were known when a replica's began
        self._new_lives = 0

    def meet(self, name: str, life: int) -> None:
        """A replica was heard in this life: what it signed in another counts no more."""
        if self._lives.get(name) != life:
            self._lives[name] = life
            self._new_lives += 1
            self._began[name] = self._new_lives

    def look(
        self,
        slot: int,
        replicas: Sequence[str],
        tombstones: Iterable[Tombstone],
        now_s: float,
        work: Work,
    ) -> None:
        """Add to `work` what the tombstones of a slot need: all that are there now."""
        assert now_s >= 0
        known, seen = self._slots.get(slot, {}), {}
        for key, version in tombstones:
            need = known.get(key)
            if need is None or need[0] != version:
                need = (version, now_s, 0, 0, _NOT_YET, self._new_lives)
            if replicas[0] == self._self_name:
                need = self._lead(key, need, replicas[1:], now_s, work)
            elif now_s - need[1] > 2 * self._wait_s:
                work.add(work.hold.setdefault(replicas[0], []), (key, version))
            seen[key] = need
        self._slots[slot] = seen

    def keep_only(self, slots: Collection[int]) -> None:
        """The other slots have no tombstones any more."""
        self._slots = {slot: needs for slot, needs in self._slots.items() if slot in slots}

    def _lead(self, key: str, need: Need, others: Sequence[str], now_s: float, work: Work) -> Need:
        """The next step of a tombstone whose primary this node is."""
        version, since_s, held, dropped, complete_s, lives = self._renewed(need, others)
        need = (version, since_s, held, dropped, complete_s, lives)
        missing = [name for bit, name in enumerate(others) if not held >> bit & 1]
        for name in missing:
            work.add(work.hold.setdefault(name, []), (key, version))
            work.waiting[name] += 1
        if missing:
            return need
        if complete_s < 0:
            complete_s = now_s
        assert lives == self._new_lives, "all have signed, each in the life that it has now"
        if now_s - complete_s >= self._wait_s:
            self._let_go((key, version), others, dropped, work)
        return (version, since_s, held, dropped, complete_s, lives)

    def _let_go(
        self, tombstone: Tombstone, others: Sequence[str], dropped: int, work: Work
    ) -> None:
        """Everybody holds it, and nothing older is on its way: drop it, here last."""
        away = [name for name in others if name in work.absent]
        if away and not dropped:
            work.waiting.update(away)
            return
        remaining = [name for bit, name in enumerate(others) if not dropped >> bit & 1]
        for name in remaining:
            work.add(work.drop.setdefault(name, []), tombstone)
        if not remaining:
            work.add(work.forget, tombstone)

    def _renewed(self, need: Need, others: Sequence[str]) -> Need:
        """Without what replicas signed in former lives."""
        version, since_s, held, dropped, complete_s, lives = need
        if lives == self._new_lives:
            return need
        for bit, name in enumerate(others):
            if self._began.get(name, 0) > lives:
                held, dropped, complete_s = held & ~(1 << bit), dropped & ~(1 << bit), _NOT_YET
        return (version, since_s, held, dropped, complete_s, self._new_lives)

    def held(
        self,
        slot: int,
        replicas: Sequence[str],
        name: str,
        tombstone: Tombstone,
        now_s: float,
        *,
        life: int,
    ) -> None:
        """A replica confirmed, in one of its lives, that it holds a tombstone durably."""
        need = self._find(slot, tombstone)
        if need and self._lives.get(name) == life:
            version, _, held, dropped, complete_s, lives = self._renewed(need, replicas[1:])
            bit = _bit(replicas, name)
            need = (version, now_s, held | bit, dropped & ~bit, complete_s, lives)
            self._slots[slot][tombstone[0]] = need

    def dropped(self, slot: int, replicas: Sequence[str], name: str, tombstone: Tombstone) -> None:
        """A replica confirmed that it dropped a tombstone."""
        need = self._find(slot, tombstone)
        if need:
            version, since_s, held, dropped, complete_s, lives = need
            dropped |= _bit(replicas, name)
            need = (version, since_s, held, dropped, complete_s, lives)
            self._slots[slot][tombstone[0]] = need

    def _find(self, slot: int, tombstone: Tombstone) -> Need | None:
        key, version = tombstone
        need = self._slots.get(slot, {}).get(key)
        return need if need and need[0] == version else None


def _bit(replicas: Sequence[str], name: str) -> int:
    """The bit of a replica; none for the primary, which asks and is not asked."""
    return 1 << replicas.index(name) - 1 if name in replicas[1:] else 0
