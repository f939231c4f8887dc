"""What a key may hold, judged from what its only writer was told. Decides only.

A write is *done* (acknowledged), *certainly not done* ("nothing was written"), or *unknown*. So a
key may hold its last acknowledged value, or one that was sent later and whose outcome is unknown;
never an older one, and never one that was refused for certain.
"""

from __future__ import annotations

from tests.processes.findings import Finding

Value = str | None
"""None: there is no such key."""


class History:
    """The values of one key, in the order in which they were sent."""

    def __init__(self) -> None:
        self._sent: list[Value] = [None]
        self._refused: set[int] = set()
        self.floor = 0
        """The place of the last acknowledged value: nothing older may be seen from now on."""

    def send(self, value: Value) -> int:
        """A value is about to be sent: from now on it may be there. Returns its place."""
        self._sent.append(value)
        return len(self._sent) - 1

    def acknowledge(self, place: int) -> None:
        """It is done."""
        self.floor = place

    def refuse(self, place: int) -> None:
        """It is certainly not done."""
        self._refused.add(place)

    def may_be(self, value: Value, floor: int | None = None) -> bool:
        """Whether the key may hold a value, for a reader who began when `floor` was the floor."""
        return value in self.allowed(floor)

    def allowed(self, floor: int | None = None) -> list[Value]:
        """What the key may hold."""
        first = self.floor if floor is None else floor
        return [self._sent[place] for place in self._places(first)]

    def verdict(self, value: Value) -> Finding | None:
        """What is wrong with a value that the key holds for good, if something is."""
        if self.may_be(value):
            return None
        if value not in [self._sent[place] for place in self._places(0)]:
            return Finding.PHANTOM
        return Finding.RESURRECTED if self._sent[self.floor] is None else Finding.LOST

    def settle(self, value: Value) -> None:
        """Every replica was seen to hold this, right or wrong: what is older may be forgotten.

        What was sent later and is unknown may still arrive: the outcome of such a write is open.
        """
        later = [place for place in self._places(self.floor) if self._sent[place] == value]
        rest = [self._sent[place] for place in self._places(later[0] + 1)] if later else []
        self._sent, self._refused, self.floor = [value, *rest], set(), 0

    def _places(self, first: int) -> list[int]:
        return [place for place in range(first, len(self._sent)) if place not in self._refused]
