"""The key index: every live key in order, so that a scan need not sort what it reads.

The table is a hash: to read it in key order, all of it must be sorted, a second for a million keys.
So the live keys stand here once more, in parts: short sorted lists, one behind the other.
Overwriting a key changes nothing here. A page costs a search and its own keys.

A new key waits with others, and they are sorted into their parts together: by the next scan, or
when there are so many that this takes a quarter of a millisecond. Keys that are put in bulk are
mostly neighbours; a part takes any number of them at the price of a few.

While a node loads its files, keys come in any order and by the million; they are sorted once, at
the end. Python compares strings by code points, which is the order of their UTF-8 bytes.

Rejected: to let all wait that came since the last scan. The first scan after a large import would
stop the node. And `sortedcontainers`, which was here before: the same parts, but a key at a time,
two to three times as long.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator


class KeyIndex:
    """The live keys in order. Nothing is kept before `fill`.

    Parts have about `part_keys`, and `waiting_keys` are sorted into them together. Up to `few_keys`
    are put into a part one by one; for more it is sorted anew, which takes as long as for eight.
    """

    def __init__(
        self, *, part_keys: int = 1_000, waiting_keys: int = 256, few_keys: int = 8
    ) -> None:
        self._part_keys = part_keys
        self._waiting_keys = waiting_keys
        self._few_keys = few_keys
        self._parts: list[list[str]] = []  # none is empty, none has more than twice part_keys
        self._lasts: list[str] = []  # the last key of each part
        self._sorted = 0  # keys in the parts
        self._waiting: dict[str, None] = {}  # keys that are in no part yet
        self.filled = False
        """Whether the keys are kept yet."""

    def __len__(self) -> int:
        return self._sorted + len(self._waiting)

    def fill(self, keys: Iterable[str]) -> None:
        """Take every key that is live now; from here on `add` and `remove` keep it true."""
        self._parts, self._waiting = self._cut(sorted(keys)), {}
        self._lasts = [part[-1] for part in self._parts]
        self._sorted = sum(map(len, self._parts))
        self.filled = True

    def add(self, key: str) -> None:
        """A key that had no value has one."""
        if self.filled:
            self._waiting[key] = None
            if len(self._waiting) >= self._waiting_keys:
                self._sort_in()

    def add_all(self, keys: Iterable[str]) -> None:
        """The same for many."""
        if self.filled:
            self._waiting.update(dict.fromkeys(keys))
            if len(self._waiting) >= self._waiting_keys:
                self._sort_in()

    def remove(self, key: str) -> None:
        """A key that had a value has none."""
        if key in self._waiting:
            del self._waiting[key]
        elif self.filled:
            number = bisect_left(self._lasts, key)
            part = self._parts[number]
            at = bisect_left(part, key)
            assert part[at] == key, "only a live key can lose its value"
            del part[at]
            self._sorted -= 1
            self._replace(number, [part] if part else [])

    def behind(self, prefix: str, start_after: str) -> Iterator[str]:
        """The keys with a prefix behind another key, in order. Read it before the next change."""
        self._sort_in()
        find, start = bisect_left, prefix
        if start_after >= prefix:
            find, start = bisect_right, start_after
        first = find(self._lasts, start)
        for number in range(first, len(self._parts)):
            part = self._parts[number]
            for at in range(find(part, start) if number == first else 0, len(part)):
                if not part[at].startswith(prefix):
                    return
                yield part[at]

    def _sort_in(self) -> None:
        """Put the keys that wait where they belong."""
        keys, self._waiting = sorted(self._waiting), {}
        self._sorted += len(keys)
        done = 0
        while done < len(keys):
            number = bisect_left(self._lasts, keys[done])
            if number < len(self._parts):
                end = bisect_right(keys, self._lasts[number], done)
                part = self._parts[number]
            else:  # behind all that is there
                end, number = len(keys), max(len(self._parts) - 1, 0)
                part = self._parts[number] if self._parts else []
            if end - done <= self._few_keys:
                for key in keys[done:end]:
                    insort(part, key)
            else:
                part += keys[done:end]
                part.sort()
            self._replace(number, self._cut(part) if len(part) > 2 * self._part_keys else [part])
            done = end

    def _replace(self, number: int, parts: list[list[str]]) -> None:
        """Put parts, or none, in the place of one."""
        self._parts[number : number + 1] = parts
        self._lasts[number : number + 1] = [part[-1] for part in parts]
        assert len(self._parts) == len(self._lasts)

    def _cut(self, keys: list[str]) -> list[list[str]]:
        """Keys that are in order, as parts of about one size."""
        parts = max(1, len(keys) // self._part_keys)
        size = max(1, math.ceil(len(keys) / parts))
        return [keys[at : at + size] for at in range(0, len(keys), size)]
