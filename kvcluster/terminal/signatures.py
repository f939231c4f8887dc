"""Signatures: files that are no text as import takes it, told by how they begin.

A compressed file, or one in UTF-16, has no line that could be mended. So it is refused as a whole
and by its name, before its bytes are called bad JSON one after the other.
"""

from __future__ import annotations

_UNPACKED = "which import does not unpack; pipe what is in it into `import -`"
_CONVERTED = "and import takes UTF-8; convert it first"
_SIGNATURES = (
    (b"\x1f\x8b", "is compressed by gzip, which import unpacks if its name ends in .gz"),
    (b"BZh", f"is compressed by bzip2, {_UNPACKED}"),
    (b"\xfd7zXZ\x00", f"is compressed by xz, {_UNPACKED}"),
    (b"\x28\xb5\x2f\xfd", f"is compressed by zstd, {_UNPACKED}"),
    (b"\x04\x22\x4d\x18", f"is compressed by lz4, {_UNPACKED}"),
    (b"PK\x03\x04", f"is a zip archive, {_UNPACKED}"),
    (b"\xff\xfe\x00\x00", f"is in UTF-32, {_CONVERTED}"),
    (b"\x00\x00\xfe\xff", f"is in UTF-32, {_CONVERTED}"),
    (b"\xff\xfe", f"is in UTF-16, {_CONVERTED}"),
    (b"\xfe\xff", f"is in UTF-16, {_CONVERTED}"),
)


def objection(beginning: bytes) -> str:
    """What is wrong with a file that begins like this, as a clause behind its name; "": nothing."""
    for signature, clause in _SIGNATURES:
        if beginning.startswith(signature):
            return clause
    # Without a mark in front: of the two bytes of a brace, a bracket or a quote one is zero.
    if len(beginning) > 1 and (beginning[0] == 0) != (beginning[1] == 0):
        return f"seems to be in UTF-16, {_CONVERTED}"
    return ""
