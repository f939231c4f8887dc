"""Fanout: which peer gets which writes of a round, and who misses what. Decides only.

A round's writes belong to many slots with different replicas. Each peer that gets writes now is
sent one share with all that it should hold. Beside it goes the list of what *other* replicas of
these very writes miss, so that every holder of a write knows who does not hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kvcluster.model.entry import Version


@dataclass
class Missed:
    """How many writes somebody misses, and the oldest of them."""

    since: Version
    count: int

    def add(self, since: Version, count: int) -> None:
        """Take in what else is missed."""
        self.since = min(self.since, since)
        self.count += count


@dataclass
class Share:
    """What one peer is sent of a round."""

    since: Version
    """The oldest of its writes."""
    places: list[int] = field(default_factory=list)
    """Which writes, by their place in the round."""
    missed: dict[str, Missed] = field(default_factory=dict)
    """What other replicas of these writes miss."""

    @property
    def as_missed(self) -> Missed:
        """What the peer misses if it does not get the share."""
        return Missed(self.since, len(self.places))


def pack(
    versions: Sequence[Version],
    by_replicas: Mapping[tuple[str, ...], Sequence[int]],
    gets_writes: Callable[[str], bool],
) -> tuple[dict[str, Share], dict[str, Missed]]:
    """Sort writes with these versions: shares by peer, and what absent peers miss.

    `by_replicas`: the places of writes, by the other replicas that should hold them.
    """
    shares: dict[str, Share] = {}
    absent: dict[str, Missed] = {}
    for names, places in by_replicas.items():
        since = min(map(versions.__getitem__, places))
        gone = [name for name in names if not gets_writes(name)]
        _add(absent, gone, since, len(places))
        for name in names:
            if name not in gone:
                share = shares.setdefault(name, Share(since))
                share.since = min(share.since, since)
                share.places += places
                _add(share.missed, gone, since, len(places))
    assert not shares.keys() & absent.keys(), "who gets writes misses none of them"
    return shares, absent


def by_replicas(
    slots: Iterable[int], others: Callable[[int], tuple[str, ...]]
) -> dict[tuple[str, ...], list[int]]:
    """The places of writes to some slots, by what `others` names for each."""
    grouped: dict[tuple[str, ...], list[int]] = {}
    for place, slot in enumerate(slots):
        grouped.setdefault(others(slot), []).append(place)
    return grouped


def _add(missed: dict[str, Missed], names: list[str], since: Version, count: int) -> None:
    for name in names:
        if name in missed:
            missed[name].add(since, count)
        else:
            missed[name] = Missed(since, count)
