"""The key index: every live key in order, so that a scan need not sort what it reads.

The table is a hash: to read it in key order, all of it must be sorted, a second for a million keys.
So the live keys stand here once more, in a list that stays sorted (`sortedcontainers`: short lists
in a list, a few microseconds for an insertion among a million). Overwriting a key changes nothing
here. A page costs a search and its own keys.

While a node loads its files, keys come in any order and by the million; they are sorted once, at
the end. Python compares strings by code points, which is the order of their UTF-8 bytes.

Rejected: sorting lazily what came since the last scan. It saves a microsecond for each new key,
and the first scan after a large import would stop the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sortedcontainers import SortedList


class KeyIndex:
    """The live keys in order. Nothing is kept before `fill`."""

    def __init__(self) -> None:
        self._keys = SortedList()
        self.filled = False
        """Whether the keys are kept yet."""

    def __len__(self) -> int:
        return len(self._keys)

    def fill(self, keys: Iterable[str]) -> None:
        """Take every key that is live now; from here on `add` and `remove` keep it true."""
        self._keys = SortedList(keys)
        self.filled = True

    def add(self, key: str) -> None:
        """A key that had no value has one."""
        if self.filled:
            self._keys.add(key)

    def remove(self, key: str) -> None:
        """A key that had a value has none."""
        if self.filled:
            self._keys.remove(key)

    def behind(self, prefix: str, start_after: str) -> Iterator[str]:
        """The keys with a prefix behind another key, in order. Read it before the next change."""
        if start_after >= prefix:
            found = self._keys.irange(minimum=start_after, inclusive=(False, True))
        else:
            found = self._keys.irange(minimum=prefix)
        for key in found:
            if not key.startswith(prefix):
                return
            yield key
