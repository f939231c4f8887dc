"""An operation: one thing that somebody wants done with one key, as a value.

Every request of a client is a list of these, a Put a list of one. So there is one way in which
operations are carried out, whoever asked for them and however they came, and what is new about a
new kind of operation is said in few places: here, what it does; in cluster/requests/translation.py,
what it is answered with; in server.py its call, and in client/pending.py who makes one.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from kvcluster.model.entry import Entry


class Kind(enum.Enum):
    """What an operation does; the values are the names of its field on the wire."""

    PUT = "put"
    GET = "get"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. The value is that of a put."""

    kind: Kind
    key: str
    value: str = ""

    @property
    def reads(self) -> bool:
        """Whether what is held matters to it, and must not be old."""
        return self.kind is Kind.GET

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.kind is not Kind.GET

    def made_of(self, held: Entry | None) -> str | None:
        """The value that a write leaves where this was held; None: none, it removes the key."""
        return self.value if self.kind is Kind.PUT else None
