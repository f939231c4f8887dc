"""Limits: the sizes of keys and values that clients and peers may send.

For clients the limits are the settings'. What peers send is not measured by them: a node whose
limits are smaller must still hold what others have acknowledged. But a stranger can pose as a peer,
and an entry that got in spreads to every replica. So for peers there are limits, too, those that no
setting of any node may exceed: what they refuse cannot have been acknowledged by anybody.

That text is clean UTF-8 is seen to by the parser, for both.
"""

from __future__ import annotations

from collections.abc import Collection

from kvcluster.config import (
    ENTRIES_CEILING,
    KEY_CEILING_BYTES,
    VALUE_CEILING_BYTES,
    Settings,
)
from kvcluster.errors import BadRequest

from demo_pb2 import ScanRequest

_SHOWN_CHARACTERS = 40


def check_key(key: str, settings: Settings) -> None:
    """Raise BadRequest, naming key and limit, if no key can be like this."""
    _check_size("key", key, 1, settings.key_limit_bytes)


def check_value(value: str, settings: Settings) -> None:
    """Raise BadRequest, naming value and limit, if the value is too large."""
    _check_size("value", value, 0, settings.value_limit_bytes)


def are_fitting(keys: Collection[str], values: Collection[str], settings: Settings) -> bool:
    """Whether `check_key` and `check_value` would find nothing wrong with any of them."""
    return _are_fitting(keys, 1, settings.key_limit_bytes) and _are_fitting(
        values, 0, settings.value_limit_bytes
    )


def check_scan(request: ScanRequest, settings: Settings) -> None:
    """Raise BadRequest if no key can begin like the prefix, or be where the scan is to begin."""
    check_field("prefix", request.prefix, settings)
    check_field("start_after", request.start_after, settings)


def check_field(name: str, text: str, settings: Settings) -> None:
    """Raise BadRequest if the text in a field of a client's request is too large for its name."""
    if name == "key":
        check_key(text, settings)
    elif name == "value":
        check_value(text, settings)
    elif name in ("prefix", "start_after"):
        _check_size(name, text, 0, settings.key_limit_bytes)


def check_count(entries: int) -> None:
    """Raise BadRequest if no node sends so many entries at once."""
    if entries > ENTRIES_CEILING:
        raise BadRequest(f"{entries:,} entries came at once, allowed are {ENTRIES_CEILING:,}")


def check_columns(keys: Collection[str], values: Collection[str]) -> None:
    """Raise BadRequest if no node can have taken one of these from a client."""
    if _are_fitting(keys, 1, KEY_CEILING_BYTES) and _are_fitting(values, 0, VALUE_CEILING_BYTES):
        return
    for key, value in zip(keys, values, strict=True):
        _check_size("key", key, 1, KEY_CEILING_BYTES)
        _check_size("value", value, 0, VALUE_CEILING_BYTES)


def _are_fitting(texts: Collection[str], least: int, most: int) -> bool:
    lengths = list(map(len, texts))
    if min(lengths, default=least) < least:
        return False
    # A character takes 1 to 4 bytes.
    return max(lengths, default=0) <= most // 4 or all(len(it.encode()) <= most for it in texts)


def _check_size(what: str, text: str, least: int, most: int) -> None:
    if not least <= len(text) <= most // 4:  # a character takes 1 to 4 bytes
        size_bytes = len(text.encode())
        if not least <= size_bytes <= most:
            raise BadRequest(
                f"the {what} {shown(text)} is {size_bytes:,} bytes long,"
                f" allowed are {least} to {most:,}",
                value_limit_bytes=most if what == "value" else 0,
            )


def shown(text: str) -> str:
    """A key or a value as it stands in a sentence: in quotes, and cut if it is long."""
    return repr(text) if len(text) <= _SHOWN_CHARACTERS else repr(text[:_SHOWN_CHARACTERS]) + "…"
