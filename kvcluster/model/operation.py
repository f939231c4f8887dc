"""An operation: one thing that somebody wants done with one key, as a value.

Every request of a client is a list of these, a Put a list of one. So there is one way in which
operations are carried out, whoever asked for them and however they came, and what is new about a
new kind of operation is said in few places: here, what it does; in wire/asked.py
how it is asked for; in cluster/requests/translation.py and gateway/replies.py what it is answered
with; in server.py its call, and in client/pending.py who makes one.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from kvcluster.model.condition import Condition
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
    condition: Condition | None = None
    """What must be so for a write; None: it is a plain one."""
    linearizable: bool = False
    """Of a get: it answers what a majority holds."""
    ttl_ms: int = 0
    """Of a put: how long the key lives from now on; 0: see `expires_ms`."""
    expires_ms: int = 0
    """Of a put: when the key expires, in milliseconds since 1970; 0: never."""

    @property
    def decides(self) -> bool:
        """Whether it needs a majority."""
        return self.condition is not None or self.linearizable

    @property
    def is_new(self) -> bool:
        """Whether it asks for something that nodes before version 0.2 would ignore."""
        return self.decides or self.lives

    @property
    def lives(self) -> bool:
        """Whether it is a put whose key expires one day."""
        return bool(self.ttl_ms or self.expires_ms)

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
