"""Opening what is imported: a file or standard input, and which of the two formats it has.

The option decides, or else the name, or else what the file begins with. Standard input is read so
that waiting for it can be broken off: a pipe whose writer says nothing must not keep a program
alive that was told to end.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, cast

from kvcluster.config import KIB
from kvcluster.terminal.chunks import Lines, Object, Source
from kvcluster.terminal.pairs import BadFile, Format, format_by_name, format_by_sight
from kvcluster.terminal.streams import Inlet

STANDARD = "-"
_BUFFER_BYTES = 256 * KIB


def open_file(name: str) -> io.BufferedReader:
    """The file, or standard input. Raises BadFile."""
    if name != STANDARD:
        try:
            return io.BufferedReader(Path(name).open("rb", buffering=0), _BUFFER_BYTES)
        except OSError as error:
            raise BadFile(f"cannot be read: {error.strerror or error}") from None
    if sys.stdin is None:
        raise BadFile("cannot be read: it is closed")
    return io.BufferedReader(Inlet(sys.stdin.fileno()), _BUFFER_BYTES)


def format_of(file: io.BufferedReader, name: str, wanted: str | None) -> Format:
    """The format of a file that was just opened. Raises BadFile."""
    if wanted is not None:
        return Format(wanted)
    by_name = format_by_name(name) if name != STANDARD else None
    try:
        return by_name or format_by_sight(file.peek(KIB))
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror or error}") from None


def source_of(file: io.BufferedReader, kind: Format, about: Mapping[str, str]) -> Source:
    """What is to be imported. Raises BadFile."""
    try:
        if kind is Format.JSON:
            return Object(file.read(), about)
        total = os.fstat(file.fileno()).st_size if file.seekable() else None
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror or error}") from None
    return Lines(cast(BinaryIO, file), total, about)
