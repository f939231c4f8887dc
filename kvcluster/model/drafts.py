"""Drafts: what the operations of one batch make of each key, before anything of it is written.

Operations on one key happen in their order. If a put is followed by another one of the same key,
the first is overwritten before anybody can have seen it, so only the last is written: a batch of a
thousand puts of one key costs one entry. Each write still gets a version of its own, in order, so
that whoever compares versions sees the first put as older than what is there, which it is. (The
journal of a database with transactions does the same within one: only a key's last state counts.)

A get behind a write of the same batch sees the draft. So its answer, like those of the overwritten
puts, holds only if the draft was really written; the coordinator answers them together.

Pure: what is held, and the next version, are asked of two functions.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from kvcluster.model.entry import Entry, Version


class Kind(enum.Enum):
    """What an operation does; the values are the names of its field on the wire."""

    PUT = "put"
    GET = "get"
    DELETE = "delete"


@dataclass(frozen=True)
class Operation:
    """One operation of a batch. The value is that of a put."""

    kind: Kind
    key: str
    value: str = ""


@dataclass(frozen=True)
class Drafted:
    """What one operation saw before it, and the version it took if it writes."""

    seen: Entry | None
    version: Version | None
    depends: bool
    """Whether it holds only if the last write of its key does: a write, or a get behind one."""


class Drafts:
    """Takes the operations of a batch, in order. `last` is what must be written in the end."""

    def __init__(self, held: Callable[[str], Entry | None], tick: Callable[[], Version]) -> None:
        self._held = held
        self._tick = tick
        self.last: dict[str, Entry] = {}
        """The last write of each key that is written."""

    def take(self, operation: Operation) -> Drafted:
        """Carry out one operation on the drafts."""
        key = operation.key
        draft = self.last.get(key)
        seen = draft or self._held(key)
        if operation.kind is Kind.GET:
            return Drafted(seen, None, depends=draft is not None)
        version = self._tick()
        self.last[key] = (operation.value if operation.kind is Kind.PUT else None, version)
        return Drafted(seen, version, depends=True)
