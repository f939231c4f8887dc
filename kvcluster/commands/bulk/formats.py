"""Formats: how pairs stand in a file, as its name says or its beginning, and what none of ours is.

A name may promise what cannot be kept (`users.parquet`). Then it is refused at once, with all that
can be done instead: an export that wrote JSON Lines under such a name would be found out a year
later, by a program that cannot read it.
"""

from __future__ import annotations

import enum
import re
from pathlib import PurePath
from typing import NamedTuple

from kvcluster.commands.bulk.rows import is_header
from kvcluster.console.arguments import Argument, argument, file, flag
from kvcluster.errors import KvError

_LINE = re.compile(rb'\{[ \t]*"(key|value)"[ \t]*:')
"""How a line of JSON Lines begins. An object over many lines has its first key on the second."""
_GZIP = ".gz"
_TABLES = ("parquet", "feather", "arrow", "orc", "avro", "xls", "xlsx", "ods", "tsv")
_TEXTS = ("yaml", "yml", "xml", "toml", "sql")
_DATABASES = ("db", "sqlite", "sqlite3", "rdb", "aof", "pickle", "pkl")
_PACKED = ("zip", "tar", "tgz", "7z", "bz2", "xz", "zst", "lz4", "br")
_OTHERS = frozenset((*_TABLES, *_TEXTS, *_DATABASES, *_PACKED))
_CAN = "JSON Lines (.jsonl), JSON (.json) and CSV (.csv), each of them also compressed (.gz)"


class BadFile(KvError):
    """A file is not in its format at all. The text goes on after the name of the file."""


class Format(enum.Enum):
    """How pairs stand in a file."""

    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"

    @property
    def unit(self) -> str:
        """What its parts are called when they are counted."""
        return "pair" if self is Format.JSON else "line"


_BY_SUFFIX = {
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".csv": Format.CSV,
}


def arguments(where: str) -> tuple[Argument, ...]:
    """What import and export take, both of them. `where`: "-" is standard input or output."""
    kinds = ("json", "jsonl", "csv")
    return (
        file("file", f"the file; -: standard {where}"),
        argument("--format", text="of the file (default: as its name says)", choices=kinds),
        flag("--restart", text="begin anew, whatever was done before"),
    )


class Promised(NamedTuple):
    """What the name of a file says of it."""

    format: Format | None
    """None: it says nothing."""
    gzip: bool


def promised(name: str, wanted: str | None) -> Promised:
    """What a name promises, and somebody says. Raises BadFile if it is nothing we can do."""
    path = PurePath(name)
    gzip = path.suffix.lower() == _GZIP
    suffix = PurePath(path.stem).suffix.lower() if gzip else path.suffix.lower()
    if wanted:
        return Promised(Format(wanted), gzip)
    if suffix.lstrip(".") in _OTHERS:
        raise BadFile(f"ends in {suffix}, which is not among what can be done: {_CAN}")
    return Promised(_BY_SUFFIX.get(suffix), gzip)


def by_sight(beginning: bytes) -> Format:
    """The format of what begins like this; a name that says nothing is no reason to ask."""
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    if is_header(text.partition(b"\n")[0]):
        return Format.CSV
    return Format.JSON if text[:1] == b"{" and not _LINE.match(text) else Format.JSONL
