"""Connections: what becomes of calls when the one that they are on breaks, or none comes about.

A connection is made by whoever calls, and carries all its calls to one process. When it breaks, by
an RST of a NAT table or a firewall, the caller knows at once, and does not know more: the request
may have been lost or carried out, and its answer been lost. While none comes about, each call fails
with nothing delivered.

That is no silence and no refusal. Both ends live, and the next connection may be a good one.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

Way = tuple[str, str]
"""Who calls, and whom."""

_LOST = 0.5
"""How often a request that is on its way is lost with its connection."""


class Call(Protocol):
    """A request, on its way or there, whose caller waits for the answer."""

    caller: str
    callee: str
    lost: bool


class Connections:
    """All calls that somebody waits for. `broke`: what to do with one whose connection breaks."""

    def __init__(self, rng: random.Random, broke: Callable[[Any], None]) -> None:
        self._rng = rng
        self._broke = broke
        self._waiting: dict[Call, None] = {}
        self._missing: Counter[Way] = Counter()
        self._hit_s: dict[Way, float] = {}

    @contextmanager
    def carrying(self, call: Call) -> Iterator[None]:
        """Somebody waits for it."""
        self._waiting[call] = None
        try:
            yield
        finally:
            del self._waiting[call]

    def comes_about(self, call: Call) -> bool:
        """Whether there can be a connection for it."""
        return not self._missing[call.caller, call.callee]

    def have_rested(self, ways: Collection[Way], now_s: float, for_s: float) -> bool:
        """Whether nothing was done to the connections on these ways for a while, or is now."""
        hit_s = max((self._hit_s.get(way, float("-inf")) for way in ways), default=float("-inf"))
        return now_s - hit_s >= for_s and not any(self._missing[way] for way in ways)

    def break_off(self, ways: Collection[Way], now_s: float) -> int:
        """Break them; how many calls were on them."""
        self._hit_s.update(dict.fromkeys(ways, now_s))
        hit = [call for call in self._waiting if (call.caller, call.callee) in ways]
        for call in hit:
            call.lost = self._rng.random() < _LOST
            self._broke(call)
        return len(hit)

    def forbid(self, ways: Collection[Way]) -> None:
        """Let none come about until they are allowed as often."""
        self._missing.update(ways)

    def allow(self, ways: Collection[Way], now_s: float) -> None:
        """Let them come about again."""
        self._hit_s.update(dict.fromkeys(ways, now_s))
        self._missing.subtract(ways)
