"""Agreement: which settings of two nodes must fit together, and what follows if they do not.

Most settings are a node's own business. Of a few the other nodes must know, and each heartbeat
tells them. Two ways to differ:

- **in conflict**: a promise would break. One forgets deletes while the other still takes what was
  sent before them, so deleted keys come back; or one acknowledges values that no message to the
  other can carry, so the other never becomes whole. Such nodes refuse each other, like nodes with
  other members.
- **merely different**: a client is refused here what is taken there. That is said, in the log and
  in `status`, and nothing more: it is also how a limit is raised, a node at a time.

A node of an older program tells none of these. What is not known is not judged.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from kvcluster.config import message_limit_for
from kvcluster.model.relations import tombstone_wait_for


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a node tells of its settings; zero: nothing."""

    key_limit_bytes: int
    value_limit_bytes: int
    message_age_limit_s: float
    tombstone_wait_s: float

    @classmethod
    def of(cls, told: Any) -> Terms:
        """Those in settings, or in the configuration that a node tells: the names are the same."""
        return cls(**{field.name: getattr(told, field.name) for field in fields(cls)})


def conflict(one: str, its: Terms, other: str, others: Terms) -> str:
    """Why two nodes must refuse each other; empty if they need not."""
    return (
        _forgets_too_soon(one, its, other, others)
        or _forgets_too_soon(other, others, one, its)
        or _sends_too_much(one, its, other, others)
        or _sends_too_much(other, others, one, its)
    )


def difference(one: str, its: Terms, other: str, others: Terms) -> str:
    """How two nodes differ in what they take of clients; empty if they do not."""
    parts = [
        f"{one} takes {what} of up to {mine:,} bytes and {other} of up to {theirs:,}"
        for what, mine, theirs in (
            ("keys", its.key_limit_bytes, others.key_limit_bytes),
            ("values", its.value_limit_bytes, others.value_limit_bytes),
        )
        if mine and theirs and mine != theirs
    ]
    return "; ".join(parts)


def _forgets_too_soon(one: str, its: Terms, other: str, others: Terms) -> str:
    wait_s, age_s = its.tombstone_wait_s, others.message_age_limit_s
    if not (wait_s and age_s) or wait_s >= tombstone_wait_for(age_s):
        return ""
    return (
        f"{one} forgets deletes after {wait_s:g} s (tombstone_wait_s), which must be at least twice"
        f" the {age_s:g} s that {other} takes messages for (message_age_limit_s)"
    )


def _sends_too_much(one: str, its: Terms, other: str, others: Terms) -> str:
    large, small = its.value_limit_bytes, others.value_limit_bytes
    if not (large and small) or message_limit_for(large) <= message_limit_for(small):
        return ""
    return (
        f"{one} takes values of up to {large:,} bytes (value_limit_bytes), and {other} messages of"
        f" up to {message_limit_for(small):,}"
    )
