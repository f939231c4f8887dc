"""The layout: under which keys of Redis the pairs stand, and what a stored value looks like.

A cluster spreads keys over 16,384 slots and orders none of them. We need order, and steps that
change a value and its place in the order at once, which Redis does within one slot only. So there
are 64 *buckets*, each in a slot of its own, and a key is in one of them by its checksum:

    kvcluster:{17}:v:<key>    a value: version and expiry as 16 digits each, then the value itself
    kvcluster:{17}:i          all keys of the bucket, a sorted set with scores of 0: in byte order
    kvcluster:{17}:e          keys that expire, by when Redis lets go of them
    kvcluster:{17}:c          the largest version that the bucket has given

What stands in braces decides the slot. The numbers there are not 0 to 63: they are found such that
bucket b is among slots 256 b to 256 b + 255, so that every primary of a cluster gets its share.

**A version is a hybrid clock**: the milliseconds of the server times 1,024, or one more than the
last, whatever is larger. So it grows also where a failover lost the last ones; it stays below 2^53,
the largest whole number in Lua, until the year 2248. As text of 16 digits it can be looked at.

Nothing here may change as long as there is data of it: where a key stands is computed anew by every
gateway.
"""

from __future__ import annotations

from binascii import crc_hqx
from zlib import crc32

from kvcluster.errors import NotReady
from kvcluster.model.decision import NOTHING, Content
from kvcluster.model.entry import Version
from kvcluster.model.expiry import has_come

BUCKETS = 64
SLOTS = 16_384
DIGITS = 16
HEADER_BYTES = 2 * DIGITS
_REST = bytes(4)
"""A version has 12 bytes; ours needs 8 of them."""


def slot_of_tag(tag: bytes) -> int:
    """In which slot keys with this tag in braces are."""
    return crc_hqx(tag, 0) % SLOTS


def _tags() -> tuple[bytes, ...]:
    found: dict[int, bytes] = {}
    number = 0
    while len(found) < BUCKETS:
        tag = b"%d" % number
        found.setdefault(slot_of_tag(tag) * BUCKETS // SLOTS, tag)
        number += 1
    return tuple(found[bucket] for bucket in range(BUCKETS))


TAGS = _tags()
BUCKET_SLOTS = tuple(slot_of_tag(tag) for tag in TAGS)


def bucket_of(key: bytes) -> int:
    """In which bucket a key is."""
    return crc32(key) % BUCKETS


class RedisLayout:
    """The names of everything under one prefix."""

    def __init__(self, prefix: str) -> None:
        roots = [b"%s:{%s}:" % (prefix.encode(), tag) for tag in TAGS]
        self.values = [root + b"v:" for root in roots]
        """By bucket: what stands in front of a key."""
        self.indexes = [root + b"i" for root in roots]
        self.expiries = [root + b"e" for root in roots]
        self.clocks = [root + b"c" for root in roots]

    def place(self, key: bytes) -> tuple[int, bytes]:
        """Where the value of a key is: the slot, and the name."""
        bucket = bucket_of(key)
        return BUCKET_SLOTS[bucket], self.values[bucket] + key


def version_of_number(number: int) -> Version:
    """A version as others know it."""
    return Version(number.to_bytes(8, "big") + _REST)


def digits_of(version: bytes) -> bytes:
    """A version as it stands in a stored value; one that is not ours is like none of those."""
    number = int.from_bytes(version[:8], "big") if version[8:] == _REST else 0
    return b"%016d" % number


def content_of(stored: bytes | None, now_ms: int) -> Content:
    """What a read sees of a stored value. Raises NotReady if it is none."""
    if not stored:
        return NOTHING
    content = opened(stored)
    return NOTHING if has_come(content.expires_ms, now_ms) else content


def opened(stored: bytes, *, has_expired: bool = False) -> Content:
    """A stored value, taken apart, or the header of one. Raises NotReady if it is none."""
    try:
        number, expires_ms = int(stored[:DIGITS]), int(stored[DIGITS:HEADER_BYTES])
        text = stored[HEADER_BYTES:].decode()
    except ValueError:
        raise NotReady(
            "Redis Cluster: somebody else writes under the prefix of the engine"
        ) from None
    return Content(text, version_of_number(number), expires_ms, has_expired)


def milliseconds(told: tuple[bytes, bytes]) -> int:
    """The answer to TIME, as milliseconds since 1970."""
    return int(told[0]) * 1_000 + int(told[1]) // 1_000
