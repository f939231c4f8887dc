"""The wheel: which keys expire when, so that those whose time has come are found without a search.

A calendar on a wall: a drawer for each tenth of a second that has a key, and for what is hours away
one for each hour, so that a million keys with as many times need some ten thousand drawers at most.
An hour before its time comes, what is in the drawer of an hour is poured into the others, some keys
at a time. A key that gets another time changes its drawer at once: nothing stale is left behind,
however often a key is touched.

Drawers whose time has come stand apart, so that it costs nothing to say how many keys are in them
(`due`): whoever counts keys asks that, and need not wait for the sweep. A clock that was ahead and
goes back closes them again.

A drawer is due when its tenth of a second is over. Whether a single key has expired is not asked
here, but of its expiry, to the millisecond.

Rejected: a heap of all keys. A key that is touched each second would leave an entry in it each
second, for as long as it was to live; and to look for one takes as long as all of them.
"""

from __future__ import annotations

import heapq
from itertools import islice

_TICK_MS = 100
_HOUR_TICKS = 36_000
_POURED_TO_COUNT = 1_000

Drawer = dict[str, int]
"""Keys, each with its expiry."""


class Wheel:
    """Keys by their expiries, in milliseconds since 1970."""

    def __init__(self) -> None:
        self._ticks: dict[int, Drawer] = {}
        self._hours: dict[int, Drawer] = {}
        self._hours_ahead: list[int] = []  # a heap of all of these
        self._ticks_ahead: list[int] = []  # a heap of those that are not due
        self._due: list[int] = []  # the other ticks, ascending
        self._poured = -1  # what expires in this hour, or before, goes into `_ticks`
        self._keys = 0

    def __len__(self) -> int:
        return self._keys

    def add(self, key: str, expires_ms: int) -> None:
        """A key that is not here yet expires then."""
        self._keys += 1
        self._put(key, expires_ms)

    def remove(self, key: str, expires_ms: int) -> None:
        """A key that was to expire then will not. Its drawer stays until its time, be it empty."""
        self._keys -= 1
        tick = expires_ms // _TICK_MS
        if self._ticks.get(tick, {}).pop(key, None) is None:
            del self._hours[tick // _HOUR_TICKS][key]

    def due(self, now_ms: int) -> int:
        """How many keys have expired. It is too few while very many are to be poured."""
        now = now_ms // _TICK_MS
        self._pour(now, _POURED_TO_COUNT)
        while self._due and self._due[-1] >= now:  # the clock has gone back
            heapq.heappush(self._ticks_ahead, self._due.pop())
        self._open(now)
        return sum(len(self._ticks[tick]) for tick in self._due)

    def take(self, now_ms: int, count: int) -> list[str]:
        """At most so many of the keys that have expired by then; they are not here any more."""
        now, taken = now_ms // _TICK_MS, list[str]()
        self._pour(now, count)
        self._open(now)
        while self._due and self._due[0] < now and len(taken) < count:
            drawer = self._ticks[self._due[0]]
            for key in list(islice(drawer, count - len(taken))):
                del drawer[key]
                taken.append(key)
            if not drawer:
                del self._ticks[self._due.pop(0)]
        self._keys -= len(taken)
        return taken

    def _put(self, key: str, expires_ms: int) -> None:
        tick = expires_ms // _TICK_MS
        hour = tick // _HOUR_TICKS
        if hour > self._poured:
            number, drawers, ahead = hour, self._hours, self._hours_ahead
        else:
            number, drawers, ahead = tick, self._ticks, self._ticks_ahead
        if number not in drawers:
            drawers[number] = {}
            heapq.heappush(ahead, number)
        drawers[number][key] = expires_ms

    def _open(self, now: int) -> None:
        """Find what has become due by a tick that is not over yet."""
        if self._due and self._ticks_ahead and self._ticks_ahead[0] < self._due[-1]:
            for tick in self._due:  # a key with a time long past has come
                heapq.heappush(self._ticks_ahead, tick)
            self._due.clear()
        while self._ticks_ahead and self._ticks_ahead[0] < now:
            self._due.append(heapq.heappop(self._ticks_ahead))

    def _pour(self, now: int, count: int) -> None:
        """Pour at most so many keys that expire within the next hour."""
        self._poured = now // _HOUR_TICKS + 1
        while count > 0 and self._hours_ahead and self._hours_ahead[0] <= self._poured:
            drawer = self._hours[self._hours_ahead[0]]
            for key in list(islice(drawer, count)):
                self._put(key, drawer.pop(key))
                count -= 1
            if not drawer:
                del self._hours[heapq.heappop(self._hours_ahead)]
