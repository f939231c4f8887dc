"""Results for programs: with `--output json` each is one JSON object on a line of its own.

The fields are listed in docs/client.md and stay: they may become more, none goes or changes its
meaning. A version is a string of hexadecimal digits; compare two of them as strings, the larger is
newer. Errors are sentences on standard error here as well; the exit code tells them apart.
"""

from __future__ import annotations

import os
from typing import Any

from kvcluster.console.screen import Exit, closed, complain
from kvcluster.errors import BadRequest, KvError


def emit(**fields: Any) -> None:
    """Print an object at once, on one line however wide the terminal is."""
    print(as_json(fields), flush=True)


def as_json(fields: dict[str, Any]) -> str:
    """An object as one line."""
    import orjson  # only who asks for JSON waits for it

    return orjson.dumps(fields).decode()


def file_name(name: str) -> str:
    """The name of a file as text; bytes of it that are no UTF-8 are replaced."""
    return os.fsencode(name).decode(errors="replace")


def sentence(error: KvError) -> str:
    """What an error says, as a sentence; the name of a node keeps its small letter."""
    text = closed(str(error))
    return text if ":" in text.split(" ", 1)[0] else capital(text)


def capital(text: str) -> str:
    """A sentence as it begins."""
    return text[:1].upper() + text[1:]


def give_up(error: KvError) -> int:
    """Say why a command cannot go on; return the exit code."""
    complain(sentence(error))
    return Exit.BAD_USAGE if isinstance(error, BadRequest) else Exit.UNKNOWN
