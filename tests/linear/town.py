"""A small world for one key: replicas with disks and clocks, and messages between them.

No event loop, no real store: a heap of things to happen, and generators that wait for answers. A
history of twenty operations takes some milliseconds, so tens of thousands can be played.

    messages    arrive after a while, twice, in another order, much too late, or never
    disks       write in order; a crash takes what was not synced, or a part of it
    clocks      differ, and learn from each other by what they hear (model/clock.py)
    nodes       crash and come back, stand still for a while, or lose their disks

A unit of time is a millisecond or so.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from kvcluster.model.entry import Entry, Version, make_version, time_of, version_of
from tests.linear.rules import Rules

MARK = 0xCA5D
AGE_LIMIT = 120.0
"""Messages that are older are refused."""
TOMBSTONE_WAIT = 2.5 * AGE_LIMIT
_TICKS = 16  # of a clock, in a unit of time

Asked = Callable[["Replica", Callable[[Any], None]], None]
"""What a message does where it arrives; it answers by calling the second."""


@dataclass
class Answers:
    """Those that have come to a question, by the place of who gave them."""

    count: int
    given: dict[int, Any] = field(default_factory=dict)
    wake: Callable[[], None] = lambda: None

    @property
    def are_all(self) -> bool:
        """Whether nobody is waited for any more."""
        return len(self.given) == self.count


@dataclass
class Wait:
    """What a generator waits for: enough answers, all of them, or the end of its patience."""

    until: float
    answers: Answers | None = None
    enough: Callable[[], bool] = lambda: False

    @property
    def is_over(self) -> bool:
        """Whether it need not wait any longer."""
        return self.answers is not None and (self.answers.are_all or self.enough())


T = TypeVar("T")
Work = Generator[Wait, None, T]


class Task:
    """A generator that runs at a replica, and ends with its life."""

    def __init__(self, town: Town, at: Replica, work: Work[None]) -> None:
        self._town, self._at, self._life, self._work = town, at, at.life, work
        self._wait = Wait(town.now)
        self.step(self._wait)

    def step(self, wait: Wait) -> None:
        """Go on, if what it waits for has come, or the time is over."""
        at, town = self._at, self._town
        if at.life != self._life or wait is not self._wait:
            return
        if town.now < wait.until and not wait.is_over:
            return
        if at.held_until > town.now:
            town.later(at.held_until - town.now, self.step, wait)
            return
        try:
            self._wait = wait = next(self._work)
        except StopIteration:
            self._life = -1
            return
        if wait.answers is not None:
            wait.answers.wake = partial(self.step, wait)
        town.later(max(0.0, wait.until - town.now), self.step, wait)
        if wait.is_over:
            town.later(0, self.step, wait)


@dataclass
class Weather:
    """How the network is."""

    slow: float = 8.0
    lose: float = 0.0
    repeat: float = 0.0
    straggle: float = 0.0


class Replica:
    """One copy of the key: what is in memory, and on disk."""

    def __init__(self, town: Town, place: int, offset: float) -> None:
        self.town, self.place, self.life = town, place, 1
        self._offset = offset
        self.clock = 0
        self.up, self.held_until = True, 0.0
        self.votes = True
        self.entry: Entry | None = None
        self.promise: Version | None = None
        self.promised_at = 0.0
        self.behind = False
        """Something was refused, or a promise found on disk: others may know more."""
        self.disk: list[tuple[str, Any]] = []
        self._pending: list[tuple[tuple[str, Any], Callable[[Any], None]]] = []
        self._synced_at = 0.0
        self.waiting: list[Any] = []
        """Operations that wait for the round that is under way here."""
        self.busy = False

    # ------------------------------------------------------------ time

    def time(self) -> int:
        """What its hybrid clock says."""
        return max(self.clock, int((self.town.now + self._offset) * _TICKS))

    def ticks(self, count: int, *, decided: bool) -> list[Version]:
        """So many fresh versions."""
        first = max(self.clock + 1, self.time())
        self.clock = first + count - 1
        life = (MARK << 16 if decided else 0) | self.place << 8 | self.life & 0xFF
        return [make_version(time, life) for time in range(first, first + count)]

    def hear(self, time: int) -> None:
        """A message, or an entry, says what time it is elsewhere."""
        self.clock = max(self.clock, time)

    def is_stale(self, time: int) -> bool:
        """Whether something of this time was held back for too long."""
        too_old = self.time() - time > AGE_LIMIT * _TICKS
        return too_old and self.town.rules.old_messages_are_refused

    # ------------------------------------------------------------ the disk

    @property
    def newest(self) -> Version:
        """That of what is held; empty: nothing is."""
        return version_of(self.entry) if self.entry else Version(b"")

    def write(self, record: tuple[str, Any], done: Callable[[Any], None]) -> None:
        """Journal and sync it, then apply it, then say what became of it."""
        self._pending.append((record, done))
        delay = self.town.rng.choice([1.0, 1.0, 3.0, 20.0])
        self._synced_at = max(self._synced_at, self.town.now + delay)
        self.town.later(self._synced_at - self.town.now, self._sync, self.life)

    def _sync(self, life: int) -> None:
        if life != self.life:
            return
        if self.held_until > self.town.now:
            self.town.later(self.held_until - self.town.now, self._sync, life)
            return
        record, done = self._pending.pop(0)
        self.disk.append(record)
        done(self._apply(*record))

    def _apply(self, kind: str, what: Any) -> str:
        if kind == "drop":
            if self.entry and self.newest <= what:
                self.entry = None
            return "dropped"
        if kind == "promise":
            return "promised"
        if self._is_below(what) and not self.town.rules.replay_asks_nobody:
            return "refused"
        verdict = "older"
        if version_of(what) > self.newest:
            self.entry, verdict = what, "stored"
        elif what == self.entry:
            verdict = "stored"
        if self.promise is not None and self.newest >= self.promise:
            self.promise, self.behind = None, False
        return verdict

    def _is_below(self, entry: Entry) -> bool:
        return self.promise is not None and version_of(entry) < self.promise

    def take(self, entry: Entry, done: Callable[[Any], None], *, anyway: bool = False) -> None:
        """Store an entry, unless something higher is promised: it is refused at once then."""
        self.hear(time_of(version_of(entry)))
        if self._is_below(entry) and not anyway and self.town.rules.replay_asks_nobody:
            self.behind = True
            done("refused")
        else:
            self.write(("entry", entry), done)

    def give(self, ballot: Version, done: Callable[[bool], None]) -> None:
        """Promise to take nothing below a ballot, unless something newer is here already."""
        self.hear(time_of(ballot))
        if ballot <= self.newest or (self.promise is not None and ballot < self.promise):
            done(False)
            return
        self.promise, self.promised_at = ballot, self.town.now
        rules = self.town.rules
        if not rules.promises_wait:
            done(True)
        record = ("promise", ballot if rules.promises_are_kept else Version(b""))
        self.write(record, lambda _: done(ballot > self.newest) if rules.promises_wait else None)

    # ------------------------------------------------------------ ends and beginnings

    def crash(self, *, empty: bool = False) -> None:
        """The process ends; a part of what was being written is on disk. `empty`: no disk is."""
        kept = self.town.rng.randint(0, len(self._pending))
        self.disk += [record for record, _ in self._pending[:kept]]
        self.disk = [] if empty else self.disk
        self._pending, self._synced_at = [], 0.0
        self.life += 1
        self.up, self.held_until, self.busy = False, 0.0, False
        self.waiting = []
        self.entry = self.promise = None
        if empty:
            self.clock = 0

    def start(self) -> None:
        """Read the disk."""
        for kind, what in self.disk:
            if kind == "promise":
                self.promise = max(self.promise or what, what) or None
            elif kind == "entry":
                self.hear(time_of(version_of(what)))
            self._apply(kind, what)
        if self.promise is not None and self.promise <= self.newest:
            self.promise = None
        self.behind = self.promise is not None
        self.promised_at = self.town.now
        self.up = True


class Town:
    """Everybody, and what will happen."""

    def __init__(self, rng: random.Random, rules: Rules, replicas: int) -> None:
        self.rng, self.rules, self.now = rng, rules, 0.0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0
        self.weather = Weather()
        spread = rng.choice([0.0, 5.0, 40.0])
        self.replicas = [Replica(self, i, rng.uniform(0, spread)) for i in range(replicas)]
        self.majority = replicas // 2 + 1

    def later(self, delay: float, what: Callable[..., None], *arguments: Any) -> None:
        """Have something happen."""
        self._number += 1
        heapq.heappush(self._heap, (self.now + delay, self._number, what, arguments))

    def run(self, until: float, over: Callable[[], bool]) -> None:
        """Let things happen."""
        while self._heap and not over():
            if self._heap[0][0] > until:
                return
            self.now, _, what, arguments = heapq.heappop(self._heap)
            what(*arguments)

    def ask(self, by: Replica, whom: Iterable[Replica], asked: Asked) -> Answers:
        """Ask some replicas, perhaps itself among them."""
        whom = list(whom)
        answers = Answers(len(whom))
        for replica in whom:
            self._send(by, replica, asked, answers)
        return answers

    def _send(self, by: Replica, to: Replica, asked: Asked, answers: Answers) -> None:
        life = by.life

        def come(answer: Any, time: int) -> None:
            if by.life != life or to.place in answers.given:
                return
            by.hear(time)
            answers.given[to.place] = answer
            answers.wake()

        def answer(what: Any) -> None:
            if to is by:
                come(what, to.time())
            else:
                self._travel(by, come, what, to.time())

        def arrive(stamp: int) -> None:
            if to is not by:
                if to.is_stale(stamp):
                    return
                to.hear(stamp)
            asked(to, answer)

        if to is by:
            arrive(by.time())
        else:
            for _ in range(1 + (self.rng.random() < self.weather.repeat)):
                self._travel(to, arrive, by.time())

    def _travel(self, to: Replica, what: Callable[..., None], *arguments: Any) -> None:
        rng, weather = self.rng, self.weather
        if rng.random() < weather.lose:
            return
        delay = rng.uniform(0.5, weather.slow)
        if rng.random() < weather.straggle:
            delay += rng.choice([20.0, 50.0, 100.0, 200.0, 400.0])
        self.later(delay, self._arrive, to, what, arguments)

    def _arrive(self, to: Replica, what: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if not to.up:
            return
        if to.held_until > self.now:
            self.later(to.held_until - self.now, self._arrive, to, what, arguments)
        else:
            what(*arguments)
