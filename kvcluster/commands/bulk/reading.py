"""Opening what is imported: a file or standard input, and which of the formats it has.

The option decides, or else the name, or else what the file begins with. What is no ordinary file, a
pipe with a name say, is read as standard input is, so that waiting for it can be broken off. A pipe
whose writer says nothing, or that has none yet, must not keep a program alive that was told to end.

A compressed file, or one in UTF-16, has no line that could be mended. So it is told by how it
begins, and refused as a whole, before its bytes are called bad JSON one after the other.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from kvcluster.commands.bulk.chunks import ImportSource, JsonLines, Object, Rows
from kvcluster.commands.bulk.formats import BadFile, Format, by_sight, promised
from kvcluster.config import KIB
from kvcluster.console.arguments import STANDARD
from kvcluster.console.streams import Inlet

BINARY: int = getattr(os, "O_BINARY", 0)
"""Of Windows, which else changes the ends of lines."""
_NOT_WAITING: int = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_BUFFER_BYTES = 256 * KIB
_ANOTHER_EACH_TIME = ("/dev/", "/proc/")


class Unpacked(io.RawIOBase):
    """What is in a file that gzip has compressed. Raises BadFile where it has not."""

    def __init__(self, packed: io.RawIOBase) -> None:
        self._packed = packed
        self._gzip = gzip.GzipFile(fileobj=io.BufferedReader(packed, _BUFFER_BYTES))

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """Whether the file is. To go back means to unpack it again, from its beginning."""
        return self._packed.seekable()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in what is unpacked."""
        return self._gzip.seek(offset, whence)

    def fileno(self) -> int:
        """That of the file."""
        return self._packed.fileno()

    def readinto(self, buffer: Any) -> int:
        """Unpack some."""
        try:
            return self._gzip.readinto(buffer)
        except gzip.BadGzipFile:
            raise BadFile("is not compressed by gzip, or damaged") from None
        except EOFError:
            raise BadFile("ends too early: it was compressed or copied only in part") from None
        except zlib.error as error:
            raise BadFile(f"is damaged: {error}") from None

    def close(self) -> None:
        """Let go of the file."""
        if not self.closed:
            self._packed.close()
        super().close()


def open_import(name: str, wanted: str | None) -> io.BufferedReader:
    """The file that is to be imported, unpacked if its name says so. Raises BadFile."""
    packed = name != STANDARD and promised(name, wanted).gzip
    file = open_file(name)
    if not packed:
        return file
    return io.BufferedReader(Unpacked(file.detach()), _BUFFER_BYTES)


def open_file(name: str) -> io.BufferedReader:
    """The file, or standard input. Raises BadFile."""
    if name == STANDARD:
        if sys.stdin is None:
            raise BadFile("cannot be read: it is closed")
        return io.BufferedReader(Inlet(sys.stdin.fileno()), _BUFFER_BYTES)
    try:
        # To open a pipe without a writer would wait for one, where no signal is heard.
        descriptor = os.open(name, os.O_RDONLY | _NOT_WAITING | BINARY)
    except OSError as error:
        raise _unreadable(error) from None
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(kind):
        os.close(descriptor)
        raise BadFile("cannot be read: it is a folder")
    raw = io.FileIO(descriptor) if stat.S_ISREG(kind) else Inlet(descriptor, owned=True)
    return io.BufferedReader(raw, _BUFFER_BYTES)


def can_be_continued(file: io.BufferedReader, name: str) -> bool:
    """Whether the name will mean this file the next time, and its beginning be there again."""
    return file.seekable() and not name.startswith(_ANOTHER_EACH_TIME)


def format_of(file: io.BufferedReader, name: str, wanted: str | None) -> Format:
    """The format of a file that was just opened; it may have to wait for data. Raises BadFile."""
    said = promised("" if name == STANDARD else name, wanted).format
    try:
        beginning = file.peek(KIB)
    except OSError as error:
        raise _unreadable(error) from None
    if why := _objection(beginning):
        raise BadFile(why)
    return said or by_sight(beginning)


def source_of(file: io.BufferedReader, kind: Format, about: Mapping[str, str]) -> ImportSource:
    """What is to be imported. Raises BadFile."""
    try:
        if kind is Format.JSON:
            return Object(file.read(), about)
        is_long_as_told = file.seekable() and not isinstance(file.raw, Unpacked)
        total = os.fstat(file.fileno()).st_size if is_long_as_told else None
    except OSError as error:
        raise _unreadable(error) from None
    lines = Rows if kind is Format.CSV else JsonLines
    return lines(cast(BinaryIO, file), total, about)


def _unreadable(error: OSError) -> BadFile:
    return BadFile(f"cannot be read: {error.strerror or error}")


_UNPACKED = "which import does not unpack; pipe what is in it into `import -`"
_CONVERTED = "and import takes UTF-8; convert it first"
_SIGNATURES = (
    (b"\x1f\x8b", "is compressed by gzip, which import unpacks if its name ends in .gz"),
    (b"BZh", f"is compressed by bzip2, {_UNPACKED}"),
    (b"\xfd7zXZ\x00", f"is compressed by xz, {_UNPACKED}"),
    (b"\x28\xb5\x2f\xfd", f"is compressed by zstd, {_UNPACKED}"),
    (b"\x04\x22\x4d\x18", f"is compressed by lz4, {_UNPACKED}"),
    (b"PK\x03\x04", f"is a zip archive, {_UNPACKED}"),
    (b"\xff\xfe\x00\x00", f"is in UTF-32, {_CONVERTED}"),
    (b"\x00\x00\xfe\xff", f"is in UTF-32, {_CONVERTED}"),
    (b"\xff\xfe", f"is in UTF-16, {_CONVERTED}"),
    (b"\xfe\xff", f"is in UTF-16, {_CONVERTED}"),
)


def _objection(beginning: bytes) -> str:
    """What is wrong with a file that begins like this, as a clause behind its name; "": nothing."""
    for signature, clause in _SIGNATURES:
        if beginning.startswith(signature):
            return clause
    # Without a mark in front: of the two bytes of a brace, a bracket or a quote one is zero.
    if len(beginning) > 1 and (beginning[0] == 0) != (beginning[1] == 0):
        return f"seems to be in UTF-16, {_CONVERTED}"
    return ""
