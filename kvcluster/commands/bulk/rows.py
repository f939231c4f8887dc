"""Rows: pairs as lines of CSV, with a header that names the two columns (RFC 4180).

    key,value
    city,Hà Nội
    note,"two lines,
    of which the second has a ""quote"" in it"

That is what spreadsheets, pandas and databases read and write. Columns may stand in either order;
any other column is refused, since to drop what stands there would be to lose it. A field is quoted
where it must be, and a row may go over many lines. Python's csv module decides what a row says;
here it is found where one ends, so that a file is read row by row, and an import can continue
behind any of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from kvcluster.console.screen import shown

_FIELDS = ["key", "value"]
_MOST_CHARACTERS = 2**31 - 1
csv.field_size_limit(_MOST_CHARACTERS)  # how large a value may be is for the nodes to say

HEADER = b"key,value\n"


class BadRow(ValueError):
    """A row says no pair. The text goes on after "line 7 "."""


def to_row(key: str, value: str) -> bytes:
    """A pair as a row."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow((key, value))
    text = out.getvalue()
    # The module leaves a carriage return alone, which readers take for the end of a row.
    return _quoted(key, value) if "\r" in text else text.encode()


def _quoted(key: str, value: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow((key, value))
    return out.getvalue().encode()


def read_row(read_line: Callable[[int], bytes], limit_bytes: int) -> bytes:
    """The bytes of the next row: lines until no quote is open. Nothing: the end of the file."""
    lines: list[bytes] = []
    size_bytes = quotes = 0
    while line := read_line(limit_bytes - size_bytes):
        lines.append(line)
        size_bytes += len(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0 or size_bytes >= limit_bytes:
            break
    return b"".join(lines)


def is_header(line: bytes) -> bool:
    """Whether a line names the two columns, and nothing else."""
    try:
        return sorted(_fields(line)) == _FIELDS
    except BadRow:
        return False


def columns(header: bytes) -> tuple[int, int]:
    """Where the key stands in a row, and where the value. Raises BadRow."""
    names = _fields(header)
    if sorted(names) != _FIELDS:
        raise BadRow(f'is "{shown(header.decode().rstrip())}"{_hint(names)}')
    return names.index("key"), names.index("value")


def _hint(names: list[str]) -> str:
    """What may be meant by another header, as the end of a sentence."""
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if any(separator in it for it in names):
            return f": columns are separated by commas here, not by {name}"
    if sorted(name.strip().lower() for name in names) == _FIELDS:
        return ": the names are in small letters, without spaces"
    if set(_FIELDS) < set(names):
        return ": what stands in other columns than these two cannot be stored"
    return ""


def parse_row(row: bytes, places: tuple[int, int]) -> tuple[str, str]:
    """The pair of a row. Raises BadRow."""
    fields = _fields(row)
    if len(fields) != len(_FIELDS):
        count = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
        raise BadRow(f"has {count}; want a key and a value")
    key, value = (fields[place] for place in places)
    if not key:
        raise BadRow("has an empty key")
    return key, value


def _fields(row: bytes) -> list[str]:
    if row.count(b'"') % 2:
        raise BadRow("has a quote that is not closed")
    try:
        text = row.decode()
    except UnicodeDecodeError as bad:
        why = f"is not UTF-8: byte 0x{row[bad.start]:02x} at byte {bad.start + 1:,}"
        raise BadRow(why) from None
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise BadRow(f"is not CSV: {error}") from None
    return rows[0] if len(rows) == 1 else []
