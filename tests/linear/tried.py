"""What somebody tried with one key, and how it ended: what a checker of linearizability is given.

Times are not seconds but places in one row of events (`Recorder`), so that an operation that began
when another had ended is behind it even where both happened at one moment of a clock.

How an operation may have ended:

    DONE      it happened, between its begin and its end. A read or a write with what it told.
    MISMATCH  a condition did not hold: it did not happen, and what was there instead is told.
    UNKNOWN   it may have happened at any time since it began, tomorrow included, or never. So is a
              plain put that fewer than a majority acknowledged: it may be overwritten unseen.
    NOTHING   it certainly did not happen, and told nothing.
"""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass

from kvcluster.model.condition import Condition
from kvcluster.model.entry import Version
from kvcluster.model.operation import Kind

FOREVER = sys.maxsize


class Ended(enum.Enum):
    """How an operation ended, as far as who tried it knows."""

    DONE = "done"
    MISMATCH = "the condition did not hold"
    UNKNOWN = "perhaps done"
    NOTHING = "certainly not done"


@dataclass(frozen=True, slots=True)
class Shown:
    """What an answer says of a key. An empty version: of a key without a value, no delete is known.

    A value always has one.
    """

    value: str | None
    version: Version

    def __str__(self) -> str:
        version = self.version.hex() or "no version"
        return f"{'nothing' if self.value is None else repr(self.value)[:24]} ({version})"


@dataclass(eq=False, slots=True)
class Tried:
    """One operation on the key."""

    kind: Kind
    began: int
    value: str = ""
    """Of a put."""
    condition: Condition | None = None
    ended: int = FOREVER
    how: Ended = Ended.UNKNOWN
    version: Version | None = None
    """Of a write: the one that it has if it happened; None: not known."""
    shown: Shown | None = None
    """Of a read, or of a condition that did not hold."""
    found: bool | None = None
    """Of a delete: whether there was a value, if it told."""
    by: str = ""
    """Who tried it, for people."""

    @property
    def writes(self) -> bool:
        """Whether it changed the key, if it happened."""
        return self.kind is not Kind.GET and self.how in {Ended.DONE, Ended.UNKNOWN}

    @property
    def is_certain(self) -> bool:
        """Whether it has a place in the order for certain."""
        return self.how in {Ended.DONE, Ended.MISMATCH}

    def __str__(self) -> str:
        what = {Kind.PUT: f"put {self.value!r:.24}", Kind.GET: "get", Kind.DELETE: "delete"}
        condition = f" if {self.condition.what.value} {self.operand}" if self.condition else ""
        end = "" if self.ended == FOREVER else self.ended
        told = f", shown {self.shown}" if self.shown else ""
        version = f", version {self.version.hex()}" if self.version else ""
        head = f"[{self.began}..{end}] {self.by}: {what[self.kind]}{condition.rstrip()}"
        return f"{head}: {self.how.value}{version}{told}"

    @property
    def operand(self) -> str:
        """That of its condition, for people."""
        operand = self.condition.operand if self.condition else ""
        return operand.hex() if isinstance(operand, bytes) else operand


class Recorder:
    """What was tried with each key, as it happens, in one row of events.

    Not for several threads at once: who has such holds a lock.
    """

    def __init__(self) -> None:
        self._events = 0
        self.tried: dict[str, list[Tried]] = {}

    def begins(
        self,
        key: str,
        kind: Kind,
        *,
        value: str = "",
        condition: Condition | None = None,
        by: str = "",
    ) -> Tried:
        """Somebody sends it. Until it ends it is one of those that may have happened."""
        tried = Tried(kind, self._next(), value=value, condition=condition, by=by)
        self.tried.setdefault(key, []).append(tried)
        return tried

    def done(
        self,
        tried: Tried,
        *,
        version: Version | None = None,
        shown: Shown | None = None,
        found: bool | None = None,
    ) -> None:
        """It happened, and its client was told so."""
        tried.ended, tried.how = self._next(), Ended.DONE
        tried.version, tried.shown, tried.found = version, shown, found

    def mismatch(self, tried: Tried, shown: Shown) -> None:
        """Its condition did not hold, and its client was told what was there."""
        tried.ended, tried.how, tried.shown = self._next(), Ended.MISMATCH, shown

    def unknown(self, tried: Tried, version: Version | None = None) -> None:
        """Its client gave up, or was told that nobody knows. `version`: in which it would be."""
        tried.how, tried.version = Ended.UNKNOWN, version

    def nothing(self, tried: Tried) -> None:
        """It certainly did not happen."""
        tried.ended, tried.how = self._next(), Ended.NOTHING

    def _next(self) -> int:
        self._events += 1
        return self._events
