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

from collections.abc import Iterable

from kvcluster.model.entry import VERSION_BYTES
from kvcluster.storage.frames import MAGIC, MAGIC_WITH_BLOCKS, MAGIC_WITH_LIVES

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import JournalFrame, VersionsFrame

_MARK = b"\xca\x5d"
_MARK_AT = 8
"""A version that was decided by a majority has this mark there: its incarnation begins with it."""


def magic_of(frame: JournalFrame | VersionsFrame) -> bytes:
    """The magic under which a frame stands on disk."""
    if needs_new_format(frame):
        return MAGIC_WITH_LIVES
    return MAGIC_WITH_BLOCKS if isinstance(frame, JournalFrame) and frame.blocks else MAGIC


def needs_new_format(frame: JournalFrame | VersionsFrame) -> bool:
    """Whether an older version would lose something that the frame says."""
    if frame.promises:
        return True
    if isinstance(frame, JournalFrame):
        return _need(frame.entries) or any(_is_decided(it.first_version) for it in frame.blocks)
    return bool(frame.expiries) or _need(frame.tombstones) or _has_decided(frame.versions)


def _need(entries: Iterable[EntryMessage]) -> bool:
    return any(entry.expires_ms or _is_decided(entry.version) for entry in entries)


def _is_decided(version: bytes) -> bool:
    return version.startswith(_MARK, _MARK_AT)


def _has_decided(versions: bytes) -> bool:
    """Whether one of the versions in a column was decided."""
    if _MARK not in versions:  # nearly always, and it need not be cut then
        return False
    places = range(0, len(versions), VERSION_BYTES)
    return any(versions.startswith(_MARK, place + _MARK_AT) for place in places)
