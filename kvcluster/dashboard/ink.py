"""Ink: signs, colours and letters, and the one way by which text comes onto the screen.

Nothing is told by colour alone: a state has a word and a sign, a node has a letter, and colour only
says it again, for who sees it. The colours are the sixteen of the terminal. On a light terminal
they are that terminal's own, and the default background is left alone, so nothing here has to know
whether it is light or dark. No text is yellow or dim, since that vanishes on white.

Whatever a node, a key or a value says is shown through `plain`: on one line, its control characters
escaped, and never read as markup.
"""

from __future__ import annotations

import enum
import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle

from rich.cells import cell_len
from rich.text import Text

from kvcluster.console.screen import as_line


class Tone(enum.Enum):
    """How something stands: its sign, and the style of sign and word."""

    PLAIN = ("·", "")
    GOOD = ("●", "green")
    BUSY = ("▲", "bold magenta")
    BAD = ("✗", "bold red")

    def __init__(self, sign: str, style: str) -> None:
        self.sign = sign
        """One character that says it without colour."""
        self.style = style
        """The colour that says it again."""


@dataclass(frozen=True)
class Mark:
    """What one node is drawn with."""

    letter: str
    colour: str
    on: str
    """The style of a letter on a field of this colour; readable on any terminal."""


_LETTERS = string.ascii_lowercase + string.ascii_uppercase + string.digits
_COLOURS = (
    ("blue", "bold bright_white on blue"),
    ("green", "black on green"),
    ("magenta", "bold bright_white on magenta"),
    ("cyan", "black on cyan"),
    ("yellow", "black on yellow"),
    ("bright_black", "bold bright_white on bright_black"),
)


def marks(names: Iterable[str]) -> dict[str, Mark]:
    """A letter and a colour for each node, by the order of the names; both repeat."""
    signs = zip(sorted(names), cycle(_LETTERS), cycle(_COLOURS), strict=False)
    return {name: Mark(letter, *colours) for name, letter, colours in signs}


def plain(text: str, style: str = "") -> Text:
    """Text from anywhere, as it is: no markup, no control characters, one line."""
    return Text(as_line(text), style=style, no_wrap=True, overflow="ellipsis", end="")


def told(tone: Tone, text: str) -> Text:
    """A line with its sign, which alone has the colour: red sentences are hard to read."""
    line = plain("")
    line.append(f"{tone.sign} ", tone.style)
    return line.append_text(plain(text))


def wrapped(line: Text, width: int, indent: int) -> list[Text]:
    """The line in as many lines as it needs, those after the first indented.

    A word that is longer than a line is left as it is; whoever draws it cuts it.
    """
    breaks, used = [], 0
    for word in re.finditer(r"\S+\s*", line.plain):
        if used > indent and used + cell_len(word[0].rstrip()) > width:
            breaks.append(word.start())
            used = indent
        used += cell_len(word[0])
    first, *rest = line.divide(breaks)
    for part in (first, *rest):
        part.rstrip()  # or a word that just fits is cut for the sake of the space behind it
    return [first, *(plain(" " * indent).append_text(part) for part in rest)]


def cut(line: Text, width: int) -> Text:
    """The line, no wider than so many columns; what is left out is seen to be."""
    short = line.copy()
    short.truncate(max(1, width), overflow="ellipsis")
    return short


def ruled(title: Text, width: int) -> Text:
    """A title with a rule to the end of the line."""
    line = title.copy()
    line.append(" " + "─" * (width - line.cell_len - 1), "bright_black")
    return line


def lines(parts: Sequence[Text], width: int) -> Text:
    """Lines under each other, each cut at the width."""
    return Text("\n").join(cut(part, width) for part in parts)
