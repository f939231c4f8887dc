"""A line as words, cut as a POSIX shell cuts it, and the word at the cursor.

The cutting is shlex's. What is added is where each word stands in the line: completion replaces
the word that is being typed, quotes and all, and needs to know where that began. Text that was
pasted may have several lines; where a line ends outside of quotes, a command ends. A line that
begins with # is a comment.

Nothing is expanded, and there are no pipes: a `>` that is meant for another shell is refused, for
`get note > note.txt` would otherwise ask for three keys.
"""

from __future__ import annotations

import io
import re
import shlex
from dataclasses import dataclass
from typing import Any

from kvcluster.terminal.escaping import shown

_SPACE = re.compile(r"[ \t\r\n]*")  # what shlex takes for space
_FOR_ANOTHER_SHELL = re.compile(r"\d?(>>?|<<?)|\|\|?|&&?|;")
_TROUBLES = {
    '"': "A quote is not closed",
    "'": "A quote is not closed",
    "\\": "Nothing stands behind the backslash",
}
"""By the state in which shlex came to the end."""


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
    source = io.StringIO(text)
    lexer: Any = shlex.shlex(source, posix=True)  # what it says of its state has no types
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[Word] = []
    while True:
        space = _SPACE.match(text, source.tell())
        assert space is not None  # it may be empty
        start, trouble = space.end(), ""
        if text.startswith("#", start) and (not words or "\n" in text[words[-1].end : start]):
            # Passed over here, since the apostrophe of a comment opens no quote.
            comment_end = text.find("\n", start)
            source.seek(comment_end if comment_end >= 0 else len(text))
            continue
        try:
            token = lexer.get_token()
        except ValueError:
            token = lexer.token
            trouble = _TROUBLES.get(lexer.state, _TROUBLES["'"])
        if token is None:
            return words, ""
        # Behind a word shlex has read the space that ended it, if there was one.
        end = source.tell() - (lexer.state == " ")
        words.append(Word(token, start, end, bare=text[start:end] == token))
        if trouble:
            return words, trouble


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
