"""What is printed: sentences for people, objects for programs, and values that steer no terminal.

Standard output carries results, standard error carries what went wrong. With `--output json` each
result is one JSON object on a line of its own. Its fields are listed in docs/client.md and stay:
they may become more, none goes or changes its meaning. A version is a string of hexadecimal digits;
compare two of them as strings, the larger is newer. Errors are sentences on standard error there as
well; the exit code tells them apart.

What would end a line or steer a terminal is escaped, and a backslash, too, so every line can be
turned back. `scan`, `get` of several keys and all sentences that name a key go through `as_line`;
`get` of one key prints the value as it is, but for what would steer a terminal.

Below what is printed here stands streams.py, which writes it.
"""

from __future__ import annotations

import enum
import os
import shutil
import sys
from functools import cache
from typing import Any

from kvcluster.errors import BadRequest, KvError, PermissionDenied, Unauthenticated

_USUAL_COLUMNS = 80
_DRAWN = "\x1b"
TICK, CROSS, DASH = "✓", "✗", "–"
_SHOWN_CHARACTERS = 40
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
_LINE_ENDS = (0x2028, 0x2029)
_TURNS = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
"""They reverse what follows, so a line would read other than it is: see https://trojansource.codes."""
_ESCAPES: dict[int, str] = {code: f"\\x{code:02x}" for code in _CONTROLS}
_ESCAPES |= {code: f"\\u{code:04x}" for code in (*_LINE_ENDS, *_TURNS)}
_ESCAPES |= str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_STEERING = {code: text for code, text in _ESCAPES.items() if chr(code) not in "\t\n\\"}


class Exit(enum.IntEnum):
    """What the exit codes of these programs mean."""

    DONE = 0
    NOT_SO = 1  # the key is missing, a node does not serve, a step of the demo did not hold
    BAD_USAGE = 2
    UNKNOWN = 3  # no node could be reached, or nobody knows what became of the request
    INTERRUPTED = 130  # as shells report Ctrl+C
    CLOSED_PIPE = 141  # as shells report a program whose reader went away


def somebody_is_there() -> bool:
    """Whether a person sits in front of it: both ends of a conversation are a terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def is_for_people() -> bool:
    """Whether somebody reads standard output on a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


@cache
def complain_once(sentence: str) -> None:
    """Say it on standard error, unless it was said before."""
    complain(sentence)


def complain(sentence: str) -> None:
    """Say on standard error what went wrong. On a terminal no word is broken at its edge."""
    if sys.stderr is None:
        return  # nobody wants to hear it, and `print` would say it among the results
    if sys.stderr.isatty():
        sentence = folded(sentence, columns())
    print(sentence, file=sys.stderr, flush=True)


def columns() -> int:
    """How wide the terminal is that somebody looks at; 80 if it does not know."""
    return shutil.get_terminal_size().columns or _USUAL_COLUMNS  # Python 3.10 believes in 0


def folded(text: str, width: int) -> str:
    """Text in lines that fit, each as far in as its first; no word is broken that has room."""
    if "\n" in text:
        return "\n".join(folded(line, width) for line in text.split("\n"))
    if 2 * len(text) <= width or (len(text) <= width and text.isascii()):
        return text
    if _DRAWN in text:
        return text  # by somebody who knows how wide the terminal is
    from rich.console import Console  # most programs have nothing to say here
    from rich.text import Text

    inner = text.lstrip(" ")
    margin = text[: len(text) - len(inner)]
    lines = Text(inner).wrap(Console(), max(width - len(margin), width // 2))
    return "\n".join(f"{margin}{line.plain}".rstrip() for line in lines)


def say(line: str = "") -> None:
    """Print a line at once, so that a program which waits is seen to. Folded as complaints are."""
    if is_for_people():
        line = folded(line, columns())
    print(line, flush=True)


def show(text: str) -> None:
    """Print text as it is, one of many: it leaves when there is enough of it, or at the end."""
    sys.stdout.write(text)


def emit(**fields: Any) -> None:
    """Print an object at once, on one line however wide the terminal is."""
    print(as_json(fields), flush=True)


def as_json(fields: dict[str, Any]) -> str:
    """An object as one line."""
    import orjson  # only who asks for JSON waits for it

    return orjson.dumps(fields).decode()


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


def listed(names: list[str], conjunction: str) -> str:
    """Join names as a sentence does: "a", "a and b", "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 key", "1,200 keys"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def closed(sentence: str) -> str:
    """A sentence with a full stop, if it has no end of its own."""
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def file_name(name: str) -> str:
    """The name of a file as text; bytes of it that are no UTF-8 are replaced."""
    return os.fsencode(name).decode(errors="replace")


def sentence(error: KvError) -> str:
    """What an error says, as a sentence; the name of a node keeps its small letter."""
    text = closed(str(error))
    if isinstance(error, Unauthenticated | PermissionDenied):
        return f"Refused: {text}"
    return text if ":" in text.split(" ", 1)[0] else capital(text)


def capital(text: str) -> str:
    """A sentence as it begins."""
    return text[:1].upper() + text[1:]


def give_up(error: KvError) -> int:
    """Say why a command cannot go on; return the exit code."""
    complain(sentence(error))
    return Exit.BAD_USAGE if isinstance(error, BadRequest) else Exit.UNKNOWN
