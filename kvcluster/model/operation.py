"""An operation: one thing that somebody wants done with one key, as a value.

Every request of a client is a list of these, a Put a list of one. So there is one way in which
operations are carried out, whoever asked for them and however they came, and what is new about a
new kind of operation is said in few places: here, in the message that it travels in
(cluster/requests/translation.py), and where it is carried out (cluster/requests/coordinator.py).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


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
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.kind is not Kind.GET
