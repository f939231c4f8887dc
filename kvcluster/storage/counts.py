"""Counts: how many keys of a table have a value, how large they are, and where tombstones lie."""

from __future__ import annotations

from collections.abc import Collection

from kvcluster.model.entry import Entry, is_live


class Counts:
    """Those of one table, of what it holds."""

    def __init__(self) -> None:
        self.live = 0
        """Keys with a value."""
        self.tombstones = 0
        self.size_bytes = 0
        """Of all keys with a value and their values, in UTF-8."""
        self.buried: dict[int, dict[str, None]] = {}
        """Keys of tombstones, by slot."""

    def add(self, keys: int, size_bytes: int) -> None:
        """So many keys got a value, and all sizes changed by so much."""
        self.live += keys
        self.size_bytes += size_bytes

    def change(self, slot: int, key: str, before: Entry | None, after: Entry | None) -> None:
        """An entry takes the place of another; None: of none, or nothing does."""
        if is_live(before) and is_live(after):  # nearly all writes to a store that is full
            self.size_bytes += size_bytes(after[0]) - size_bytes(before[0])
            return
        if before is not None:
            self._change_one(slot, key, before, -1)
        if after is not None:
            self._change_one(slot, key, after, +1)

    def _change_one(self, slot: int, key: str, entry: Entry, change: int) -> None:
        if is_live(entry):
            self.live += change
            self.size_bytes += change * (size_bytes(key) + size_bytes(entry[0]))
            return
        self.tombstones += change
        if change > 0:
            self.buried.setdefault(slot, {})[key] = None
        else:
            del self.buried[slot][key]
            if not self.buried[slot]:
                del self.buried[slot]


def size_bytes(text: str) -> int:
    """Of one text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def sizes_bytes(texts: Collection[str]) -> int:
    """Of all of them. Asked by `map`, a million take a fiftieth of a second."""
    if all(map(str.isascii, texts)):
        return sum(map(len, texts))
    return sum(map(size_bytes, texts))
