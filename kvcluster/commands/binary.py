"""Bytes where people read: how many they are, and of what kind, as far as their beginning tells.

A terminal is no place for a picture: its bytes would steer it, and their base64 fills the screen.
"""

from __future__ import annotations

from kvcluster.client import values
from kvcluster.console.screen import counted

_KINDS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\x7fELF", "ELF"),
    (b"PAR1", "Parquet"),
    (b"\x93NUMPY", "NumPy"),
)
_PICKLES = range(2, 6)
"""Protocols of pickle that begin with a mark."""


def summary(data: bytes) -> str:
    """What bytes are, for people: "binary, 12,345 bytes (JPEG)"."""
    kind = _kind(data)
    return f"binary, {counted(len(data), 'byte')}{f' ({kind})' if kind else ''}"


def _kind(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:1] == b"\x80" and data[1:2] and data[1] in _PICKLES and data.endswith(b"."):
        return "pickle"
    return next((name for start, name in _KINDS if data.startswith(start)), "")


def on_a_line(text: str) -> str:
    """A stored value where people read many: bytes are summed up, text is what was put."""
    value = values.original(text)
    return summary(value) if isinstance(value, bytes) else value
