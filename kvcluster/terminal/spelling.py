"""Two spellings of one letter: keys that look the same and are not.

Unicode writes most accented letters in two ways, as one character (the form NFC) and as a letter
with marks behind it (NFD). Vietnamese is full of them, keyboards and file systems differ, and no
eye can tell `đồng` from `đồng`. A store that changed keys silently would lose what programs stored
on purpose, so keys stay as they are. But who misses one is told that its twin is there, and who
puts one in a form that keyboards hardly make is told so once.
"""

from __future__ import annotations

import unicodedata

from kvcluster.terminal.escaping import shown

_REMARK = (
    "This key is spelled in decomposed letters (not NFC); the same letters from a keyboard are"
    " another key."
)


def twins(key: str) -> list[str]:
    """The other spellings of a key."""
    forms = (unicodedata.normalize("NFC", key), unicodedata.normalize("NFD", key))
    return [form for form in dict.fromkeys(forms) if form != key]


def told(twin: str, what: str = "A key that looks the same is") -> str:
    """That a twin of what was missed is there: to be copied, and to be told apart."""
    composed = unicodedata.is_normalized("NFC", twin)
    how = "composed (NFC)" if composed else "decomposed (NFD)"
    return f'{what} there, spelled in {how} letters: "{shown(twin)}", {twin!a}.'


def remark(key: str) -> str:
    """What to say to who puts this key; empty: nothing."""
    return "" if unicodedata.is_normalized("NFC", key) else _REMARK
