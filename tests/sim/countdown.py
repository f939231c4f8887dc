"""A countdown to a power cut: right behind the nth operation on a disk from now on."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.storage.fake_disk import FakeDisk


class Countdown:
    """Counts the operations of a disk; behind the last of them, `then` is called, once."""

    def __init__(
        self, disk: FakeDisk, operations: int, rng: random.Random, then: Callable[[], None]
    ) -> None:
        self._disk = disk
        self._operations = operations
        self._rng = rng
        self._then = then
        self.left: FakeDisk | None = None
        """What the power cut leaves, once it has come."""
        disk.after = self._count

    def stop(self) -> None:
        """No power cut comes any more."""
        self._disk.after = None

    def _count(self, *_: object) -> None:
        self._operations -= 1
        if self._operations == 0:
            self.left = self._disk.crash(self._rng)
            self.stop()
            self._then()
