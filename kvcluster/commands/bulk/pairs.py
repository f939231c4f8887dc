"""Pairs as text: JSON Lines and JSON, two of the formats of import and export (CSV: rows.py).

**JSON Lines** is one object a line, `{"key": "a", "value": "1"}`, and where the key expires also
`"expires_at": "2030-01-31T12:00:00.000Z"`. It is read and written a line at
a time, so a file may be larger than the memory, and a line that was torn is told from a whole one.
**JSON** is one flat object, `{"a": "1"}`, written in the form of a node's `data_node_<port>.json`,
a pair a line: an export may be the file that a new node starts with, and that file be imported.

A pair that cannot be stored is refused by a clause that goes on after "line 7 ". Unknown fields of
a line are refused as well, and fields that stand twice: to drop what a person wrote there (the
value that was meant?) would be to lose it.

All of it is pure: bytes in, pairs out, and back.
"""

from __future__ import annotations

import codecs
import json
import re
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from kvcluster.commands.bulk.formats import BadFile
from kvcluster.console.screen import shown
from kvcluster.errors import KvError
from kvcluster.view.wording import in_utc


class Pair(NamedTuple):
    """What is to be stored."""

    key: str
    value: str
    expires_at: datetime | None = None
    """None: it never expires."""


_KINDS = {dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
_FIELDS = {"key", "value", "expires_at"}
_LEAST_QUOTES = 8
"""Of an object with two fields, both strings. With one field more there are at least ten."""
_ZULU = re.compile("[Zz]$")
_IN_ORDER = json.JSONDecoder(object_pairs_hook=list, parse_int=str, parse_float=str)
"""Gives an object as a list of its pairs; orjson keeps the last of those with one name."""


class BadPair(KvError):
    """A line or a pair cannot be stored. The text goes on after "line 7 "."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(why)
        self.number = number


def without_mark(data: bytes) -> bytes:
    """The data without the byte order mark that some editors put at the beginning."""
    return data.removeprefix(codecs.BOM_UTF8)


def parse_line(line: bytes, number: int) -> Pair:
    """The pair of a line of JSON Lines. Raises BadPair."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadPair(number, _no_json(line, error)[0]) from None
    if type(said) is not dict:
        raise BadPair(number, f'is {_kind(said)}; want {{"key": "...", "value": "..."}}')
    key, value, expires = said.get("key"), said.get("value"), said.get("expires_at")
    known = 2 + ("expires_at" in said)
    if type(key) is not str or type(value) is not str or not key or len(said) != known:
        raise BadPair(number, _objection(said))
    if line.count(b'"') > _LEAST_QUOTES and (twice := _twice(line)):
        raise BadPair(number, f"has {twice} twice, of which only one could be stored")
    return Pair(key, value, None if expires is None else _time_in(expires, number))


def _time_in(said: object, number: int) -> datetime:
    """The time at which a key expires. Raises BadPair."""
    try:
        time = datetime.fromisoformat(_ZULU.sub("+00:00", str(said)))
    except ValueError:
        time = None
    if not isinstance(said, str) or time is None or time.tzinfo is None:
        raise BadPair(
            number,
            'has an "expires_at" that is no time with a zone, as "2030-01-31T12:00:00Z" is one',
        )
    return time


def _twice(line: bytes) -> str:
    """The field that stands twice in a line of which all else is right; "": none does."""
    try:
        fields = [name for name, _ in _IN_ORDER.decode(line.decode())]
    except RecursionError:  # there is more than the two strings, so something was written over it
        return "a field"
    return next((f'"{name}"' for name in fields if fields.count(name) > 1), "")


def _objection(said: dict[str, Any]) -> str:
    for field in ("key", "value"):
        if field not in said:
            return f'has no "{field}"'
        if not isinstance(said[field], str):
            return f'has a "{field}" that is {_kind(said[field])}, not a string'
    if not said["key"]:
        return 'has a "key" that is empty'
    others = ", ".join(f'"{shown(field)}"' for field in said if field not in _FIELDS)
    return f'has {others} beside "key" and "value", which cannot be stored'


def parse_object(data: bytes) -> list[tuple[str, Any]]:
    """The pairs of a flat JSON object; their values may be anything. Raises BadFile."""
    try:
        said = orjson.loads(without_mark(data))
    except orjson.JSONDecodeError as error:
        hint = ""
        if error.lineno > 1 and "unexpected content after" in str(error):
            hint = "; if it is JSON Lines, say --format jsonl"
        why, line = _no_json(without_mark(data), error)
        raise BadFile(f"{why} in line {line:,}{hint}") from None
    if not isinstance(said, dict):
        raise BadFile(f'is {_kind(said)}; want one flat object, like {{"key": "value"}}')
    return list(said.items())


def check_pair(key: str, value: Any, number: int) -> Pair:
    """A pair of a JSON object, if it can be stored. Raises BadPair."""
    if not key:
        raise BadPair(number, "has an empty key")
    if not isinstance(value, str):
        raise BadPair(number, f'has under the key "{shown(key)}" {_kind(value)}, not a string')
    return Pair(key, value)


def _no_json(data: bytes, error: orjson.JSONDecodeError) -> tuple[str, int]:
    """What is wrong with data that are no JSON, with the column, and the number of the line."""
    try:
        data.decode()
    except UnicodeDecodeError as bad:  # orjson says so, and not where
        before = data[: bad.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        why = f"is not UTF-8: byte 0x{data[bad.start]:02x} at column {column:,}"
        return why, before.count(b"\n") + 1
    # "unexpected end of data: line 1 column 7 (char 6)"
    reason, _, _ = str(error).rpartition(": line ")
    return f"is not JSON: {reason} at column {error.colno:,}", error.lineno


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "a string"
    return _KINDS.get(type(value), "a number")


def to_line(key: str, value: str, expires_at: datetime | None = None) -> bytes:
    """A line of JSON Lines."""
    fields = {"key": key, "value": value}
    if expires_at is not None:
        fields["expires_at"] = in_utc(expires_at)
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def to_member(key: str, value: str) -> bytes:
    """A line of a flat JSON object, without a comma and without the newline."""
    return b"  " + orjson.dumps(key) + b": " + orjson.dumps(value)
