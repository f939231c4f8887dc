"""Keys and values on a line of their own: what would end the line or steer a terminal is escaped.

A backslash is escaped, too, so every line can be turned back. `scan`, `get` of several keys and all
sentences that name a key go through here; `get` of one key prints the value as it is, but for what
would steer a terminal.
"""

from __future__ import annotations

_SHOWN_CHARACTERS = 40
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
_LINE_ENDS = (0x2028, 0x2029)
_TURNS = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
"""They reverse what follows, so a line would read other than it is: see https://trojansource.codes."""
_ESCAPES: dict[int, str] = {code: f"\\x{code:02x}" for code in _CONTROLS}
_ESCAPES |= {code: f"\\u{code:04x}" for code in (*_LINE_ENDS, *_TURNS)}
_ESCAPES |= str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_STEERING = {code: text for code, text in _ESCAPES.items() if chr(code) not in "\t\n\\"}


def as_line(text: str) -> str:
    r"""Text as a part of one line: a tab is \t, a line's end \n or \r, a backslash \\.

    Other control characters are \x1b and the like, those that turn the direction of writing \u202e
    and the like: no value steers the terminal of who reads it.
    """
    return text.translate(_ESCAPES)


def harmless(text: str) -> str:
    """Text for a terminal, with its lines and tabs, and without anything else that steers one."""
    return text.replace("\r\n", "\n").translate(_STEERING)


def shown(text: str) -> str:
    """A key as a sentence names it: on one line, and cut if it is long."""
    return as_line(short(text))


def short(text: str) -> str:
    """A key or a value cut to what a line can hold; not escaped."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
