"""Pieces: the table cut small enough to be copied between two requests.

A piece ends after so many entries or so many bytes, whichever comes first, so that copying one
never keeps anybody waiting; one huge value travels alone. Its keys are sorted within a slot, so
replicas that hold the same data write the same file, byte for byte.

The table is read while others write to it, and the pieces together are no snapshot. What holds:
each key stands in at most one piece, as it was at some moment after the first piece was asked
for. A key that is new to its slot may be missing; it is in the journal then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from kvcluster.config import KIB
from kvcluster.model.entry import Version
from kvcluster.storage.table import Table

_PIECE_ENTRIES = 512
_PIECE_CHARACTERS = 64 * KIB


@dataclass
class Piece:
    """Some entries: pairs of key, value and version, and tombstones."""

    pairs: list[tuple[str, str, Version]] = field(default_factory=list)
    tombstones: list[tuple[str, Version]] = field(default_factory=list)
    size: int = 0
    """In characters, which is near enough."""

    @property
    def full(self) -> bool:
        """Whether it is enough for one go."""
        entries = len(self.pairs) + len(self.tombstones)
        return entries >= _PIECE_ENTRIES or self.size >= _PIECE_CHARACTERS

    def add(self, key: str, value: str | None, version: Version) -> None:
        """Add an entry."""
        self.size += len(key) + len(value or "")
        if value is None:
            self.tombstones.append((key, version))
        else:
            self.pairs.append((key, value, version))

    def json(self) -> bytes:
        """The pairs as lines of a JSON object, without the braces."""
        values = {key: value for key, value, _ in self.pairs}
        return orjson.dumps(values, option=orjson.OPT_INDENT_2)[2:-2]


def pieces(table: Table) -> Iterator[Piece]:
    """Cut the table into pieces. Reads it as it goes; the last piece may be empty."""
    piece = Piece()
    for number in table.filled():  # few are, in a small store; sorting nothing takes time, too
        slot = table.slot(number)
        for key in sorted(slot):
            entry = slot.get(key)
            if entry is None:
                continue
            piece.add(key, *entry)
            if piece.full:
                yield piece
                piece = Piece()
    yield piece
