"""The lines that were typed, kept in a file for the next time, and which of them are not.

Values may be secrets. So the file is for its owner alone, and a line that begins with a space is
kept nowhere, as bash does it with `ignorespace`. Nor is a line that is very long: that is a value
which was pasted, and nobody goes through it with the arrow keys.

A file that cannot be written is no reason to stop somebody from working: the lines of this session
are remembered all the same. When the file has grown beyond its limit, its older half goes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from prompt_toolkit.history import FileHistory, History

_LONGEST = 4_096
"""Characters of a line that is kept."""
_LIMIT_BYTES = 1024 * 1024
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700
_ENTRY = b"\n\n# "
"""Where an entry begins in the file; the time stands behind it."""


def history(environment: Mapping[str, str]) -> History:
    """The history of this person, in a file if that is possible."""
    with contextlib.suppress(OSError, RuntimeError):  # the latter: nobody knows a home
        path = place(environment)
        path.parent.mkdir(_PRIVATE_FOLDER, parents=True, exist_ok=True)
        path.touch(_PRIVATE_FILE)
        path.chmod(_PRIVATE_FILE)  # also where it was there with another mode
        _shorten(path, _LIMIT_BYTES)
        return _Kept(str(path))
    return _Kept(os.devnull)


def place(environment: Mapping[str, str]) -> Path:
    """Where the file is: below XDG_STATE_HOME, or where that is by default."""
    given = environment.get("XDG_STATE_HOME", "")
    # One that is not absolute is to be ignored, says the convention.
    state = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state"
    return state / "kvcluster" / "history"


def worth_keeping(line: str) -> bool:
    """Whether a line goes into the history."""
    return bool(line.strip()) and not line.startswith(" ") and len(line) <= _LONGEST


def _shorten(path: Path, limit_bytes: int) -> None:
    """Take away the older half of a file that is larger than this. Raises OSError."""
    data = path.read_bytes()
    if len(data) <= limit_bytes:
        return
    start = data.find(_ENTRY, len(data) // 2)
    path = Path(os.path.realpath(path))  # a link stays one
    shorter = path.with_name(f"{path.name}.{os.getpid()}")
    shorter.touch(_PRIVATE_FILE)
    shorter.write_bytes(data[start:] if start >= 0 else b"")
    shorter.replace(path)


class _Kept(FileHistory):
    """The lines worth keeping: as long as the shell runs, and in a file as far as it takes them."""

    def append_string(self, string: str) -> None:
        """Remember a line, if it is one to remember."""
        if worth_keeping(string):
            super().append_string(string)

    def store_string(self, string: str) -> None:
        """Write it, if the disk takes it, and if it is text: a terminal may send other bytes."""
        with contextlib.suppress(OSError, UnicodeError):
            super().store_string(string)
