"""The log: what happened, with its time, newest last; the oldest falls out.

It is bounded, because a dashboard stays open for weeks. It knows nothing of the cluster: events are
found by `changes.py`, and by those who carry out what a person asks for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from kvcluster.dashboard.ink import Tone, plain, told, wrapped

LIMIT = 500
"""Events that are kept."""
_INDENT = len("00:00:00 ● ")


@dataclass(frozen=True)
class Event:
    """One thing that happened: to whom, and what."""

    tone: Tone
    who: str
    """A node; "cluster", or "you"."""
    what: str

    @property
    def text(self) -> str:
        """One line."""
        return f"{self.who}  {self.what}"


class Log:
    """Events with their times, in seconds since 1970."""

    def __init__(self) -> None:
        self._events: deque[tuple[float, Event]] = deque(maxlen=LIMIT)
        self._drawn: tuple[int, list[Text]] = (0, [])

    def add(self, now_s: float, events: Iterable[Event]) -> None:
        """Note events of one moment."""
        for event in events:
            self._events.append((now_s, event))
            self._drawn = (0, [])

    def lines(self, width: int) -> list[Text]:
        """All of them, the newest last, in lines of so many columns."""
        if self._drawn[0] != width:
            self._drawn = (
                width,
                [
                    part
                    for now_s, event in self._events
                    for part in wrapped(_line(now_s, event), width, _INDENT)
                ],
            )
        return self._drawn[1]


def _line(now_s: float, event: Event) -> Text:
    clock = time.strftime("%H:%M:%S", time.localtime(now_s))
    return plain(f"{clock} ").append_text(told(event.tone, event.text))
