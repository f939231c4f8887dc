"""What a person may write into the JSON file: one flat object of strings.

A mistake is answered by a sentence that names the key, and the node does not start, with nothing
changed: a person who is told can mend the file, and half of a file served is worse than none.

Text that is not JSON at all is no mistake of that kind. It looks the same as damage, so it is
treated as damage (base.py).
"""

from __future__ import annotations

import codecs

import orjson

from kvcluster.config import Settings
from kvcluster.errors import CannotStart

_KINDS = {dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
_SHOWN_CHARACTERS = 40


def parse(data: bytes, name: str, settings: Settings) -> dict[str, str]:
    """Read a JSON file called `name`.

    Raises orjson.JSONDecodeError if it is not JSON, CannotStart if the node cannot serve it.
    """
    pairs = orjson.loads(data.removeprefix(codecs.BOM_UTF8))  # some editors put one there
    if not isinstance(pairs, dict):
        raise CannotStart(f'{name} must be one flat JSON object, like {{"key": "value"}}')
    for key, value in pairs.items():
        shown = repr(key if len(key) <= _SHOWN_CHARACTERS else key[:_SHOWN_CHARACTERS] + "…")
        if not isinstance(value, str):
            kind = _KINDS.get(type(value), "a number")
            raise CannotStart(
                f"{name}: the value of key {shown} is {kind}, not a string; nothing was changed"
            )
        _check_size(f"{name}: key {shown}", key, 1, settings.key_limit_bytes)
        _check_size(f"{name}: the value of key {shown}", value, 0, settings.value_limit_bytes)
    return pairs


def _check_size(what: str, text: str, least_bytes: int, most_bytes: int) -> None:
    size_bytes = len(text.encode())
    if not least_bytes <= size_bytes <= most_bytes:
        raise CannotStart(
            f"{what} is {size_bytes:,} bytes long, allowed are {least_bytes} to {most_bytes:,};"
            " nothing was changed"
        )
