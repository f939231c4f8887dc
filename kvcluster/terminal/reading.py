"""Opening what is imported: a file or standard input, and which of the two formats it has.

The option decides, or else the name, or else what the file begins with. What is no ordinary file, a
pipe with a name say, is read as standard input is, so that waiting for it can be broken off. A pipe
whose writer says nothing, or that has none yet, must not keep a program alive that was told to end.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Mapping
from typing import BinaryIO, cast

from kvcluster.config import KIB
from kvcluster.terminal import signatures
from kvcluster.terminal.chunks import Lines, Object, Source
from kvcluster.terminal.pairs import BadFile, Format, format_by_name, format_by_sight
from kvcluster.terminal.streams import Inlet

STANDARD = "-"
_BUFFER_BYTES = 256 * KIB
_ANOTHER_EACH_TIME = ("/dev/", "/proc/")


def open_file(name: str) -> io.BufferedReader:
    """The file, or standard input. Raises BadFile."""
    if name == STANDARD:
        if sys.stdin is None:
            raise BadFile("cannot be read: it is closed")
        return io.BufferedReader(Inlet(sys.stdin.fileno()), _BUFFER_BYTES)
    try:
        # To open a pipe without a writer would wait for one, where no signal is heard.
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise _unreadable(error) from None
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(kind):
        os.close(descriptor)
        raise BadFile("cannot be read: it is a folder")
    raw = io.FileIO(descriptor) if stat.S_ISREG(kind) else Inlet(descriptor, owned=True)
    return io.BufferedReader(raw, _BUFFER_BYTES)


def can_be_gone_on_with(file: io.BufferedReader, name: str) -> bool:
    """Whether the name will mean this file the next time, and its beginning be there again."""
    return file.seekable() and not name.startswith(_ANOTHER_EACH_TIME)


def format_of(file: io.BufferedReader, name: str, wanted: str | None) -> Format:
    """The format of a file that was just opened; it may have to wait for data. Raises BadFile."""
    by_name = format_by_name(name) if name != STANDARD else None
    try:
        beginning = file.peek(KIB)
    except OSError as error:
        raise _unreadable(error) from None
    if why := signatures.objection(beginning):
        raise BadFile(why)
    return Format(wanted) if wanted else by_name or format_by_sight(beginning)


def source_of(file: io.BufferedReader, kind: Format, about: Mapping[str, str]) -> Source:
    """What is to be imported. Raises BadFile."""
    try:
        if kind is Format.JSON:
            return Object(file.read(), about)
        total = os.fstat(file.fileno()).st_size if file.seekable() else None
    except OSError as error:
        raise _unreadable(error) from None
    return Lines(cast(BinaryIO, file), total, about)


def _unreadable(error: OSError) -> BadFile:
    return BadFile(f"cannot be read: {error.strerror or error}")
