"""Values as they stand in etcd: a byte for the form, when the key expires if it does, the text.

    00 text                     never expires
    01 milliseconds(8) text     at this time, in milliseconds since 1970, big-endian

The expiry stands beside the text, since a lease of etcd counts in seconds and is carried out a
second or two late, and clients are promised the millisecond. The lease only removes what nobody
sees any more. Whatever else stands under our prefix is none of ours: it is told as text, as it is.

A version is the revision of the last write, which every write of one transaction shares.
"""

from __future__ import annotations

from kvcluster.engines.etcd.etcd_rpc_pb2 import KeyValue
from kvcluster.model.decision import NOTHING, Content
from kvcluster.model.entry import VERSION_BYTES, Version
from kvcluster.model.expiry import has_come

_FOR_EVER, _UNTIL = b"\x00", b"\x01"
_TIME_BYTES = 8
_REVISION_BYTES = 8


def packed(value: str, expires_ms: int) -> bytes:
    """A value as it is put."""
    if not expires_ms:
        return _FOR_EVER + value.encode()
    return _UNTIL + expires_ms.to_bytes(_TIME_BYTES, "big") + value.encode()


def unpacked(data: bytes) -> tuple[str, int]:
    """The text, and when it expires; 0: never."""
    if data[:1] == _UNTIL and len(data) > _TIME_BYTES:
        expires_ms = int.from_bytes(data[1 : 1 + _TIME_BYTES], "big")
        return data[1 + _TIME_BYTES :].decode(errors="replace"), expires_ms
    return data.removeprefix(_FOR_EVER).decode(errors="replace"), 0


def version_at(revision: int) -> Version:
    """What is written at a revision has this version."""
    return Version(
        revision.to_bytes(_REVISION_BYTES, "big") + bytes(VERSION_BYTES - _REVISION_BYTES)
    )


def revision_of(version: bytes) -> int:
    """The revision of a version; 0, at which nothing is written, if it is none of etcd's."""
    if any(version[_REVISION_BYTES:]):
        return 0
    revision = int.from_bytes(version[:_REVISION_BYTES], "big")
    return revision if revision < 1 << 63 else 0


def content_of(pair: KeyValue | None, now_ms: int, later_ms: int = 0) -> Content:
    """What a key has, as it is seen at a time; `later_ms`: so long after its expiry it is seen."""
    if pair is None:
        return NOTHING
    value, expires_ms = unpacked(pair.value)
    if expires_ms and has_come(expires_ms + later_ms, now_ms):
        return NOTHING
    return Content(value, version_at(pair.mod_revision), expires_ms)
