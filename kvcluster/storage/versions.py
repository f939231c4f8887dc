"""The versions file: what the flat JSON file cannot say about the pairs it holds.

`data_node_<port>.json` is for people: keys and values and nothing else. Beside it, `versions-<n>`
holds, in the JSON's order, the version of each pair and a hash of it; then what a JSON object has
no place for: tombstones, hints of missed writes, the clock, and the number of the first journal
segment that the pair of files does not contain. Its footer names the JSON by a hash of its bytes.

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
from kvcluster.storage.pieces import Piece

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import VersionsFooter, VersionsFrame

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
    dead = [EntryMessage(key=key, deleted=True, version=v) for key, v in piece.tombstones]
    message = VersionsFrame(
        versions=b"".join(piece.versions),
        hashes=struct.pack(f"<{len(hashes)}Q", *hashes),
        tombstones=dead,
    )
    return frames.encode(message.SerializeToString())


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
    tombstones: list[EntryMessage] = field(default_factory=list)
    footer: VersionsFooter = field(default_factory=VersionsFooter)
    whole: bool = False
    """Nothing is missing: pairs may be taken by their place in the JSON."""

    def by_place(self) -> Sequence[Version]:
        """The version of each pair, in the JSON's order."""
        return _cut(self.versions, VERSION_BYTES)

    def by_hash(self) -> dict[bytes, Version]:
        """The version of each pair, by the hash of the pair: for a JSON that was edited."""
        return dict(zip(_cut(self.hashes, _HASH_BYTES), self.by_place(), strict=False))


def decode(data: bytes) -> Versions:
    """Read a versions file; never raises for damage, see `whole`."""
    scanned = frames.scan(data)
    pieces = frames.messages(scanned.payloads, VersionsFrame)
    result = Versions(
        versions=b"".join(piece.versions for piece in pieces),
        hashes=b"".join(piece.hashes for piece in pieces),
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


def _cut(data: bytes, size: int) -> list[Version]:
    whole = len(data) // size * size
    return [Version(part) for (part,) in struct.iter_unpack(f"{size}s", data[:whole])]
