"""An entry: a value or a tombstone, with the version that decides which of two is newer.

The whole cluster agrees because every node answers one question the same way: *of two entries
for a key, which stays?* `judge` answers it. Keeping the newer is idempotent, commutative and
associative (a join, as in Shapiro et al., "Conflict-free Replicated Data Types", 2011: this is
their last-writer-wins register), so entries may arrive twice, late and in any order.

An entry is a plain tuple `(value, version)`, and on purpose no class: Python's garbage collector
stops tracking exact tuples of atoms, so a million entries cost it nothing. A subclass, a
NamedTuple included, stays tracked for ever. So it answers questions by functions: `is_live` and
those beside it, the only ones who know what stands where.

A version is 12 bytes, big-endian, so that comparing bytes compares time:

    | milliseconds 48 | counter 16 | incarnation 32 |

Outside `model/` nobody takes one apart but by `time_of`.
"""

from __future__ import annotations

import enum
from typing import NewType, TypeGuard

Version = NewType("Version", bytes)
Entry = tuple[str | None, Version]  # value, or None for a tombstone
LiveEntry = tuple[str, Version]

VERSION_BYTES = 12
_TIME_BYTES = 8

ZERO = Version(bytes(VERSION_BYTES))
"""The version of what a person wrote into the JSON file: older than anything a node wrote."""


class Verdict(enum.Enum):
    """What a new entry is to the one that is held."""

    NEWER = "newer"  # store it
    SAME = "same"  # a repeated delivery
    OLDER = "older"  # superseded: the sender should know
    CONFLICT_WON = "conflict won"  # same version, other value: damage; the new one is larger
    CONFLICT_LOST = "conflict lost"  # the same, and the held one is larger
    REFUSED = "refused"  # below what was promised: it is not here (storage/promises.py)

    @property
    def stores(self) -> bool:
        """Whether the new entry replaces the held one."""
        return self is Verdict.NEWER or self is Verdict.CONFLICT_WON

    @property
    def conflicts(self) -> bool:
        """Whether one version came with two contents."""
        return self is Verdict.CONFLICT_WON or self is Verdict.CONFLICT_LOST


def is_live(entry: Entry | None) -> TypeGuard[LiveEntry]:
    """Whether a key with this entry has a value; None: the key was never seen."""
    return entry is not None and entry[0] is not None


def is_tombstone(entry: Entry) -> bool:
    """Whether an entry says that its key was deleted."""
    return entry[0] is None


def value_of(entry: Entry | None) -> str | None:
    """The value of a key with this entry; None if it has none."""
    return entry[0] if entry is not None else None


def version_of(entry: Entry) -> Version:
    """When an entry was made."""
    return entry[1]


def judge(new: Entry, held: Entry | None) -> Verdict:
    """Say what `new` is to `held`, the entry that is there (None: nothing is there)."""
    if held is None or new[1] > held[1]:
        return Verdict.NEWER
    if new[1] < held[1]:
        return Verdict.OLDER
    if new[0] == held[0]:
        return Verdict.SAME
    return Verdict.CONFLICT_WON if _rank(new) > _rank(held) else Verdict.CONFLICT_LOST


def _rank(entry: Entry) -> tuple[bool, str]:
    # With equal versions any rule does that all nodes share; a value outranks a tombstone,
    # because of two damaged copies the one that keeps data is the better mistake.
    value = entry[0]
    return (value is not None, value or "")


def make_version(time: int, incarnation: int) -> Version:
    """Pack a hybrid time (64 bits) and an incarnation (32 bits) into a version."""
    return Version(time.to_bytes(_TIME_BYTES, "big") + incarnation.to_bytes(4, "big"))


def time_of(version: Version) -> int:
    """The hybrid time (milliseconds << 16 | counter) of a version."""
    return int.from_bytes(version[:_TIME_BYTES], "big")


def following(first: Version, count: int) -> list[Version]:
    """So many versions, `first` and those that follow it, a tick each. See `is_followed`."""
    time, life = time_of(first), first[_TIME_BYTES:]
    return [Version(each.to_bytes(_TIME_BYTES, "big") + life) for each in range(time, time + count)]


def is_followed(first: Version, count: int) -> bool:
    """Whether there is room for so many versions from `first` on."""
    return time_of(first) + count <= 1 << 8 * _TIME_BYTES


def is_version(data: bytes) -> bool:
    """Whether bytes from outside have the shape of a version."""
    return len(data) == VERSION_BYTES
