"""The versions file: what the flat JSON file cannot say about the pairs it holds.

`data_node_<port>.json` is for people: keys and values and nothing else. Beside it, `versions-<n>`
holds, in the JSON's order, the version of each pair, a hash of it, and when it expires if it does;
then what a JSON object has no place for: tombstones, hints of missed writes, the clock, and the
number of the first journal segment that the pair of files does not contain. Its footer names the
JSON by a hash of its bytes.

So three questions have answers at start: does this JSON belong to these versions? If a person
edited it, which pairs are still what they were? And from where must the journal be replayed?

The file is frames (frames.py), one for each piece of a checkpoint, the footer last.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import xxhash

from kvcluster.model.digest import pair_hash, pair_hashes
from kvcluster.model.entry import VERSION_BYTES, Version
from kvcluster.storage import frames
from kvcluster.storage.magics import encoded
from kvcluster.storage.pieces import Piece

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import Expiry, VersionsFooter, VersionsFrame

VERSIONS_PREFIX = "versions-"
_HASH_BYTES = 8


def versions_name(segment: int) -> str:
    """The file name of the versions whose replay starts at this journal segment."""
    return f"{VERSIONS_PREFIX}{segment:08d}"


def json_hasher() -> xxhash.xxh3_128:
    """The hash that ties a JSON file to its versions; feed it the file's bytes."""
    return xxhash.xxh3_128()


def encode_piece(piece: Piece) -> bytes:
    """The frame for some pairs, in the order in which they stand in the JSON."""
    hashes = pair_hashes(piece.keys, piece.values)
    message = VersionsFrame(
        versions=b"".join(piece.versions),
        hashes=struct.pack(f"<{len(hashes)}Q", *hashes),
        tombstones=piece.tombstones,
        expiries=[Expiry(place=place, expires_ms=ms) for place, ms in piece.expiries],
    )
    return encoded(message)


def encode_footer(footer: VersionsFooter) -> bytes:
    """The last frame of the file."""
    return frames.encode(VersionsFrame(footer=footer).SerializeToString())


def hash_bytes(key: str, value: str) -> bytes:
    """The hash of a pair as it stands in the file."""
    return pair_hash(key, value).to_bytes(_HASH_BYTES, "little")


@dataclass
class Versions:
    """A versions file, read back: all of it, or what damage has left of it."""

    versions: bytes = b""
    hashes: bytes = b""
    expiries: dict[int, int] = field(default_factory=dict)
    """Of those pairs that expire: the place in all of it, and when."""
    tombstones: list[EntryMessage] = field(default_factory=list)
    footer: VersionsFooter = field(default_factory=VersionsFooter)
    whole: bool = False
    """Nothing is missing: pairs may be taken by their place in the JSON."""

    def by_place(self) -> Sequence[Version]:
        """The version of each pair, in the JSON's order."""
        return _cut(self.versions, VERSION_BYTES)

    def by_hash(self) -> dict[bytes, tuple[Version, int]]:
        """The version and the expiry of each pair, by its hash: for a JSON that was edited."""
        lives = ((v, self.expiries.get(place, 0)) for place, v in enumerate(self.by_place()))
        return dict(zip(_cut(self.hashes, _HASH_BYTES), lives, strict=False))


def decode(data: bytes) -> Versions:
    """Read a versions file; never raises for damage, see `whole`."""
    scanned = frames.scan(data)
    pieces = frames.messages(scanned.payloads, VersionsFrame)
    result = Versions(
        versions=b"".join(piece.versions for piece in pieces),
        hashes=b"".join(piece.hashes for piece in pieces),
        expiries=_expiries(pieces),
        tombstones=[tombstone for piece in pieces for tombstone in piece.tombstones],
    )
    if pieces and pieces[-1].HasField("footer"):
        result.footer = pieces[-1].footer
        result.whole = (
            not scanned.damaged
            and not scanned.torn
            and len(pieces) == len(scanned.payloads)
            and len(result.versions) == result.footer.pairs * VERSION_BYTES
        )
    return result


def _expiries(pieces: Sequence[VersionsFrame]) -> dict[int, int]:
    found, first = dict[int, int](), 0
    for piece in pieces:
        found.update((first + it.place, it.expires_ms) for it in piece.expiries)
        first += len(piece.versions) // VERSION_BYTES
    return found


def _cut(data: bytes, size: int) -> list[Version]:
    whole = len(data) // size * size
    return [Version(part) for (part,) in struct.iter_unpack(f"{size}s", data[:whole])]
