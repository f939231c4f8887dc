"""Cuts: ways on which nothing passes, or passes late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.sim.connections import Way
from tests.sim.loop import SimLoop


class Cuts:
    """Which ways are cut, and by how many faults. `delay_s`: how long a message takes."""

    def __init__(self, loop: SimLoop, delay_s: Callable[[], float]) -> None:
        self._loop = loop
        self._delay_s = delay_s
        self._faults: dict[Way, int] = {}
        self._apart: Counter[Way] = Counter()
        """Ways on which two are kept apart by something else, and by how many faults."""
        self._mended_s: dict[Way, float] = {}
        """When a way was mended last."""
        self._held: dict[Way, list[Callable[[], None]]] = {}
        """What waits at cuts that hold back, as TCP does, instead of losing; in order."""

    def cut(self, ways: list[Way], *, holds: bool) -> None:
        """Let nothing through from the first of a pair to the second, or hold it back until then.

        What is held back is lost if another fault cuts the same way without holding.
        """
        for way in ways:
            self._faults[way] = self._faults.get(way, 0) + 1
            if holds and self._faults[way] == 1:
                self._held[way] = []
            elif not holds:
                self._held.pop(way, None)

    def mend(self, ways: list[Way]) -> None:
        """Undo a cut."""
        for way in ways:
            self._faults[way] -= 1
            if not self._faults[way]:
                del self._faults[way]
                self._mended_s[way] = self._loop.now_s
                self._pass_on(self._held.pop(way, []))

    def keep_apart(self, ways: list[Way]) -> None:
        """Something else keeps two from hearing each other: it counts, and stops nothing here."""
        self._apart.update(ways)

    def bring_together(self, ways: list[Way]) -> None:
        """It is over."""
        self._apart.subtract(ways)
        self._mended_s.update(dict.fromkeys(ways, self._loop.now_s))

    def mend_all(self) -> None:
        """Undo every cut."""
        self.mend([way for way, faults in self._faults.items() for _ in range(faults)])

    def stop(self, way: Way, pass_on: Callable[[], None]) -> bool:
        """Whether something cannot pass now. It may later, if it is only held back."""
        if way not in self._faults:
            return False
        if way in self._held:
            self._held[way].append(pass_on)
        return True

    @property
    def ever(self) -> bool:
        """Whether any way is cut, or ever was."""
        return bool(self._faults or self._apart or self._mended_s)

    def last_s(self, one: str, other: str) -> float:
        """When something between two was cut last, either way; infinite if it is now."""
        ways = ((one, other), (other, one))
        if any(way in self._faults or self._apart[way] for way in ways):
            return float("inf")
        return max(self._mended_s.get(way, float("-inf")) for way in ways)

    def _pass_on(self, held: list[Callable[[], None]]) -> None:
        """What was held back arrives in its order, each a little after the one before."""
        after_s = 0.0
        for arrive in held:
            after_s += self._delay_s()
            self._loop.later(after_s, arrive)
