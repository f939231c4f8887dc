"""On the way: which calls a stream has, and what each way of its end says of each of them.

A stream carries many calls, and breaks for all of them at once. What that means differs from call
to call, and here it is decided:

    not handed to gRPC yet         certainly not carried out: it can be made elsewhere
    handed over, not answered      nobody knows
    behind the last of a goodbye   certainly not carried out, says the node
    up to the last of a goodbye    is answered yet

Numbers rise from call to call, so that a goodbye and the writer each need to name but one.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class OnTheWay(Generic[T]):
    """The calls of one stream that have no answer. `T`: whoever waits for it."""

    def __init__(self) -> None:
        self._waiting: dict[int, T] = {}
        self._begun = 0
        self._handed_over = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def next_number(self) -> int:
        """That of the next call that begins."""
        return self._begun + 1

    def begin(self, waiter: T) -> int:
        """A call begins: its number."""
        self._begun += 1
        self._waiting[self._begun] = waiter
        return self._begun

    def get(self, number: int) -> T | None:
        """Who waits for the answer to a call; None: nobody, it is over."""
        return self._waiting.get(number)

    def hand_over(self, number: int) -> bool:
        """It goes to gRPC now, unless nobody waits any more: then False."""
        if number not in self._waiting:
            return False
        assert number > self._handed_over
        self._handed_over = number
        return True

    def answered(self, number: int) -> T | None:
        """Its answer came: who waits for it; None: nobody."""
        return self._waiting.pop(number, None)

    def leave(self, number: int) -> bool:
        """Nobody waits for it any more; whether the node should hear that."""
        return self._waiting.pop(number, None) is not None and number <= self._handed_over

    def goodbye(self, last: int) -> list[T]:
        """The node looks at nothing behind this one: who waits for what was certainly not done."""
        return [self._waiting.pop(number) for number in list(self._waiting) if number > last]

    def end(self) -> tuple[list[T], list[T]]:
        """It broke: who waits for what was certainly not done, and for what nobody knows of."""
        certain = self.goodbye(self._handed_over)
        unknown, self._waiting = list(self._waiting.values()), {}
        return certain, unknown
