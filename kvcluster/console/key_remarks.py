"""Remarks on keys: what a person may not see in a key that they typed, or in one they miss.

Keys are found by how they begin, which every node can answer from its key index. A star is a letter
like any other, and may stand in a key. So nobody is refused for one; but who asked with one, and
got nothing, is told what would have done.

Unicode writes most accented letters in two ways, as one character (the form NFC) and as a letter
with marks behind it (NFD). Vietnamese is full of them, keyboards and file systems differ, and no
eye can tell `đồng` from `đồng`. A store that changed keys silently would lose what programs stored
on purpose, so keys stay as they are. But who misses one is told that its twin is there, and who
puts one in a form that keyboards hardly make is told so once.
"""

from __future__ import annotations

import re
import shlex
import unicodedata

from kvcluster.console.screen import shown

_STAR = re.compile(r"\*")
_ANY = re.compile(r"[*?[]")


def on_pattern(asked: str, command: str, *, of_many: bool = False) -> str:
    """What to say to who asked so and got nothing; empty: that was no pattern.

    `command`: what would do, up to the beginning of the keys. `of_many`: it was asked of a command
    for many keys, where a question mark is meant as a pattern, too.
    """
    found = (_ANY if of_many else _STAR).search(asked)
    if found is None:
        return ""
    right = f"{command} {shlex.quote(asked[: found.start()])}"
    return f"There are no patterns, keys are asked for by how they begin: {right}"


_DECOMPOSED = (
    "This key is spelled in decomposed letters (not NFC); the same letters from a keyboard are"
    " another key."
)


def twins(key: str) -> list[str]:
    """The other spellings of a key."""
    forms = (unicodedata.normalize("NFC", key), unicodedata.normalize("NFD", key))
    return [form for form in dict.fromkeys(forms) if form != key]


def on_twin(twin: str, what: str = "A key that looks the same is") -> str:
    """That a twin of what was missed is there: to be copied, and to be told apart."""
    composed = unicodedata.is_normalized("NFC", twin)
    how = "composed (NFC)" if composed else "decomposed (NFD)"
    return f'{what} there, spelled in {how} letters: "{shown(twin)}", {twin!a}.'


def on_spelling(key: str) -> str:
    """What to say to who puts this key; empty: nothing."""
    return "" if unicodedata.is_normalized("NFC", key) else _DECOMPOSED
