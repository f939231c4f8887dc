"""Frames: how the journal and the versions file stand on disk, so that damage shows itself.

A file is frames, end to end. One frame:

    offset  0   magic              4 bytes  "KVF1"
            4   payload length     4 bytes  little-endian
            8   payload checksum   8 bytes  XXH3-64
           16   header checksum    8 bytes  XXH3-64 of the 16 bytes before
           24   payload

The header has a checksum of its own, so that a flipped length is seen as damage and not believed.
The idea is LevelDB's log format; ours has no blocks, and a reader finds the next good frame by
looking for the magic.

`scan` tells a crash from damage, and everything hangs on that. A crash tears the *end* of a file:
the last frame is shorter than its length, or the file ends in NULs that the file system promised
and never wrote. Nobody was told that this frame is safe, so it may be cut off. Anything else that
does not check out had been acknowledged, and must never be cut silently.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from xxhash import xxh3_64_intdigest

MAGIC = b"KVF1"
_FIELDS = struct.Struct("<4sIQ")
_CHECK = struct.Struct("<Q")
HEADER_BYTES = _FIELDS.size + _CHECK.size
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


def encode(payload: bytes) -> bytes:
    """Return the frame of a payload."""
    fields = _FIELDS.pack(MAGIC, len(payload), xxh3_64_intdigest(payload))
    return b"".join((fields, _CHECK.pack(xxh3_64_intdigest(fields)), payload))


def scan(data: bytes) -> Scan:
    """Read every good frame of a file, stepping over what is damaged."""
    payloads: list[bytes] = []
    position = good_bytes = damaged = 0
    while position < len(data):
        payload = _read_frame(data, position)
        if payload is not None:
            payloads.append(payload)
            position = good_bytes = position + HEADER_BYTES + len(payload)
            continue
        following = _next_good(data, position + 1)
        if following is None and _is_torn(data, position):
            return Scan(payloads, position, torn=True, damaged=damaged)
        damaged += 1
        position = len(data) if following is None else following
    return Scan(payloads, good_bytes, torn=False, damaged=damaged)


def _read_header(data: bytes, position: int) -> tuple[int, int] | None:
    """Length and checksum of the payload, if a good header stands here."""
    end = position + _FIELDS.size
    if end + _CHECK.size > len(data):
        return None
    magic, length, payload_check = _FIELDS.unpack_from(data, position)
    if magic != MAGIC or xxh3_64_intdigest(data[position:end]) != _CHECK.unpack_from(data, end)[0]:
        return None
    return length, payload_check


def _read_frame(data: bytes, position: int) -> bytes | None:
    header = _read_header(data, position)
    if header is None:
        return None
    start = position + HEADER_BYTES
    payload = data[start : start + header[0]]
    if len(payload) < header[0] or xxh3_64_intdigest(payload) != header[1]:
        return None
    return payload


def _next_good(data: bytes, position: int) -> int | None:
    while (position := data.find(MAGIC, position)) >= 0:
        if _read_frame(data, position) is not None:
            return position
        position += 1
    return None


def _is_torn(data: bytes, position: int) -> bool:
    """Whether the bytes from here to the end look like one write that a crash cut short."""
    if len(data) - position < HEADER_BYTES:
        return MAGIC.startswith(data[position : position + 4]) or _ends_in_nuls(data, position)
    header = _read_header(data, position)
    if header is not None and len(data) - position < HEADER_BYTES + header[0]:
        return True
    return _ends_in_nuls(data, position)


def _ends_in_nuls(data: bytes, position: int) -> bool:
    """Whether all of the tail is NULs, or all of it from a sector boundary on."""
    written = len(data[position:].rstrip(b"\0")) + position
    boundary = -(-written // _SECTOR_BYTES) * _SECTOR_BYTES
    return written == position or boundary < len(data)
