"""Pieces: the table cut small enough to be copied between two requests.

A piece ends after so many entries or so many bytes, whichever comes first, so that copying one
never keeps anybody waiting; one huge value travels alone. Its keys are sorted within a slot, so
replicas that hold the same data write the same file, byte for byte.

The table is read while others write to it, and the pieces together are no snapshot. What holds:
each key stands in at most one piece, as it was at some moment after the first piece was asked
for. A key that is new to its slot may be missing; it is in the journal then. One that has
expired counts as a pair as long as a condition may see it, and that is so after a restart, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from kvcluster.config import KIB
from kvcluster.model.entry import Version, is_live
from kvcluster.storage.table import Table, to_message

from demo_pb2 import Entry as EntryMessage

_PIECE_ENTRIES = 512
_PIECE_CHARACTERS = 64 * KIB


@dataclass
class Piece:
    """Some entries: pairs, as three columns of the same length, and tombstones."""

    keys: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    expiries: list[tuple[int, int]] = field(default_factory=list)
    """Of those pairs that expire: the place, and when."""
    tombstones: list[EntryMessage] = field(default_factory=list)

    def json(self) -> bytes:
        """The pairs as lines of a JSON object, without the braces."""
        values = dict(zip(self.keys, self.values, strict=True))
        return orjson.dumps(values, option=orjson.OPT_INDENT_2)[2:-2]


def pieces(table: Table) -> Iterator[Piece]:
    """Cut the table into pieces. Reads it as it goes; the last piece may be empty."""
    piece, entries, size = Piece(), 0, 0
    for number in table.filled():  # few are, in a small store; sorting nothing takes time, too
        slot = table.slot(number)
        for key in sorted(slot):
            held = slot.get(key)
            if held is None:
                continue
            entry, expires_ms = table.lives.lingering(key, held), table.expires_ms(key)
            if is_live(entry):
                value, version = entry
                if expires_ms:
                    piece.expiries.append((len(piece.keys), expires_ms))
                piece.keys.append(key)
                piece.values.append(value)
                piece.versions.append(version)
                size += len(value)
            else:
                piece.tombstones.append(to_message(key, entry, expires_ms))
            size += len(key)  # in characters, which is near enough
            entries += 1
            if entries >= _PIECE_ENTRIES or size >= _PIECE_CHARACTERS:
                yield piece
                piece, entries, size = Piece(), 0, 0
    yield piece
