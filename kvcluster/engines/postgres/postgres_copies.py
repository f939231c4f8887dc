"""How many copies a commit has, as the connection itself says that made it.

`acknowledged` is a promise, so it counts a standby only where PostgreSQL waited for one: if
`synchronous_standby_names` names some, and `synchronous_commit` of this very session waits for
them. Both are asked for in the statement that writes, on the server that wrote. An answer of a
moment ago is not good enough: after a failover the new primary may wait for nobody.

What remains: an operator who takes the names away does so for the waiting first, and for what a
session is told a moment later; a write in between counts a copy that it may not have.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_WAITS = ("on", "remote_apply", "remote_write")
_COUNT = re.compile(r"\s*(?:(?:first|any)\s+)?(\d+)\s*\(", re.IGNORECASE)

WAITS_SQL = (
    "current_setting('synchronous_commit') || ' ' || current_setting('synchronous_standby_names')"
)


class PostgresCopies(NamedTuple):
    """How many copies there should be, and how many a commit waits for, its own included."""

    replicas: int
    acknowledged: int


def awaited(waits: str) -> int:
    """For how many standbys a commit waits, of what WAITS_SQL gave."""
    mode, _, names = waits.partition(" ")
    if mode not in _WAITS or not names.strip():
        return 0
    counted = _COUNT.match(names)
    return int(counted[1]) if counted else 1


def copies_of(waits: str, streaming: int) -> PostgresCopies:
    """The copies of a commit, where so many standbys were seen to follow of late."""
    acknowledged = 1 + awaited(waits)
    return PostgresCopies(max(acknowledged, 1 + streaming), acknowledged)
