"""Given: what a program gives as a value, what it gets back, and why it could not be taken.

How bytes stand in the store is told in `values.py`. Here it meets programs: whatever they give is
turned into the text that is stored, or refused in a sentence that says what to do, and limits are
told in bytes of what they gave, since nobody should have to know how it stands.

A client has one of two forms. With `ENCODED`, what was put comes back. With `RAW`, texts go in and
come out as they stand, for programs that carry them elsewhere: what was exported raw and is
imported raw is the same again, bytes and all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from kvcluster.client.pending import checked_text, shortened
from kvcluster.client.values import (
    BYTES_PREFIX,
    TEXT_PREFIX,
    as_bytes,
    given_bytes,
    longest_given,
    original,
    plain,
    prefix_of,
    stored,
)
from kvcluster.errors import BadRequest

Value: TypeAlias = str | bytes
"""What was put."""
Given: TypeAlias = str | bytes | bytearray | memoryview
"""What may be put."""

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


def objection(text: str, why: str, limit_bytes: int | None) -> str:
    """Why a put is refused, of a value that is too large in bytes of what was given for it.

    `why`: what is said of it, by who knows the stored text. `limit_bytes`: as in CallFailed.
    """
    prefix = prefix_of(text)
    if not prefix or limit_bytes is None:
        return why
    is_long = f"the value is {given_bytes(text):,} bytes long"
    if not limit_bytes:
        return f"{why}; {is_long}, and {_WHY_LONGER[prefix]}"
    longest = longest_given(prefix, limit_bytes)
    return f"{is_long}, allowed are 0 to {longest:,}, since {_WHY_LONGER[prefix]}"


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
