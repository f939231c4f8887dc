"""A bookmark: how far an import or an export has come, kept in a small file beside its own.

It says where to continue, and it proves that this is the place: it carries a hash of everything
before it. So a file whose end was mended or added to is continued, one whose beginning was touched
begins anew, and neither size nor date has to be believed. Reading the part again to hash it
costs a second for some hundred megabytes, which is nothing against storing it.

It also says what else must be the same: the nodes, the format, the prefix. And it is only ever
behind, never ahead: it is moved when everything before it has been done. Whatever ends the program,
what was done after the last move is done once more, no more than that.

Rejected: the size and date of the file. A copy, a checkout or `touch` changes them for nothing, and
an editor that mends line 500,000 changes them for good reason: one wants to go on there.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kvcluster.console.screen import file_name

SUFFIX = ".kv-progress"
_PRIVATE = 0o600


@dataclass(frozen=True)
class Bookmark:
    """A place in a file, with everything before it done."""

    done: int
    """Bytes of the file; pairs of a JSON object that is imported."""
    number: int
    """The number of the last line before it, or of the last pair."""
    keys: int
    """How many pairs stand before it."""
    digest: str
    """Hash of what stands before it."""
    last_key: str
    """The last key before it."""
    about: Mapping[str, str]
    """What must be the same to go on: nodes, format, prefix."""


def beside(file: Path) -> Path:
    """Where the bookmark of a file is kept."""
    return file.with_name(file.name + SUFFIX)


def to_text(mark: Bookmark) -> str:
    """A bookmark as the file says it."""
    return json.dumps(dataclasses.asdict(mark), ensure_ascii=False, indent=2) + "\n"


def from_text(text: str) -> Bookmark | None:
    """The bookmark that a file says, or None if it says something else."""
    try:
        said = json.loads(text)
    except ValueError:
        return None
    if not isinstance(said, dict) or set(said) != {it.name for it in dataclasses.fields(Bookmark)}:
        return None
    numbers = (said["done"], said["number"], said["keys"])
    if not all(type(it) is int and it >= 0 for it in numbers):
        return None
    if not isinstance(said["digest"], str) or not isinstance(said["last_key"], str):
        return None
    return Bookmark(**said) if _is_about(said["about"]) else None


def _is_about(said: Any) -> bool:
    return isinstance(said, dict) and all(isinstance(it, str) for it in said.values())


def difference(mark: Bookmark, about: Mapping[str, str]) -> str:
    """What is not the same as it was, in a clause; nothing if all is."""
    for name, now in about.items():
        before = mark.about.get(name)
        if before != now:
            return f"it began with {name} {before or 'unknown'}"
    return ""


class Shelf:
    """The file that holds a bookmark. Where it cannot be written, that is told once."""

    def __init__(self, file: Path) -> None:
        self.path = beside(file)
        self.trouble = ""
        """Why it could not be written; empty while all is well."""

    def find(self) -> Bookmark | None:
        """What stands there, if it is a bookmark at all."""
        try:
            return from_text(self.path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            return None

    def find_for(self, command: str) -> Bookmark | None:
        """What stands there, if it was left by this command."""
        mark = self.find()
        return mark if mark is not None and mark.about.get("command") == command else None

    def put(self, mark: Bookmark) -> None:
        """Replace what stands there, all at once."""
        if self.trouble:
            return
        new = self.path.with_name(self.path.name + ".new")
        try:
            new.touch(_PRIVATE)  # it holds a key
            new.write_text(to_text(mark), encoding="utf-8")
            new.replace(self.path)
        except OSError as error:
            self.trouble = f"{file_name(str(self.path))}: {error.strerror or error}"

    def clear(self) -> None:
        """Take it away; that there is none is no error."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            self.trouble = f"{file_name(str(self.path))}: {error.strerror or error}"
