"""Frames: how the journal and the versions file stand on disk, so that damage shows itself.

A file is frames, end to end. One frame:

    offset  0   magic             4 bytes  "KVF1", "KVF2", "KVF3"
            4   body length       4 bytes  little-endian
            8   body checksum     8 bytes  XXH3-64
           16   header checksum   8 bytes  XXH3-64 of the 16 bytes before
           24   body              the payload, and one byte that is not NUL

The header has a checksum of its own, so that a flipped length is seen as damage and not believed;
a length that checks out *is* believed, and what lies inside a damaged body is never mistaken for
a frame, even if a client stored one as a value. Only behind a damaged header does a reader look
for the magic. The idea is LevelDB's log format; ours has no blocks.

The other magics are those of frames in which there is something that older programs do not know
(magics.py). They would read such a payload without seeing it, and lose what had been acknowledged;
so to them the whole frame is damage, and they say so.

`scan` tells a crash from damage, and everything hangs on that. A crash tears the *end* of a file:
the last frame is shorter than its length, or the file ends in NULs that the file system promised
and never wrote. Nobody was told that this frame is safe, so it may be cut off. Anything else that
does not check out had been acknowledged, and must never be cut silently. That is what the last
byte is for: without it, a flipped bit in a frame whose payload ends in NULs (the lowest version
does) could look like a crash.

A hole of NULs in the middle of the last frame is called damage, though a file system that writes
pages out of order may leave one after a crash. It looks the same as damage; that way is safe.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from xxhash import xxh3_64_intdigest

Payload = TypeVar("Payload", bound=Message)

MAGIC, MAGIC_WITH_BLOCKS, MAGIC_WITH_LIVES = b"KVF1", b"KVF2", b"KVF3"
_MAGICS = (MAGIC, MAGIC_WITH_BLOCKS, MAGIC_WITH_LIVES)
_COMMON = b"KVF"
_FIELDS = struct.Struct("<4sIQ")
_CHECK = struct.Struct("<Q")
HEADER_BYTES = _FIELDS.size + _CHECK.size
_END = b"\n"
_SECTOR_BYTES = 512


@dataclass(frozen=True)
class Scan:
    """What a file holds: its good payloads in order, and what is wrong with it."""

    payloads: list[bytes]
    good_bytes: int
    """Length up to the end of the last good frame before a torn tail: cut the file here."""
    torn: bool
    """The file ends in a write that a crash interrupted."""
    damaged: int
    """How many places do not check out although they were once whole."""


def encode(payload: bytes, magic: bytes = MAGIC) -> bytes:
    """Return the frame of a payload."""
    body = payload + _END
    fields = _FIELDS.pack(magic, len(body), xxh3_64_intdigest(body))
    return b"".join((fields, _CHECK.pack(xxh3_64_intdigest(fields)), body))


def scan(data: bytes) -> Scan:
    """Read every good frame of a file, stepping over what is damaged."""
    payloads: list[bytes] = []
    position = good_bytes = damaged = 0
    while position < len(data):
        end = _frame_end(data, position)
        if end is not None and _is_good(data, position, end):
            payloads.append(data[position + HEADER_BYTES : end - len(_END)])
            position = good_bytes = end
            continue
        following = _next_good(data, position + 1 if end is None else end)
        if following is None and _is_torn(data, position, end):
            return Scan(payloads, position, torn=True, damaged=damaged)
        damaged += 1
        position = following or end or len(data)
    return Scan(payloads, good_bytes, torn=False, damaged=damaged)


def messages(payloads: Iterable[bytes], kind: type[Payload]) -> list[Payload]:
    """Those of the payloads that are such messages.

    A checksum says that a payload is what was written, not that what was written is a message.
    """
    found = []
    for payload in payloads:
        with contextlib.suppress(DecodeError):
            found.append(kind.FromString(payload))
    return found


def _frame_end(data: bytes, position: int) -> int | None:
    """Where the frame ends whose good header stands here, be it beyond the data."""
    check_at = position + _FIELDS.size
    if check_at + _CHECK.size > len(data) or not data.startswith(_MAGICS, position):
        return None
    if xxh3_64_intdigest(data[position:check_at]) != _CHECK.unpack_from(data, check_at)[0]:
        return None
    length: int = _FIELDS.unpack_from(data, position)[1]
    return position + HEADER_BYTES + length


def _is_good(data: bytes, position: int, end: int) -> bool:
    """Whether all of the body is there and checks out."""
    check = _FIELDS.unpack_from(data, position)[2]
    body = memoryview(data)[position + HEADER_BYTES : end]
    return end <= len(data) and xxh3_64_intdigest(body) == check


def _next_good(data: bytes, position: int) -> int | None:
    """Where the next good frame stands."""
    while (position := data.find(_COMMON, position)) >= 0:
        end = _frame_end(data, position)
        if end is not None and _is_good(data, position, end):
            return position
        position += 1
    return None


def _is_torn(data: bytes, position: int, end: int | None) -> bool:
    """Whether the bytes from here on, behind which nothing is good, are one unfinished write."""
    if end is not None and end > len(data):
        return True
    begin = data[position : position + len(MAGIC)]
    if len(data) - position < HEADER_BYTES and any(it.startswith(begin) for it in _MAGICS):
        return True
    return _ends_in_nuls(data, position, position + HEADER_BYTES if end is None else end)


def _ends_in_nuls(data: bytes, position: int, needed: int) -> bool:
    """Whether all of this is NULs, or it is from a sector boundary before `needed` on.

    `needed` is the end of a frame whose header is good, of the header where it is not: a sector
    that was written is written whole, so damage in front of the NULs is told from a crash.
    """
    written = position + len(data[position:].rstrip(b"\0"))
    boundary = -(-written // _SECTOR_BYTES) * _SECTOR_BYTES
    return written == position or boundary < min(needed, len(data))
