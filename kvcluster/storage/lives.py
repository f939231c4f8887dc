"""Lives: which keys of a table expire, and when; what a read sees of them now.

The expiries stand in a dict beside the entries, for the few keys that have one, so a store without
any pays nothing: `if expiries` is all that is asked there. What they mean is in model/expiry.py.

The value of an expired key is let go of by the sweep (`Table.sweep`), two seconds later at the
soonest, since a condition sees it for so long. Until then the table still holds it; so whoever
reads comes by here. Afterwards there is a tombstone in its place, which keeps its expiry until it
is dropped: a peer may still hold the value.

Invariant: a key is in the wheel if and only if the table holds a value of it that has an expiry.
"""

from __future__ import annotations

from collections.abc import Callable

from kvcluster.model.entry import Entry, is_live
from kvcluster.model.expiry import LINGER_MS, has_come, seen_at
from kvcluster.model.wheel import Wheel


class Lives:
    """The expiries of one table."""

    def __init__(self) -> None:
        self.expiries: dict[str, int] = {}
        """By key; of those only that have one. To be read."""
        self._wheel = Wheel()
        self.town_ms: Callable[[], int] = lambda: 0
        """What time it is in the town. Before anybody says so nothing has expired."""
        self.begins: Callable[[], None] = lambda: None
        """Called when the first key gets an expiry: before, there is nothing to sweep."""
        self._swept = 0

    def replace(self, key: str, before: Entry | None, after: Entry | None, expires_ms: int) -> None:
        """An entry takes the place of another, with its own expiry or none."""
        known_ms = self.expiries.pop(key, 0)
        if known_ms and is_live(before):
            self._wheel.remove(key, known_ms)
        if expires_ms:
            if not self.expiries:
                self.begins()
            self.expiries[key] = expires_ms
            if is_live(after):
                self._wheel.add(key, expires_ms)

    def seen(self, key: str, entry: Entry) -> Entry:
        """What a read sees now of what is held of a key."""
        expires_ms = self.expiries.get(key, 0)
        return seen_at(entry, expires_ms, self.town_ms()) if expires_ms else entry

    def lingering(self, key: str, entry: Entry) -> Entry:
        """What a condition sees of it: its value for two seconds longer."""
        expires_ms = self.expiries.get(key, 0)
        return seen_at(entry, expires_ms + LINGER_MS, self.town_ms()) if expires_ms else entry

    def is_early(self, key: str) -> bool:
        """Whether a key has an expiry, and its time has not come.

        A tombstone in its place is none that anybody may lean on: a clock was wrong when its value
        went, and another replica shows that.
        """
        expires_ms = self.expiries.get(key, 0)
        return bool(expires_ms) and not has_come(expires_ms, self.town_ms())

    def take_over(self, count: int) -> list[str]:
        """Keys whose values may go, so many at most. The table must let go of them at once."""
        taken = self._wheel.take(self.town_ms() - LINGER_MS, count)
        self._swept += len(taken)
        return taken

    @property
    def due(self) -> int:
        """Keys that have expired, and whose values are still there."""
        return self._wheel.due(self.town_ms()) if self.expiries else 0

    @property
    def expiring(self) -> int:
        """Live keys that will expire."""
        return len(self._wheel) - self.due

    @property
    def expired(self) -> int:
        """Keys that have expired since the start."""
        return self._swept + self.due
