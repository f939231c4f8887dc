"""Decisions: what operations on one key make of it, one after the other, in one step.

All that wait for a key are decided together: the value in hand is given to the first, what that
leaves to the next, and only the last state is written. So a hot counter costs one write for many
increments. Each operation that writes has a version of its own, in order, though only the last is
stored: whoever compares versions sees the first as older, which it is, and none is taken for
another's.

A condition that fails is judged on what is in hand at its turn. If something was written before it
in the same step, its answer holds only if that was.

**Expiry.** A key that has expired is as if it had been deleted. But for a little while longer a
condition does not take it for absent: clocks differ, and a lock must not have a second holder
before the first one knows that it has none (`lingers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kvcluster.model.condition import Holds
from kvcluster.model.entry import ZERO, Entry, Version
from kvcluster.model.operation import Operation


@dataclass(frozen=True, slots=True)
class Content:
    """What a key has; of one that was never seen there is no version."""

    value: str | None = None
    version: Version | None = None
    expires_ms: int = 0
    """0: never."""
    lingers: bool = False
    """It has expired a moment ago, and no condition takes it for absent yet."""

    @property
    def entry(self) -> Entry | None:
        """The same without its expiry."""
        return (self.value, self.version) if self.version is not None else None


NOTHING = Content()


@dataclass(frozen=True, slots=True)
class Ruling:
    """What became of one operation."""

    seen: Content
    """What was there at its turn."""
    version: Version | None
    """In which it was written; None: it was not, for its condition failed, or it reads."""
    depends: bool
    """Whether something before it in the same step was written."""
    mismatched: bool
    """Whether its condition failed."""


def seen_only(content: Content) -> Ruling:
    """What became of an operation that reads, and was given this."""
    return Ruling(content, None, depends=False, mismatched=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of all of them, and what is left."""

    rulings: list[Ruling]
    left: Content

    @property
    def writes(self) -> bool:
        """Whether anything is to be written."""
        return any(ruling.version is not None for ruling in self.rulings)


def decide(operations: Sequence[Operation], held: Content, versions: Sequence[Version]) -> Decision:
    """Give a key to some operations. `versions`: as many, ascending, above what is held. The last
    operation that writes gets the last of them, which is the ballot.
    """
    assert len(versions) == len(operations)
    effective = _effective(operations, held, versions)
    last = max((at for at, writes in enumerate(effective) if writes), default=-1)
    rulings, content = list[Ruling](), held
    for place, (operation, writes) in enumerate(zip(operations, effective, strict=True)):
        made = (versions[-1] if place == last else versions[place]) if writes else None
        depends, mismatched = True in effective[:place], operation.writes and not writes
        rulings.append(Ruling(content, made, depends, mismatched))
        if made is not None:
            content = _after(operation, content, made)
    return Decision(rulings, content)


def would_write(operations: Sequence[Operation], held: Content) -> bool:
    """Whether any of them would."""
    return True in _effective(operations, held, [ZERO] * len(operations))


def _effective(
    operations: Sequence[Operation], held: Content, versions: Sequence[Version]
) -> list[bool]:
    """Which of them write."""
    effective, content = list[bool](), held
    for operation, version in zip(operations, versions, strict=True):
        effective.append(operation.writes and _holds(operation, content))
        if effective[-1]:
            content = _after(operation, content, version)
    return effective


def _after(operation: Operation, content: Content, version: Version) -> Content:
    value = operation.made_of(content.entry)
    return Content(value, version, operation.expires_ms if value is not None else 0)


def _holds(operation: Operation, content: Content) -> bool:
    condition = operation.condition
    if condition is None:
        return True
    if condition.what is Holds.ABSENT and content.lingers:
        return False
    return condition.holds(content.entry)
