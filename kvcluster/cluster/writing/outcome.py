"""Outcomes: what became of the entries of a round, at each node and in all.

A node stores an entry as it was sent, or holds something newer already, or refuses it for a promise
(storage/promises.py). Two counts are made of that, for two kinds of writes. A plain one is
acknowledged by whoever holds it *or something newer*. One that a majority decides is stored only
where this very entry is, and where the node's word counts (cluster/peers/voting.py): "something
newer" may be the write of a rival, who has won.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from kvcluster.model.entry import Verdict
from kvcluster.storage.table import Table

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import ReplicateResponse


@dataclass(frozen=True, slots=True)
class Became:
    """What became of entries at one node, by their places there."""

    superseded: Sequence[int] = ()
    """Something newer is held."""
    refused: Sequence[int] = ()
    """They are below a promise."""
    decided: Sequence[int] = ()
    """Of both, where what is held or promised is decided by a majority."""
    votes: bool = False
    """Whether the word of the node counts for one."""

    @classmethod
    def of(
        cls,
        entries: Sequence[EntryMessage],
        verdicts: Sequence[Verdict],
        table: Table,
        *,
        votes: bool,
    ) -> Became:
        """By what this node's own store says."""
        if Verdict.OLDER not in verdicts and Verdict.REFUSED not in verdicts:  # as nearly always
            return cls(votes=votes)
        superseded = [place for place, it in enumerate(verdicts) if it is Verdict.OLDER]
        refused = [place for place, it in enumerate(verdicts) if it is Verdict.REFUSED]
        by_rivals = [place for place in superseded if table.is_decided(entries[place].key)]
        return cls(superseded, refused, [*by_rivals, *refused], votes)

    @classmethod
    def told_by(cls, answer: ReplicateResponse) -> Became:
        """By what a peer says."""
        return cls(answer.superseded, answer.refused, answer.decided, answer.votes)


@dataclass(slots=True)
class Outcome:
    """How a round ended, by the places of its entries."""

    acknowledged: list[int]
    """Nodes that hold the entry, or something newer, durably."""
    superseded: set[int] = field(default_factory=set)
    """Entries that met something newer somewhere, or may have."""
    decided: set[int] = field(default_factory=set)
    """Entries that somewhere met what a majority decides."""
    _votes: list[tuple[Collection[int], frozenset[int]]] = field(default_factory=list)
    """Of each node whose word counts: what it was sent, and what of that it does not hold so."""

    def add(self, places: Sequence[int], became: Became) -> None:
        """One node more has answered for these."""
        gone = frozenset[int]()
        held = places
        if became.superseded or became.refused:  # hardly ever
            older, refused = _at(places, became.superseded), _at(places, became.refused)
            self.superseded |= older
            self.decided |= _at(places, became.decided)
            gone, held = older | refused, [place for place in places if place not in refused]
        self._held(held)
        if became.votes:
            self._votes.append((places, gone))

    def as_sent(self, place: int) -> int:
        """Nodes whose word counts that hold this very entry."""
        return sum(place in places and place not in gone for places, gone in self._votes)

    def newer_at(self, place: int) -> int:
        """Nodes whose word counts that hold something newer than an entry."""
        return sum(place in places and place in gone for places, gone in self._votes)

    def overtaken(self, places: range) -> list[int]:
        """Those of these that met something newer somewhere, or a promise; ascending."""
        if not (self.superseded or self.decided):  # as nearly always
            return []
        return [place for place in places if place in self.superseded or place in self.decided]

    def _held(self, places: Sequence[int]) -> None:
        if len(places) == len(self.acknowledged):
            self.acknowledged = [count + 1 for count in self.acknowledged]
            return
        for place in places:
            self.acknowledged[place] += 1


def _at(places: Sequence[int], indexes: Sequence[int]) -> frozenset[int]:
    return frozenset(places[index] for index in indexes if index < len(places))
