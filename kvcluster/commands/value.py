"""The value of a put, from a file or standard input, which may be any bytes.

What is text in UTF-8 is stored as it is, byte for byte. Anything else, a picture say, is stored as
a text that says that it is bytes (client/values.py).
"""

from __future__ import annotations

import sys
from typing import BinaryIO

from kvcluster.commands.bulk.formats import BadFile
from kvcluster.commands.bulk.reading import open_file
from kvcluster.config import VALUE_CEILING_BYTES
from kvcluster.console.arguments import STANDARD
from kvcluster.console.output import file_name


class Unreadable(Exception):
    """A value cannot be read. The text is a clause behind what it was to be read from."""


def read(file: str) -> str | bytes:
    """What is in a file, or comes from standard input. Raises Unreadable."""
    try:
        data = _all_of_input() if file == STANDARD else _all_of_file(file)
    except (BadFile, OSError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise Unreadable(f"{_name(file)} {why}") from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _all_of_input() -> bytes:
    if sys.stdin is None:
        raise BadFile("cannot be read: it is closed")
    return _all_of(sys.stdin.buffer)


def _all_of_file(name: str) -> bytes:
    with open_file(name) as file:
        return _all_of(file)


def _all_of(file: BinaryIO) -> bytes:
    data = file.read(VALUE_CEILING_BYTES + 1)
    if len(data) > VALUE_CEILING_BYTES:
        raise BadFile(f"is too large: no node takes more than {VALUE_CEILING_BYTES:,} bytes")
    return data


def _name(file: str) -> str:
    return "standard input" if file == STANDARD else file_name(file)
