"""Values: how bytes and text stand in the store, whose values are text.

A node keeps strings, and its JSON file shall be readable. So bytes are stored as a text that says
what it is, a data URL (RFC 2397): `data:;base64,iVBORw0...`. Any program that reads the JSON, or
asks over gRPC in another language, can tell and decode it.

A text may happen to begin like one. Such a text is stored as a data URL as well, one that says that
it carries text: `data:;charset=utf-8;base64,...`. So `original(stored(x)) == x`, for every x, and a
text never turns into bytes. Any other text is stored as it is.

What is no such URL to the last byte (cut, or spelled in another way) is taken for a plain text:
nothing that somebody else has stored can make a read fail.

A client has one of two forms. With `ENCODED`, what was put comes back. With `RAW`, texts go in and
come out as they stand, for programs that carry them elsewhere: what was exported raw and is
imported raw is the same again, bytes and all.

Rejected: a field of its own on the wire, which an older node would drop; and base85, which takes a
twelfth less and which nobody's tools know.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from kvcluster.client.given import checked_text, shortened
from kvcluster.errors import BadRequest

Value: TypeAlias = str | bytes
"""What was put."""
Given: TypeAlias = str | bytes | bytearray | memoryview
"""What may be put."""

BYTES_PREFIX = "data:;base64,"
TEXT_PREFIX = "data:;charset=utf-8;base64,"
_WHY_LONGER = {
    BYTES_PREFIX: "bytes are stored as text, which takes a third more",
    TEXT_PREFIX: f'a text that begins with "{BYTES_PREFIX}" takes a third more where it is stored',
}


@dataclass(frozen=True)
class Form:
    """How values go into the store, and come out of it."""

    stored: Callable[[object], str]
    """The text that is stored for what a program gave. Raises BadRequest."""
    text: Callable[[str], str]
    value: Callable[[str], Value]
    bytes: Callable[[str], bytes]


def stored(value: Value) -> str:
    """The text that is stored for a value."""
    if isinstance(value, bytes):
        return BYTES_PREFIX + base64.b64encode(value).decode("ascii")
    if value.startswith((BYTES_PREFIX, TEXT_PREFIX)):
        return TEXT_PREFIX + base64.b64encode(value.encode()).decode("ascii")
    return value


def original(text: str) -> Value:
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


def _decoded(digits: str) -> bytes | None:
    """The bytes, if this is their one spelling in base64."""
    try:
        data = base64.b64decode(digits, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode("ascii") == digits else None


def objection(text: str, why: str, limit_bytes: int | None) -> str:
    """Why a put is refused, of a value that is too large in bytes of what was given for it, since
    nobody should have to know how that stands in the store.

    `text`: what was to be stored. `why`: what is said of that. `limit_bytes`: as in Refusal.
    """
    prefix = next((it for it in (BYTES_PREFIX, TEXT_PREFIX) if text.startswith(it)), "")
    if not prefix or limit_bytes is None:
        return why
    given_bytes = (len(text) - len(prefix)) // 4 * 3 - text[-2:].count("=")
    is_long = f"the value is {given_bytes:,} bytes long"
    if not limit_bytes:
        return f"{why}; {is_long}, and {_WHY_LONGER[prefix]}"
    longest = longest_given(prefix, limit_bytes)
    return f"{is_long}, allowed are 0 to {longest:,}, since {_WHY_LONGER[prefix]}"


def longest_given(prefix: str, limit_bytes: int) -> int:
    """How many bytes fit into a stored text that begins so, of at most `limit_bytes`."""
    return max(0, (limit_bytes - len(prefix)) // 4 * 3)


def _encoded(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return stored(bytes(value))
    if not isinstance(value, str):
        kind, advice = type(value).__name__, _advice(value)
        raise BadRequest(f"a value is a string or bytes, not {kind}: {shortened(value)}{advice}")
    try:
        return stored(value)
    except UnicodeEncodeError:
        checked_text("value", value)
        raise


def _advice(value: object) -> str:
    """What to do with something that is no value."""
    if value is None:
        return "; a key is removed by delete"
    if isinstance(value, int | float):
        return "; str(value) makes a string of it"
    if isinstance(value, dict | list | tuple):
        return "; json.dumps(value) makes a string of it"
    return ""


def _as_it_stands(value: object) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"a raw client stores strings, not {type(value).__name__}")
    return value


ENCODED = Form(_encoded, plain, original, as_bytes)
RAW = Form(_as_it_stands, str, str, str.encode)
