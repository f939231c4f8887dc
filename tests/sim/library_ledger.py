"""The ledger: what the library tells the clients of a history, written down and judged.

One line for each write and read, whether it was asked for alone or with many.
"""

from __future__ import annotations

import asyncio
import itertools
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from kvcluster.errors import KvError
from kvcluster.model.clock import COUNTER_BITS
from kvcluster.model.entry import Version, time_of
from tests.sim.broken import Broken
from tests.sim.judge import Judge, Least
from tests.sim.operations import Outcome, Write
from tests.sim.world import World

_LATE_S = 0.05
_INCARNATION_BYTES = 4


@dataclass(frozen=True)
class Read:
    """A get, when it begins."""

    client: str
    key: str
    start_s: float
    least: Least

    def __str__(self) -> str:
        return f"{self.client}: get {self.key}"


class Ledger:
    """Of all clients of one history."""

    def __init__(
        self,
        world: World,
        judge: Judge,
        seen: Counter[str],
        log: Callable[[str, str], None],
        *,
        timeout_s: float,
        clocks_agree: bool,
    ) -> None:
        self._world = world
        self._judge = judge
        self._seen = seen
        self._log = log
        self._now_s = asyncio.get_running_loop().time
        self._timeout_s = timeout_s
        self._order = _Order(clocks_agree=clocks_agree)

    def begins(self, name: str, key: str, value: str | None) -> Write:
        """A put begins, or a delete."""
        number = len(self._judge.diary.writes)
        write = Write(number, name, "the library", key, value, self._now_s())
        self._judge.begun(write)
        return write

    def done(
        self, write: Write, version: bytes, by: str, holders: int, last_s: float = 0.0
    ) -> None:
        """It was acknowledged. `last_s`: when the last began of those that it was told with."""
        self.ended(write, Outcome.DONE, f"by {by}, {holders} hold it", last_s)
        if last_s:
            write.outvoted.clear()  # it was done before it is told, perhaps while nobody refused
        self._judge.acknowledged(write, version, by, holders)
        self._order.done(write)

    def ended(self, write: Write, outcome: Outcome, why: str, last_s: float = 0.0) -> None:
        """It ended, so."""
        write.end_s, write.outcome, write.why = self._now_s(), outcome, why
        self._seen[f"writes {outcome.value}"] += 1
        self._log(f"{write}: {outcome.value} ({why})", write.key)
        self._in_time(max(write.start_s, last_s), str(write), write.key)

    def given_up(self, write: Write) -> None:
        """Its client does not want to know any more."""
        self.ended(write, Outcome.UNKNOWN, "given up")
        # It may be on its way with others, which nobody has given up.
        write.end_s = write.start_s + self._timeout_s

    def begins_to_read(self, name: str, key: str) -> Read:
        """A get begins."""
        return Read(name, key, self._now_s(), self._judge.before_read(key))

    def read(self, read: Read, value: str | None, last_s: float = 0.0) -> None:
        """It was answered. `last_s`: when the last began of those that it is told with."""
        self._log(f"{read}: {value}", read.key)
        least = {read.key: read.least}
        if value is not None:
            self._judge.after_scan([(read.key, value)], least, complete=True)
        elif not self._was_deleted(read):
            self._judge.after_scan([], least, complete=True)
        self._in_time(max(read.start_s, last_s), str(read), read.key)

    def not_read(self, read: Read, error: KvError, last_s: float = 0.0) -> None:
        """It was not."""
        self._log(f"{read}: {error}", read.key)
        self._in_time(max(read.start_s, last_s), str(read), read.key)

    def _in_time(self, start_s: float, what: str, key: str) -> None:
        late_s = self._now_s() - start_s - self._timeout_s
        if late_s > _LATE_S:
            raise Broken(f"{what}: it ended {late_s:.3f} s after its timeout", key)

    def _was_deleted(self, read: Read) -> bool:
        """Whether a key was deleted since, in the batch of the get perhaps.

        There a put of the same batch may replace the tombstone before anybody stores it. Of a
        delete that was given up on its way nobody knows the version.
        """
        floor = min(read.least[node] for node in self._world.replicas_of(read.key))
        return any(
            it.version > floor
            if it.outcome is Outcome.DONE
            else it.client == read.client and it.end_s >= read.start_s
            for it in self._judge.diary.deletes(read.key)
        )


class _Order:
    """Writes of one client to one key are done in the order in which they were begun."""

    def __init__(self, *, clocks_agree: bool) -> None:
        self._clocks_agree = clocks_agree
        self._done: dict[tuple[str, str], list[tuple[int, Version]]] = defaultdict(list)

    def done(self, write: Write) -> None:
        """One was acknowledged."""
        row, new = self._done[write.client, write.key], (write.number, Version(write.version))
        place = bisect(row, new)
        before, behind = row[place - 1 : place] if place else [], row[place : place + 1]
        for (_, earlier), (_, later) in itertools.pairwise([*before, new, *behind]):
            if self._contradicts(earlier, later):
                raise Broken(f"{write}: it changed places with another of its client", write.key)
        row.insert(place, new)

    def _contradicts(self, earlier: Version, later: Version) -> bool:
        """Whether a write that was begun before another one got a version behind it.

        One node never does that. Two may, on two sides of a cut, as far as their clocks differ.
        """
        if earlier < later:
            return False
        if earlier[-_INCARNATION_BYTES:] == later[-_INCARNATION_BYTES:]:
            return True
        return self._clocks_agree and (
            time_of(earlier) >> COUNTER_BITS > time_of(later) >> COUNTER_BITS
        )
