"""A condition: what must be so of a key for an operation to be carried out.

It is a value that travels from the program to the node that decides, and is judged there in one
step with the write (cluster/deciding/). Compare-and-set on what is held or on its version, and the
two that need neither, "is there" and "is not there", are what etcd's Txn and Redis' SET NX offer.

    Condition.absent()        the key has no value
    Condition.exists()        it has one, whatever it is
    Condition.version(v)      it has one, and what is there has exactly this version
    Condition.value(text)     it has exactly this value
    Condition.none()          always: for a write that goes by majority all the same

An expired key has no value. A tombstone has a version, and yet fulfils no condition about one:
whoever read a value and its version means that value.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from kvcluster.model.entry import Entry, Version, is_live, value_of, version_of


class Holds(enum.Enum):
    """What a condition asks for; the values are the names of its field on the wire."""

    ABSENT = "absent"
    EXISTS = "exists"
    VERSION = "version"
    VALUE = "value"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. `operand` is that of VERSION (12 bytes) and VALUE (a text)."""

    what: Holds
    operand: Version | str = ""

    def holds(self, held: Entry | None) -> bool:
        """Whether it holds where this is held; None: the key was never seen."""
        if self.what is Holds.NONE:
            return True
        if self.what is Holds.ABSENT:
            return not is_live(held)
        if held is None or not is_live(held):
            return False
        if self.what is Holds.VERSION:
            return version_of(held) == self.operand
        return self.what is Holds.EXISTS or value_of(held) == self.operand

    @classmethod
    def absent(cls) -> Condition:
        """The key has no value."""
        return cls(Holds.ABSENT)

    @classmethod
    def exists(cls) -> Condition:
        """The key has a value."""
        return cls(Holds.EXISTS)

    @classmethod
    def version(cls, version: Version) -> Condition:
        """The key has a value of exactly this version."""
        return cls(Holds.VERSION, version)

    @classmethod
    def value(cls, value: str) -> Condition:
        """The key has exactly this value."""
        return cls(Holds.VALUE, value)

    @classmethod
    def none(cls) -> Condition:
        """Nothing is asked for."""
        return cls(Holds.NONE)
