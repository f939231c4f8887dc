"""Magics: which frames hold something that an older version of this program would not see.

Protobuf skips fields that it does not know, and says nothing. A version that knows of no expiries
would read an entry that expires, and keep it for ever; one that knows of no promises would break
those that it gave. So a frame in which there is such a thing has a magic of its own (frames.py),
and to a version that does not know the thing it is damage: the version says so, keeps a copy, and
does not claim that all is there. A frame without such a thing stays as it was, so that a node which
uses none of it can be taken back to an older version as ever.

    KVF1    all else
    KVF2    blocks (block.py)
    KVF3    an expiry, a promise, or a version that was decided by a majority; blocks, too

What makes a frame need the newest of them is decided here, for the journal and the versions file.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from kvcluster.model.ballots import MARK, is_decided
from kvcluster.model.entry import VERSION_BYTES, Version
from kvcluster.storage.frames import MAGIC, MAGIC_WITH_BLOCKS, MAGIC_WITH_LIVES, encode

from demo_pb2 import JournalFrame, VersionsFrame

_MARK = MARK.to_bytes(2, "big")
_expires_ms = attrgetter("expires_ms")


def encoded(frame: JournalFrame | VersionsFrame) -> bytes:
    """A frame as it stands on disk."""
    payload = frame.SerializeToString()
    if needs_new_format(frame, payload):
        return encode(payload, MAGIC_WITH_LIVES)
    blocks = isinstance(frame, JournalFrame) and frame.blocks
    return encode(payload, MAGIC_WITH_BLOCKS if blocks else MAGIC)


def needs_new_format(frame: JournalFrame | VersionsFrame, payload: bytes) -> bool:
    """Whether an older version would lose something that a frame says, which is this in bytes.

    Nearly always the mark is nowhere in it, and no version need be looked at.
    """
    if _MARK in payload and any(map(is_decided, _versions_in(frame))):
        return True
    if isinstance(frame, JournalFrame):
        return bool(frame.promises) or any(map(_expires_ms, frame.entries))
    lives = bool(frame.expiries) or any(map(_expires_ms, frame.tombstones))
    return lives or bool(frame.footer.promises)


def _versions_in(frame: JournalFrame | VersionsFrame) -> Iterator[Version]:
    if isinstance(frame, JournalFrame):
        yield from (Version(entry.version) for entry in frame.entries)
        yield from (Version(block.first_version) for block in frame.blocks)
    else:
        yield from (Version(entry.version) for entry in frame.tombstones)
        for at in range(0, len(frame.versions), VERSION_BYTES):
            yield Version(frame.versions[at : at + VERSION_BYTES])
