"""The checker's slow twin: the same question, answered by trying every order. Small histories only.

Nothing of the checker's cleverness is here, and nothing of its register: all versions are numbers,
a write of unknown version tries each of them, and some between them, and so does a version that
grows alone. It is meant
to be read and believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kvcluster.model.condition import Holds
from kvcluster.model.entry import Version
from kvcluster.model.operation import Kind
from tests.linear.tried import Ended, Tried

Cell = tuple[str | None, float]
"""What is held: a value, or none, in a version."""


def is_linearizable(history: Sequence[Tried], *, settles: bool = True) -> bool:
    """Whether some order explains a history of a key that was never seen before."""
    tried = [it for it in history if it.is_certain or it.how is Ended.UNKNOWN]
    return _Twin(tried, settles=settles).can_go_on(frozenset(range(len(tried))), (None, -1.0))


class _Twin:
    def __init__(self, tried: Sequence[Tried], *, settles: bool) -> None:
        self._tried = tried
        named: set[Version] = set()
        for it in tried:
            operand = it.condition.operand if it.condition else b""
            named |= {Version(operand)} if isinstance(operand, bytes) else set()
            named |= {it.version or Version(b""), it.shown.version if it.shown else Version(b"")}
        named.discard(Version(b""))
        self._number = {version: float(place) for place, version in enumerate(sorted(named))}
        owned = {self._number[it.version] for it in tried if it.writes and it.version}
        self._grown = [number for number in self._number.values() if number not in owned]
        hidden = sum(1 for it in tried if it.writes and it.version is None) + 1
        steps = range(-hidden, hidden * len(named) + 1)
        self._free = {place / hidden for place in steps} - owned
        self._settles = settles
        self._over: dict[tuple[frozenset[int], Cell], bool] = {}
        """What is known by now."""

    def can_go_on(self, left: frozenset[int], cell: Cell) -> bool:
        """Whether all that is left can happen from here on; of the unknown ones, any."""
        if not any(self._tried[place].is_certain for place in left):
            return True
        if (left, cell) not in self._over:
            self._over[left, cell] = any(
                self.can_go_on(left - {place}, after)
                for place in left
                if self._may_be_next(place, left)
                for after in self._happens(self._tried[place], cell)
            )
        return self._over[left, cell]

    def _may_be_next(self, place: int, left: frozenset[int]) -> bool:
        """Whether nobody ended before it began."""
        began = self._tried[place].began
        return not any(self._tried[other].ended < began for other in left)

    def _happens(self, it: Tried, cell: Cell) -> Iterator[Cell]:
        """What may be held after it. Before it the version may have grown, to one that is named:
        of another nobody could tell.
        """
        value, version = cell
        grown = [it for it in self._grown if it > version] if self._settles else []
        for before in [version, *grown]:
            if self._may_be_answered(it, value, before):
                if it.kind is Kind.GET or it.how is Ended.MISMATCH:
                    yield value, before
                else:
                    new = it.value if it.kind is Kind.PUT else None
                    chosen = self._free if it.version is None else [self._number[it.version]]
                    yield from ((new, each) for each in chosen if each > before)

    def _may_be_answered(self, it: Tried, value: str | None, version: float) -> bool:
        """Whether it tells the truth where this is held."""
        if it.found is not None and it.found != (value is not None):
            return False
        if it.shown is not None:
            if it.shown.value != value:
                return False
            if it.shown.version and self._number[it.shown.version] != version:
                return False
            if not it.shown.version and value is not None:
                return False
        holds = self._holds(it, value, version)
        return not holds if it.how is Ended.MISMATCH else holds

    def _holds(self, it: Tried, value: str | None, version: float) -> bool:
        if it.condition is None or it.condition.what is Holds.NONE:
            return True
        if it.condition.what is Holds.ABSENT:
            return value is None
        if value is None:
            return False
        if it.condition.what is Holds.EXISTS:
            return True
        if it.condition.what is Holds.VALUE:
            return value == it.condition.operand
        operand = it.condition.operand
        return isinstance(operand, bytes) and self._number[Version(operand)] == version
