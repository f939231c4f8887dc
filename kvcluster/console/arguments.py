"""The kinds of arguments that these programs take, each refused with a sentence of its own.

argparse calls a kind with the text that was given and shows the reason if it does not fit. So a
wrong address, number or text is named before any node is asked.

KV_NODES is read by the programs, not here: where a list came from is theirs to say.

Words are UTF-8, as keys and values are everywhere, whatever the locale says. Only the names of
files stay as the system has them.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from kvcluster.errors import BadSetting
from kvcluster.model.members import parse_members, split_address

ENVIRONMENT = "KV_NODES"
"""The environment variable with the nodes to ask when the command line names none."""
STANDARD = "-"
"""Standard input, where a value is named, and standard input or output, where a file is."""
_USUAL_PORT = 50051
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TIMEOUT_LIMIT_S = 24 * 3600.0
_DIGITS = 18


class StoreWord(argparse.Action):
    """Stores an argument, also a second "--", which argparse before Python 3.13 loses."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Store what was given."""
        is_one = values is None or isinstance(values, str)  # None: it was left out
        setattr(namespace, self.dest, values if is_one else "--")


def given() -> list[str]:
    """The words that the program was started with. Bytes that are no UTF-8 are lone surrogates.

    Python has read them as the locale says: with LC_ALL=C it takes every letter but ASCII for such.
    """
    return [os.fsencode(word).decode(errors="surrogateescape") for word in sys.argv[1:]]


def path(text: str) -> str:
    """An argument that is the name of a file, as Python asks the system for it."""
    return os.fsdecode(text.encode(errors="surrogateescape"))


def _address_meant(text: str) -> str:
    """An address as people shorten it: a port is one of this machine, a host has the usual port."""
    if text.isascii() and text.isdigit():
        return f"localhost:{text}"
    return f"{text}:{_USUAL_PORT}" if _HOST.fullmatch(text) else text


def address(text: str) -> str:
    """An argument that is host:port, or one of the two."""
    text = _address_meant(text)
    try:
        split_address(text)
    except BadSetting as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def one_node(text: str) -> tuple[str, ...]:
    """A list of nodes that has one."""
    return (address(text),)


def nodes(text: str) -> tuple[str, ...]:
    """A list of nodes, h:p,h:p,..."""
    try:
        return parse_members(",".join(_address_meant(part.strip()) for part in text.split(",")))
    except BadSetting as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def seconds(text: str) -> float:
    """An argument that is a time to wait."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _TIMEOUT_LIMIT_S:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0, at most a day")
    return value


def valid(text: str) -> str:
    """An argument that is valid text; bytes that are no UTF-8 arrive as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid UTF-8") from None
    return text


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """An argument that is a whole number from `least` to `most`."""

    def kind(text: str) -> int:
        digits = text.replace(",", "").replace("_", "")
        plain = digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS
        value = int(digits) if plain else least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no whole number from {least:,} to {most:,}"
            )
        return value

    return kind
