"""A load on an engine that remembers what it was told, and finds where that was not true.

A writer has a key, or a batch of them, and puts numbers there that only grow, plain and with a
condition in turn. What a number may be is simple then: what was acknowledged is there until
something larger is; what was said to be *not written* is never there; a read shows no less than
what was acknowledged, or read, before it began; and no call lasts longer than it may.

A write whose outcome is unknown may be there or not. Where an engine promises that it is not done
later either, its writer goes on with the same key. Where it may be, the writer leaves that key
alone from then on, as a careful client does, and goes on with a new one (`leaves_doubt`).

What each lie looks like, and that it is found, is in test_load.py.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field

from kvcluster.engines.contract import Engine, WriteDone, WriteOutcome
from kvcluster.errors import KvError, NothingWritten, OutcomeUnknown
from kvcluster.model.condition import Condition
from kvcluster.model.decision import Content
from kvcluster.model.operation import Kind, Operation

_GRACE_S = 1.5
"""So much later than its deadline a call may end: the machine has other things to do as well."""
_LAST_LOOK_S = 10.0
_REST_S = 0.02
_BREATH_S = 0.002
"""Between calls that went well: the servers share this machine with the load."""
_PROBES_EACH_S = 0.5
_LONGEST = 200
"""So many numbers a key gets where writers change keys at all."""


@dataclass
class Story:
    """What is known of one key."""

    put: int = 0
    """The largest that anybody tried to put."""
    acknowledged: int = 0
    refused: set[int] = field(default_factory=set)
    seen: int = 0
    """The largest that a read has shown; less, once a read went back."""


def batches_of(writers: int, keys: int = 1) -> list[list[str]]:
    """The keys of so many writers: "w0/0", "w0/1" ... of the first."""
    return [[f"w{writer}/{at}" for at in range(keys)] for writer in range(writers)]


class GrowingLoad:
    """A writer for each batch of keys, and two readers, as long as its `async with` lasts."""

    def __init__(
        self,
        engine: Engine,
        batches: Sequence[Sequence[str]],
        *,
        patience_s: float = 3.0,
        linearizable: bool = False,
        leaves_doubt: bool = False,
        may_go_back: bool = False,
        probes: bool = False,
    ) -> None:
        """`patience_s`: what each call is given. `linearizable`: how is read. `leaves_doubt`: take
        a new key after an unknown outcome. `may_go_back`: a read may show less than one before it,
        if not less than was acknowledged; it is counted. `probes`: probe, as a gateway does.
        """
        self._engine, self._batches = engine, batches
        self._patience_s, self._linearizable = patience_s, linearizable
        self._leaves_doubt, self._may_go_back, self._probes = leaves_doubt, may_go_back, probes
        self._clock = asyncio.get_running_loop().time
        self.stories: dict[str, Story] = {}
        self.wrong: list[str] = []
        """Promises that were broken, for people."""
        self.late: list[str] = []
        """Calls that did not keep their deadline."""
        self.told: Counter[str] = Counter()
        """Outcomes of writes, by the names of their types."""
        self.went_back = 0
        self.gap_s = 0.0
        """The longest time without a success of anybody."""
        self.key_gap_s = 0.0
        """The longest that one key went without; if it was left, with those that followed it."""
        self._sentences: Counter[str] = Counter()
        self._shown = 0
        self._done: Counter[str] = Counter()
        places = [place for batch in batches for place in batch]
        self._succeeded_s = dict.fromkeys(places, self._clock())
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> GrowingLoad:
        jobs = [self._write(batch) for batch in self._batches]
        # One reader asks for a key at a time, one for all in a call: engines do that differently.
        jobs += [self._read(1), self._read(3 * len(self._succeeded_s))]
        if self._probes:
            jobs.append(self._probe())
        self._tasks = [asyncio.create_task(job) for job in jobs]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def succeed(self, times: int, within_s: float = 30.0) -> None:
        """Return when each key, or those that followed it, took so many more writes."""
        wanted = {place: self._done[place] + times for place in self._succeeded_s}
        end_s = self._clock() + within_s
        while lacking := [place for place in wanted if self._done[place] < wanted[place]]:
            for task in self._tasks:
                if task.done():
                    task.result()
            assert self._clock() < end_s, f"no progress at {lacking}: {self.report()}"
            await asyncio.sleep(_REST_S)

    async def check(self) -> None:
        """Look at every key once more, and fail if any promise was broken, then or before."""
        assert self._shown, "no read was ever answered, so nothing is known of them"
        keys = list(self.stories)
        answered = await self._look(keys, _LAST_LOOK_S)
        assert answered == len(keys), f"{len(keys) - answered} keys cannot be read in the end"
        assert not self.wrong, "\n".join(self.wrong[:20])
        assert not self.late, "\n".join(self.late[:20])

    def report(self) -> str:
        """Gaps and outcomes, to print."""
        gaps = f"longest gap {self.gap_s:.2f} s, of a key {self.key_gap_s:.2f} s"
        lines = [f"{count:>8}  {text}" for text, count in sorted(self._sentences.items())]
        return "\n".join([f"{gaps}, {self.went_back} reads went back", *lines])

    async def _write(self, batch: Sequence[str]) -> None:
        for turn in itertools.count():
            keys = [f"{place}+{turn}" if turn else place for place in batch]
            self.stories |= {key: Story() for key in keys}
            for number in itertools.count(1):
                outcomes = await self._put(keys, number)
                for place, key, outcome in zip(batch, keys, outcomes, strict=True):
                    self._note(place, key, number, outcome)
                went_well = all(isinstance(it, WriteDone) for it in outcomes)
                await asyncio.sleep(_BREATH_S if went_well else _REST_S)
                if self._stopping:
                    return
                in_doubt = any(isinstance(it, OutcomeUnknown) for it in outcomes)
                if self._leaves_doubt and (in_doubt or number == _LONGEST):
                    break

    async def _put(self, keys: Sequence[str], number: int) -> list[WriteOutcome]:
        condition = Condition.none() if number % 3 == 0 else None
        batch = [Operation(Kind.PUT, key, str(number), condition) for key in keys]
        for key in keys:
            self.stories[key].put = number
        with self._in_time(f"put {number} to {keys}", self._patience_s) as deadline_s:
            try:
                return await self._engine.write(batch, deadline_s)
            except KvError as error:
                return [error] * len(batch)

    def _note(self, place: str, key: str, number: int, outcome: WriteOutcome) -> None:
        name = type(outcome).__name__
        self.told[name] += 1
        self._sentences[f"{name}: {outcome}" if isinstance(outcome, KvError) else name] += 1
        if isinstance(outcome, WriteDone):
            self.stories[key].acknowledged = number
            self._succeeded(place)
        elif isinstance(outcome, NothingWritten):
            self.stories[key].refused.add(number)
        elif not isinstance(outcome, OutcomeUnknown):
            self.wrong.append(f"{key}: {outcome!r} is no outcome of such a put")

    def _succeeded(self, place: str) -> None:
        now_s, last_s = self._clock(), self._succeeded_s
        self.gap_s = max(self.gap_s, now_s - max(last_s.values()))
        self.key_gap_s = max(self.key_gap_s, now_s - last_s[place])
        last_s[place] = now_s
        self._done[place] += 1

    async def _read(self, at_once: int) -> None:
        while not self._stopping:
            # Where writers change keys: also some that were left, and may change all the same.
            keys = list(self.stories)[-3 * len(self._succeeded_s) :]
            for at in range(0, len(keys), at_once):
                if self._stopping:
                    return
                await self._look(keys[at : at + at_once], self._patience_s)
                await asyncio.sleep(_BREATH_S)
            await asyncio.sleep(_REST_S)

    async def _look(self, keys: Sequence[str], patience_s: float) -> int:
        """Read some, and judge what is there; how many had an answer."""
        before = {key: copy(self.stories[key]) for key in keys}
        with self._in_time(f"read {keys}", patience_s) as deadline_s:
            try:
                outcomes = await self._engine.read(
                    keys, deadline_s, linearizable=self._linearizable
                )
            except KvError:
                return 0
        answered = 0
        for key, outcome in zip(keys, outcomes, strict=True):
            if isinstance(outcome, Content):
                self._judge(key, int(outcome.value or 0), before[key])
                answered += 1
        self._shown += answered
        return answered

    def _judge(self, key: str, number: int, before: Story) -> None:
        """What a read showed, and what was known of the key when it began."""
        story, done = self.stories[key], before.acknowledged
        if number < done:
            self.wrong.append(f"{key}: {done} was acknowledged, and {number} is read")
        elif number < before.seen:
            self.went_back += 1
            if not self._may_go_back:
                self.wrong.append(f"{key}: {before.seen} was read, and then {number}")
        if number in story.refused:
            self.wrong.append(f"{key}: {number} is there, which was said not to be written")
        if number > story.put:
            self.wrong.append(f"{key}: {number} is there, which nobody put")
        story.seen = number if number < before.seen else max(story.seen, number)

    @contextmanager
    def _in_time(self, what: str, patience_s: float) -> Iterator[float]:
        """Give a call its deadline, and note if it does not keep it."""
        deadline_s = self._clock() + patience_s
        try:
            yield deadline_s
        finally:
            if (over_s := self._clock() - deadline_s) > _GRACE_S:
                self.late.append(f"{what} ended {over_s:.2f} s after its deadline")

    async def _probe(self) -> None:
        while not self._stopping:
            with suppress(KvError):
                await self._engine.probe(self._clock() + 2)
            await asyncio.sleep(_PROBES_EACH_S)
