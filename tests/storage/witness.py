"""A witness: remembers what was written and what was acknowledged, as stupidly as possible.

Every write has a value of its own. So whatever a store holds after a crash can be traced to the
write it came from, and the one question is whether that write is at least as new as the last one
acknowledged before the crash. Tombstones are dropped in between, as they are once every replica
has them; to a reader that changes nothing, so it must not bring anything back.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.storage.life import Ack, Life

KEYS = ("a", "b", "c", "d", "e")


@dataclass
class Witness:
    """What each key was given, oldest first (None: deleted), and how much of it is certain."""

    written: dict[str, list[str | None]] = field(
        default_factory=lambda: {key: [None] for key in KEYS}
    )
    certain: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KEYS, 0))
    count: int = 0

    def write(self, life: Life, rng: random.Random) -> Ack:
        """Put or delete some key, or drop its tombstone."""
        key = rng.choice(KEYS)
        self.count += 1
        if self._is_buried(life, key) and rng.random() < 0.5:
            self.written[key].append(None)
            ack = life.drop(key)
        elif rng.random() < 0.3:
            self.written[key].append(None)
            ack = life.delete(key)
        else:
            value = f"{self.count}:" + "x" * rng.choice([0, 10, 600])
            self.written[key].append(value)
            ack = life.put(key, value)
        position = len(self.written[key]) - 1
        ack.add_done_callback(lambda done: self._acknowledge(done, key, position))
        return ack

    def snapshot(self) -> Witness:
        """What is known now, to be compared with a crash of now."""
        written = {key: list(values) for key, values in self.written.items()}
        return Witness(written, dict(self.certain), self.count)

    def check(self, data: dict[str, str]) -> None:
        """Assert that nothing acknowledged is lost, and nothing that was deleted is back."""
        assert data.keys() <= set(KEYS)
        for key in KEYS:
            possible = self.written[key][self.certain[key] :]
            assert data.get(key) in possible, (key, data.get(key), possible)

    def settle(self, data: dict[str, str]) -> None:
        """After a crash: what survived is certain from now on, the rest never happened."""
        self.check(data)
        self.written = {key: [data.get(key)] for key in KEYS}
        self.certain = dict.fromkeys(KEYS, 0)

    def _is_buried(self, life: Life, key: str) -> bool:
        """Whether a tombstone is held, and no write is on its way that would outlive the drop."""
        entry = life.store.get(key)
        settled = self.certain[key] == len(self.written[key]) - 1
        return settled and entry is not None and entry[0] is None

    def _acknowledge(self, done: Ack, key: str, position: int) -> None:
        if not done.cancelled() and done.exception() is None:
            self.certain[key] = max(self.certain[key], position)
