"""Ballots: how many replicas are a majority, what they said, and what follows from that.

One key is one register, decided by a majority of the replicas that should hold it, each for itself:
CASPaxos (Rystsov, "CASPaxos: Replicated State Machines without logs", 2018), on the parts that are
here anyway. A *ballot* is a version, to accept one is to store an entry in that version, and what
is new is the *promise*: to take nothing of a key below a ballot.

    read      all are asked what they hold. Where a majority holds the same newest entry, that is
              *chosen*: whatever is decided later follows it. Where they differ it may become so,
              and is handed to those who lack it before anybody is told.
    prepare   all are asked for the promise. The newest entry that a majority of them holds is what
              the next one is made from: what was chosen before is among them, for two majorities
              have a replica in common.
    accept    the new entry goes out. It is chosen once a majority has stored this very entry.

**Marks.** A version made here is told from one that a plain put has: the incarnation in it begins
with `MARK`, then come the place of the member in the sorted list and a byte of chance of its life.
So no two nodes make the same ballot, and whoever holds an entry knows whether its key is decided
by majority. A bit would do for that, if versions of older nodes did not have any one bit set by
chance, half of the time. No plain incarnation begins so (`plain_incarnation`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kvcluster.model.decision import NOTHING, Content
from kvcluster.model.entry import ZERO, Version, make_version

MARK = 0xCA5D
_MARK_BYTES = MARK.to_bytes(2, "big")
_MARK_AT = slice(8, 10)
_MOST_MEMBERS = 256


def majority(replicas: int) -> int:
    """How many of so many are one."""
    return replicas // 2 + 1


def is_decided(version: Version) -> bool:
    """Whether a version was made by a majority, and not by a plain put."""
    return version[_MARK_AT] == _MARK_BYTES


def deciding_incarnation(place: int, chance: int) -> int:
    """What stands in the versions that a member makes so. `place`: its own in the sorted list."""
    assert 0 <= place < _MOST_MEMBERS, "two members would make the same ballot"
    return MARK << 16 | place << 8 | chance & 0xFF


def plain_incarnation(draw: Callable[[], int]) -> int:
    """One that is not taken for such; `draw` gives 32 bits by chance."""
    drawn = draw()
    while drawn >> 16 == MARK:
        drawn = draw()
    return drawn


def ballots_from(time: int, count: int, incarnation: int) -> list[Version]:
    """The ballots of so many times, a tick each."""
    made = [make_version(each, incarnation) for each in range(time, time + count)]
    assert all(map(is_decided, made))
    return made


@dataclass(frozen=True, slots=True)
class Seen:
    """What the replicas of a key whose word counts have said so far."""

    replicas: int
    """How many should hold the key."""
    contents: Mapping[str, Content]
    """What each of them holds that has answered."""

    @property
    def newest(self) -> Content:
        """The newest that any of them holds."""
        return max(self.contents.values(), key=_version, default=NOTHING)

    @property
    def holders(self) -> list[str]:
        """Who holds it, in this very version."""
        newest = self.newest.version
        return [name for name, content in self.contents.items() if content.version == newest]

    @property
    def lacking(self) -> list[str]:
        """Who has answered and does not hold it."""
        newest = self.newest.version
        return [name for name, content in self.contents.items() if content.version != newest]

    @property
    def is_enough(self) -> bool:
        """Whether so many have answered that what was chosen is among it."""
        return len(self.contents) >= majority(self.replicas)

    @property
    def is_chosen(self) -> bool:
        """Whether the newest is on a majority, so that everything later follows it."""
        return len(self.holders) >= majority(self.replicas)


def _version(content: Content) -> Version:
    return content.version or ZERO
