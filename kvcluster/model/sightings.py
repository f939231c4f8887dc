"""Sightings: of which keys a majority was asked lately, so that somebody may know what is held.

A plain put that meets something newer at one replica is sent once more in a newer version
(cluster/requests/writes.py): whoever acknowledges it must not be behind what was written before.
Where nobody asks majorities, that is all there is to say. But if a majority holds the first
version, a read of a majority may have shown it, and what came between shown after that; then the
put would take effect a second time. So before it is sent once more, its coordinator looks here
whether it was asked for the key since.

While it is on its way again nothing is said of the key (`hold`). Few keys are remembered; of those
that are forgotten it is supposed that they were seen.

Times are hybrid times (clock.py).
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable


class Sightings:
    """Those of one node; of at most `most` keys."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._forgotten = 0
        """Of those that were forgotten, the latest."""
        self._held: Counter[str] = Counter()

    def note(self, keys: Iterable[str], now: int) -> None:
        """Somebody is told now what is held of these."""
        for key in keys:
            self._seen[key] = now
            self._seen.move_to_end(key)
        while len(self._seen) > self._most:
            self._forgotten = max(self._forgotten, self._seen.popitem(last=False)[1])

    def any_since(self, key: str, time: int) -> bool:
        """Whether somebody may have been told of a key since."""
        return max(self._seen.get(key, 0), self._forgotten) >= time

    def hold(self, keys: Iterable[str]) -> None:
        """Nobody shall be told of these for now."""
        self._held.update(keys)

    def release(self, keys: Iterable[str]) -> None:
        """They may be told of again."""
        self._held -= Counter(keys)
        assert min(self._held.values(), default=1) > 0

    def are_held(self, keys: Iterable[str]) -> bool:
        """Whether nobody shall be told of some of these."""
        return bool(self._held) and any(key in self._held for key in keys)
