"""The kinds of arguments that these programs take, each refused with a sentence of its own.

argparse calls a kind with the text that was given and shows the reason if it does not fit. So a
wrong address, number or text is named before any node is asked. Below the kinds stand the arguments
that commands are made of, each as a function that adds it to a parser. A metavar says what kind of
word it is: by it the shell completes (shell/expecting.py).

Words are UTF-8, as keys and values are everywhere, whatever the locale says. Only the names of
files stay as the system has them.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from kvcluster.console.screen import shown
from kvcluster.errors import BadSetting
from kvcluster.model.entry import is_version
from kvcluster.model.members import parse_members, split_address

ENVIRONMENT = "KV_NODES"
"""The environment variable with the nodes to ask when the command line names none."""
STANDARD = "-"
"""Standard input, where a value is named, and standard input or output, where a file is."""
INTERVAL_S = 2.0
"""Between two looks of who goes on looking."""
Argument = Callable[[argparse.ArgumentParser], object]
"""Adds an argument or an option to a parser."""
_USUAL_PORT = 50051
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TIMEOUT_LIMIT_S = 24 * 3600.0
_DIGITS = 18
_SPAN = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([smhdw]?)", re.ASCII)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_FILES = {
    "bash": "_shtab_compgen_files",
    "zsh": "_files",
    "fish": "(__fish_complete_path (commandline -ct))",
}
_FOLDERS = {
    "bash": "_shtab_compgen_dirs",
    "zsh": "_files -/",
    "fish": "(__fish_complete_directories)",
}


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


def usual_nodes(default_cluster: str, refuse: Callable[[str], NoReturn]) -> tuple[str, ...]:
    """The nodes for who names none: those of the environment, or those that are built in."""
    try:
        return nodes(os.environ.get(ENVIRONMENT) or default_cluster)
    except argparse.ArgumentTypeError as error:
        refuse(f"{ENVIRONMENT}: {error}")


def seconds(text: str) -> float:
    """An argument that is a time to wait."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _TIMEOUT_LIMIT_S:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0, at most a day")
    return value


def time_to_live(text: str) -> float:
    """An argument that is a time span in seconds: 30s, 5m, 12h, 7d; a number alone is seconds."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time to live: 30s, 5m, 12h, 7d")
    return float(found[1]) * _UNITS_S[found[2] or "s"]


def version(text: str) -> bytes:
    """An argument that is a version, all of it."""
    digits = text.isascii() and text.isalnum()  # bytes.fromhex passes over spaces
    try:
        found = bytes.fromhex(text) if digits else b""
    except ValueError:
        found = b""
    if not is_version(found):
        raise argparse.ArgumentTypeError(f"{text!r} is no version: 24 hexadecimal digits")
    return found


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


def signed_number(text: str) -> int:
    """An argument that is a whole number, of either sign."""
    digits = text.replace(",", "").replace("_", "")
    if not re.fullmatch(rf"[+-]?[0-9]{{1,{_DIGITS}}}", digits, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(digits)


def argument(
    *names: str, text: str, complete: Mapping[str, str] | None = None, **how: Any
) -> Argument:
    """An argument or an option; `how` as in argparse, `complete` as in shtab."""

    def add(parser: argparse.ArgumentParser) -> None:
        made = parser.add_argument(*names, help=text, **how)
        if complete:
            made.complete = complete  # type: ignore[attr-defined]

    return add


def word(name: str, text: str, nargs: str | None = None) -> Argument:
    """An argument that is text: a key, a value."""
    return argument(
        name, text=text, metavar=name.upper(), type=valid, action=StoreWord, nargs=nargs
    )


def keys(count: str) -> Argument:
    """Keys; how many as in argparse."""
    return argument("keys", text="the keys", metavar="KEY", nargs=count, type=valid)


def flag(*names: str, text: str) -> Argument:
    """An option without a value."""
    return argument(*names, text=text, action="store_true")


def number(name: str, text: str, least: int, most: int, default: int) -> Argument:
    """An option that is a whole number; its help tells the default."""
    kind = whole_number(least, most)
    text = f"{text} (default: {default:,})"
    return argument(name, text=text, metavar="N", type=kind, default=default)


def ttl(text: str, *, required: bool = False) -> Argument:
    """How long a key lives."""
    return argument("--ttl", text=text, metavar="D", type=time_to_live, required=required)


def interval() -> Argument:
    """How often to look."""
    text = f"seconds between two looks (default: {INTERVAL_S:g})"
    return argument("--interval", text=text, metavar="S", type=seconds)


def prefix(text: str) -> Argument:
    """--prefix P, or --prefix alone, which is about the word that stands without it."""
    how: dict[str, Any] = {"nargs": "?", "const": True, "dest": "beginning"}
    return argument("--prefix", text=text, metavar="P", type=valid, **how)


def beginning() -> tuple[Argument, Argument]:
    """How keys begin, as a word or as an option: what `beginning_of` reads."""
    return word("prefix", "only keys that begin so", nargs="?"), prefix("the same")


def beginning_of(options: argparse.Namespace, refuse: Callable[[str], NoReturn]) -> str:
    """Said by a word, by --prefix, or by a word that --prefix is about; empty: all keys."""
    given = [it for it in (options.prefix, options.beginning) if it not in (None, True)]
    if len(given) > 1:
        refuse(f'"{shown(given[0])}" or --prefix {shown(given[1])}? Give one of the two')
    return given[0] if given else ""


def file(name: str, text: str) -> Argument:
    """A file, as an option or as an argument."""
    action = "store" if name.startswith("-") else StoreWord
    return argument(name, text=text, complete=_FILES, metavar="FILE", type=path, action=action)


def folder(name: str, text: str, default: str) -> Argument:
    """A folder, as an option."""
    return argument(name, text=text, complete=_FOLDERS, metavar="D", type=path, default=default)
