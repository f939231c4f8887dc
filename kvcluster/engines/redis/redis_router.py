"""The router: errands, each to the primary of its slot, and again where that is harmless.

An errand is one command that concerns one slot. Those for one node travel together, with a last
command that is about them all: WAIT after writes, TIME after reads. What comes back decides:

    an answer                        done
    refused, elsewhere or later      again, by a renewed map, until the deadline (MOVED)
    refused for good                 the error of the table (redis_failures.py)
    nobody reached, nothing sent     again, likewise
    sent, and no answer              a read: again; a write: unknown, and never again

That a write which may have arrived is not repeated is the point of it. One that comes late, from a
primary that was frozen, would undo a newer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kvcluster.engines.redis.redis_failures import ENGINE, failure_of, row_of, too_few
from kvcluster.engines.redis.redis_map import RedisMap
from kvcluster.engines.redis.redis_node import Command
from kvcluster.engines.redis.redis_scripts import RedisScript
from kvcluster.engines.redis.redis_setting import Place
from kvcluster.engines.redis.redis_view import RedisShard
from kvcluster.errors import KvError, NotReady, TooLate

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.25
_MARGIN_S = 0.03
"""WAIT ends so long before the deadline, so that its answer is here in time."""


@dataclass(frozen=True, slots=True)
class RedisErrand:
    """One command for one slot: a plain one, or a script with what it is given."""

    slot: int
    words: Command
    script: RedisScript | None = None

    def command(self, *, in_full: bool) -> Command:
        """As it is sent. `in_full`: the script itself, for a node that does not know it."""
        if self.script is None:
            return self.words
        if in_full:
            return ("EVAL", self.script.text, *self.words)
        return ("EVALSHA", self.script.checksum, *self.words)


class RedisAnswer(NamedTuple):
    """What came of an errand."""

    value: Any
    """The answer, or a KvError."""
    last: Any = None
    """What the last command told of it and its companions."""
    replicas: int = 1
    """How many copies the slot has by the map."""


@dataclass(slots=True)
class _Course:
    """An errand under way."""

    errand: RedisErrand
    answer: RedisAnswer | None = None
    reason: KvError = field(default_factory=lambda: TooLate("the deadline has passed"))
    """Why there is no answer yet."""
    at: Place | None = None
    """Where a node has sent us."""
    asking: bool = False
    in_full: bool = False
    hurries: bool = False
    """Whether it may go on without a look at the map."""

    def end(self, value: Any) -> None:
        """There is nothing more to do."""
        self.answer = RedisAnswer(value)


class RedisRouter:
    """Runs errands."""

    def __init__(self, known: RedisMap) -> None:
        self._map = known

    async def run(
        self,
        errands: Sequence[RedisErrand],
        deadline_s: float,
        *,
        copies: int = 0,
        time: bool = False,
    ) -> list[RedisAnswer]:
        """An answer each, in their order. `copies`: they write, and so many nodes are to have it;
        0: they read. `time`: the last command is TIME.
        """
        courses = [_Course(errand) for errand in errands]
        clock, pause_s = asyncio.get_running_loop().time, _FIRST_PAUSE_S
        if self._map.view is None:
            await self._renew(courses, deadline_s)
        while (left := [it for it in courses if it.answer is None]) and clock() < deadline_s:
            rounds = self._rounds(left, copies)
            await asyncio.gather(
                *[self._send(*it, deadline_s, copies, time) for it in rounds.items()]
            )
            left = [it for it in left if it.answer is None]
            if any(not it.hurries for it in left):
                await self._renew(left, deadline_s)
                await asyncio.sleep(max(0.0, min(pause_s, deadline_s - clock())))
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return [it.answer or RedisAnswer(it.reason) for it in courses]

    async def _renew(self, courses: Sequence[_Course], deadline_s: float) -> None:
        left_s = max(0.001, deadline_s - asyncio.get_running_loop().time())
        try:
            await asyncio.wait_for(self._map.renew(), left_s)
        except asyncio.TimeoutError:
            pass
        except NotReady as error:
            for course in courses:
                course.reason = error

    def _rounds(self, courses: Sequence[_Course], copies: int) -> dict[Place, list[_Course]]:
        """Where each is to go now."""
        rounds: dict[Place, list[_Course]] = {}
        for course in courses:
            shard = self._map.shard_of(course.errand.slot)
            course.hurries = False
            if shard is None and course.at is None:
                if self._map.view is not None:
                    course.reason = NotReady(f"{ENGINE}: nobody serves slot {course.errand.slot}")
            elif shard is not None and copies > 1 + len(shard.replicas):
                name = self._map.node(shard.primary).name
                course.end(too_few(name, 1 + len(shard.replicas), copies))
            else:
                place = course.at or (shard.primary if shard else None)
                assert place is not None
                rounds.setdefault(place, []).append(course)
        return rounds

    async def _send(
        self, place: Place, courses: list[_Course], deadline_s: float, copies: int, time: bool
    ) -> None:
        commands: list[Command] = []
        at: list[int] = []
        for course in courses:
            if course.asking:
                commands.append(("ASKING",))
            at.append(len(commands))
            commands.append(course.errand.command(in_full=course.in_full))
            course.at, course.asking = None, False
        last = _last(copies, time, deadline_s - asyncio.get_running_loop().time())
        commands += last
        node = self._map.node(place)
        try:
            answers = await node.exchange(commands, deadline_s, patient_with_last=copies > 1)
        except KvError as error:
            for course in courses:
                course.reason = error
            return
        for course, index in zip(courses, at, strict=True):
            shard = self._map.shard_of(course.errand.slot)
            self._judge(course, place, answers[index], answers[-1] if last else None, shard, copies)

    def _judge(
        self,
        course: _Course,
        place: Place,
        value: Any,
        last: Any,
        shard: RedisShard | None,
        copies: int,
    ) -> None:
        if isinstance(value, KvError):
            course.reason = value
            if copies:
                course.end(value)
        elif isinstance(value, Exception):
            self._refused(course, place, str(value))
        elif isinstance(last, Exception) and not copies:
            course.reason = NotReady(str(last))
        else:
            replicas = 1 + len(shard.replicas) if shard else 1
            course.answer = RedisAnswer(value, last, replicas)

    def _refused(self, course: _Course, place: Place, text: str) -> None:
        """A node said no."""
        row = row_of(text)
        course.reason = failure_of(text)
        if not row.again:
            course.end(course.reason)
        elif row.begins in {"MOVED ", "ASK "}:
            course.at = _place_in(text, place)
            course.asking = course.hurries = row.begins == "ASK "
        elif row.begins == "NOSCRIPT":
            course.in_full = course.hurries = True


def _last(copies: int, time: bool, left_s: float) -> list[Command]:
    if copies > 1:
        return [("WAIT", copies - 1, max(1, int((left_s - _MARGIN_S) * 1_000)))]
    return [("TIME",)] if time else []


def _place_in(text: str, asked: Place) -> Place | None:
    """Where "MOVED 42 host:port" sends us; without a host to the one that was asked."""
    host, _, port = text.split(" ")[2].rpartition(":")
    if not port.isdigit():
        return None
    return (host.strip("[]") if host not in {"", "?"} else asked[0]), int(port)
