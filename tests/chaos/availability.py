"""How long clients were without an answer, and during which fault.

Told of every success and of every fault, it looks at the *gaps*: the times between two successes
that follow each other. Each server has a client that asks only it and never pauses, so a gap is no
lack of questions. For each kind of fault there are two figures:

    spared     the longest gap of a server that the fault did not hit: of a client that asks one
               node, in the time from the fault until all was whole again or the next fault came
    anywhere   the longest gap of all servers together in that time: nobody got an answer from
               any node

A gap that reaches beyond that time counts with the part within it; `longest_s` is the longest gap
of all servers together with nothing cut off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Clock = Callable[[], float]


@dataclass
class Episode:
    """One fault and the time after it."""

    kind: str
    start_s: float
    hit: set[str]
    end_s: float = 0.0


@dataclass
class Worst:
    """The longest gaps for one kind of fault."""

    spared_s: float | None = None
    """None: no server was spared."""
    anywhere_s: float = 0.0


@dataclass
class Availability:
    """Of some servers, by name."""

    names: Collection[str]
    now_s: Clock = time.monotonic
    worst: dict[str, Worst] = field(default_factory=dict)
    longest_s: float = 0.0
    longest_during: str = ""

    def begin(self) -> None:
        """Clients begin."""
        self._start_s = self.now_s()
        self._successes: dict[str, list[float]] = {name: [] for name in self.names}
        self._episodes: list[Episode] = []
        self._open = False

    def succeeded(self, name: str) -> None:
        """A call through a server succeeded just now; from any thread."""
        self._successes[name].append(self.now_s())

    def fault(self, kind: str) -> None:
        """A fault begins. Who was hit before and is not whole yet counts as hit by this one."""
        hit = set(self._episodes[-1].hit) if self._open else set()
        self._close_episode()
        self._episodes.append(Episode(kind, self.now_s(), hit))
        self._open = True

    def hit(self, name: str) -> None:
        """The fault hits a server."""
        self._episodes[-1].hit.add(name)

    def whole(self) -> None:
        """All is well again."""
        self._close_episode()

    def end(self) -> None:
        """Clients have ended: add up."""
        self._close_episode()
        bounds = (self._start_s, self.now_s())
        merged = sorted(moment for times in self._successes.values() for moment in times)
        for episode in self._episodes:
            self._judge(episode, merged, bounds)
        for before_s, after_s in _gaps(merged, bounds):
            if after_s - before_s > self.longest_s:
                self.longest_s = after_s - before_s
                self.longest_during = self._kinds_between(before_s, after_s)

    def _judge(self, episode: Episode, merged: list[float], bounds: tuple[float, float]) -> None:
        worst = self.worst.setdefault(episode.kind, Worst())
        worst.anywhere_s = max(worst.anywhere_s, _longest_within(episode, merged, bounds))
        for name in self.names:
            if name not in episode.hit:
                gap_s = _longest_within(episode, self._successes[name], bounds)
                worst.spared_s = max(worst.spared_s or 0.0, gap_s)

    def _kinds_between(self, before_s: float, after_s: float) -> str:
        return " and ".join(
            episode.kind
            for episode in self._episodes
            if episode.start_s < after_s and episode.end_s > before_s
        )

    def _close_episode(self) -> None:
        if self._open:
            self._episodes[-1].end_s = self.now_s()
        self._open = False


def _gaps(times: Sequence[float], bounds: tuple[float, float]) -> Iterator[tuple[float, float]]:
    """From each success to the next; from the beginning to the first, and from the last on."""
    return pairwise([bounds[0], *times, bounds[1]])


def _longest_within(episode: Episode, times: Sequence[float], bounds: tuple[float, float]) -> float:
    """The longest part of a gap that lies in an episode."""
    return max(
        min(after_s, episode.end_s) - max(before_s, episode.start_s)
        for before_s, after_s in _gaps(times, bounds)
    )
