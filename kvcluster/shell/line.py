"""A line as words, cut as a POSIX shell cuts it, and the word at the cursor.

The rules are those of Python's shlex, and a test holds this file to them. shlex itself does not say
where a word stands in the line, and completion, which replaces the word that is being typed, quotes
and all, needs to know that; and it takes a minute for a value of a mebibyte, since it reads by the
character. Text that was pasted may have several lines; where a line ends outside of quotes, a
command ends. A line that begins with # is a comment.

Nothing is expanded, and there are no pipes: a `>` that is meant for another shell is refused, for
`get note > note.txt` would otherwise ask for three keys.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from kvcluster.console.screen import shown

_SPACE = re.compile(r"[ \t\r\n]*")
_PIECE = re.compile(
    r"""
    (?P<bare> [^ \t\r\n'"\\]+ )
    | \\ (?P<escaped> . )
    | ' (?P<single> [^']* ) (?P<single_end> '? )
    | " (?P<double> [^"\\]* (?: \\. [^"\\]* )* ) (?P<double_end> "? )
    """,
    re.DOTALL | re.VERBOSE,
)
"""What words are made of. Only at the end of the text a quote may lack its end."""
_ESCAPED_IN_QUOTES = re.compile(r"\\([\"\\])")
_FOR_ANOTHER_SHELL = re.compile(r"\d?(>>?|<<?)|\|\|?|&&?|;")
_OPEN_QUOTE = "A quote is not closed"
_LAST_BACKSLASH = "Nothing stands behind the backslash"


class Unclosed(ValueError):
    """A quote is open at the end, or a backslash stands there. The text is a sentence."""


@dataclass(frozen=True)
class Word:
    """A word, with quotes and backslashes taken away, and where it stood with them."""

    text: str
    start: int
    end: int
    bare: bool
    """Written as it is, without quotes or backslashes."""

    @property
    def for_another_shell(self) -> bool:
        """Whether it is a pipe or the like, which this shell does not have."""
        return self.bare and _FOR_ANOTHER_SHELL.fullmatch(self.text) is not None


def commands(text: str) -> list[list[Word]]:
    """The commands of a text, each with at least one word. Raises Unclosed."""
    words, trouble = _scan(text)
    if trouble:
        raise Unclosed(f"{trouble}: {shown(text[words[-1].start :])}")
    return _cut(text, words)


def at_cursor(text: str) -> tuple[list[str], Word]:
    """Of a text up to the cursor: the words of its last command, and the word being typed."""
    words, _ = _scan(text)
    if not words or words[-1].end < len(text):
        words.append(Word("", len(text), len(text), bare=True))
    *before, typed = _cut(text, words)[-1]
    return [word.text for word in before], typed


def quoted(text: str) -> str:
    """A word as it is written in a line, with quotes only where it needs them."""
    words, _ = _scan(text)
    plain = len(words) == 1 and words[0].bare and text == words[0].text
    return text if plain and not words[0].for_another_shell else shlex.quote(text)


def _scan(text: str) -> tuple[list[Word], str]:
    """The words, the last one as far as it is there, and what is wrong with its end."""
    words: list[Word] = []
    position, trouble = 0, ""
    while not trouble:
        start = _space_end(text, position)
        if text.startswith("#", start) and (not words or "\n" in text[words[-1].end : start]):
            # Passed over here, since the apostrophe of a comment opens no quote.
            comment_end = text.find("\n", start)
            position = comment_end if comment_end >= 0 else len(text)
        elif start == len(text):
            break
        else:
            word, trouble = _word(text, start)
            words.append(word)
            position = word.end
    return words, trouble


def _space_end(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    assert space is not None  # it may be empty
    return space.end()


def _word(text: str, start: int) -> tuple[Word, str]:
    """The word that begins here, and what is wrong with its end."""
    pieces: list[str] = []
    end, trouble = start, ""
    while (piece := _PIECE.match(text, end)) is not None:
        end = piece.end()
        kind = str(piece.lastgroup).removesuffix("_end")
        content = piece[kind]
        if kind == "double":
            content = _ESCAPED_IN_QUOTES.sub(r"\1", content)
        if kind in ("single", "double") and not piece[f"{kind}_end"]:
            trouble = _OPEN_QUOTE
        pieces.append(content)
    if text.startswith("\\", end):  # the last character, or it would have been a piece
        end, trouble = len(text), _LAST_BACKSLASH
    word = "".join(pieces)
    return Word(word, start, end, bare=text[start:end] == word), trouble


def _cut(text: str, words: list[Word]) -> list[list[Word]]:
    """The words of each command."""
    found: list[list[Word]] = []
    end = 0
    for word in words:
        if not found or "\n" in text[end : word.start]:
            found.append([])
        found[-1].append(word)
        end = word.end
    return found
