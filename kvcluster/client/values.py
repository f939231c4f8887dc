"""Values: how bytes and text stand in the store, whose values are text.

A node keeps strings, and its JSON file shall be readable. So bytes are stored as a text that says
what it is, a data URL (RFC 2397): `data:;base64,iVBORw0...`. Any program that reads the JSON, or
asks over gRPC in another language, can tell and decode it.

A text may happen to begin like one. Such a text is stored as a data URL as well, one that says that
it carries text: `data:;charset=utf-8;base64,...`. So `original(stored(x)) == x`, for every x, and a
text never turns into bytes. Any other text is stored as it is.

What is no such URL to the last byte (cut, or spelled in another way) is taken for a plain text:
nothing that somebody else has stored can make a read fail.

Rejected: a field of its own on the wire, which an older node would drop; and base85, which takes a
twelfth less and which nobody's tools know.
"""

from __future__ import annotations

import base64
import binascii

BYTES_PREFIX = "data:;base64,"
TEXT_PREFIX = "data:;charset=utf-8;base64,"


def stored(value: str | bytes) -> str:
    """The text that is stored for a value."""
    if isinstance(value, bytes):
        return BYTES_PREFIX + base64.b64encode(value).decode("ascii")
    if value.startswith((BYTES_PREFIX, TEXT_PREFIX)):
        return TEXT_PREFIX + base64.b64encode(value.encode()).decode("ascii")
    return value


def original(text: str) -> str | bytes:
    """What was given to `stored`, from the text that is stored."""
    if text.startswith(BYTES_PREFIX):
        data = _decoded(text[len(BYTES_PREFIX) :])
        return text if data is None else data
    return plain(text)


def plain(text: str) -> str:
    """The same for who wants text: bytes stay a data URL."""
    if not text.startswith(TEXT_PREFIX):
        return text
    try:
        inner = (_decoded(text[len(TEXT_PREFIX) :]) or b"").decode()
    except UnicodeDecodeError:
        return text
    return inner if stored(inner) == text else text


def as_bytes(text: str) -> bytes:
    """The same for who wants bytes: of a text those of its UTF-8."""
    value = original(text)
    return value if isinstance(value, bytes) else value.encode()


def longest_bytes(limit_bytes: int) -> int:
    """How many bytes fit into a stored text of at most `limit_bytes`."""
    return longest_given(BYTES_PREFIX, limit_bytes)


def longest_given(prefix: str, limit_bytes: int) -> int:
    """The same for a text that begins with one of the two prefixes."""
    return max(0, (limit_bytes - len(prefix)) // 4 * 3)


def prefix_of(text: str) -> str:
    """How a stored text begins if it is not what was given; else empty."""
    return next((it for it in (BYTES_PREFIX, TEXT_PREFIX) if text.startswith(it)), "")


def given_bytes(text: str) -> int:
    """How many bytes were given for a stored text that begins so."""
    digits = len(text) - len(prefix_of(text))
    return digits // 4 * 3 - text[-2:].count("=")


def _decoded(digits: str) -> bytes | None:
    """The bytes, if this is their one spelling in base64."""
    try:
        data = base64.b64decode(digits, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode("ascii") == digits else None
