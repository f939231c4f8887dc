"""Many: writing and getting any number of keys, of which only a few are on their way at a time.

The source may be a generator without end. So what is taken from it and not yet done is bounded, in
number and in bytes: enough for the next batches to be full, and no more. The two here know nothing
of iterables; the clients, which may be asynchronous or not, take from the source and hand over.

What they hand over goes into crates (`crate.py`), and becomes operations only where it must.

`ManyWrites` counts, and notes what failed. `ManyReads` keeps the order of the keys.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from kvcluster.client.crate import Crate, Freight
from kvcluster.client.dispatcher import Dispatcher
from kvcluster.client.given import checked_key, checked_text
from kvcluster.client.pending import (
    ENVELOPE_BYTES,
    FOR_EVER,
    Allowance,
    Answer,
    Lifespan,
    Pending,
    to_delete,
    to_get,
    to_put,
)
from kvcluster.config import MIB
from kvcluster.errors import BadRequest, KvError, SomeFailed

from demo_pb2 import DeleteResponse, GetResponse

_OPEN_LIMIT = 8_000
_OPEN_BYTES = 16 * MIB
_FIRST_GETS, _LEAST_GETS = 64, 8
_FAILURES_KEPT = 1_000

V = TypeVar("V")


class ManyWrites:
    """The puts of one put_many, or the deletes of one delete_many.

    `stored`: makes the text that is stored of what was given as a value; None: these are deletes.
    `life`: of what is put, so long from then on.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        terms: Allowance,
        stored: Callable[[object], str] | None,
        life: Lifespan = FOR_EVER,
    ) -> None:
        self._dispatcher = dispatcher
        self._terms = terms
        self._stored = stored
        assert not life.expires_ms
        self._life = life
        self._filling: Crate | None = None
        self._crates: dict[Crate, None] = {}
        """Those that were not unpacked, of which nothing has ended."""
        self._open: dict[int, Pending] = {}
        """Operations that have not ended."""
        self._open_count = self._open_bytes = 0
        """Of both."""
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        self._failed = 0
        self._failures: dict[str, KvError] = {}
        self.done = 0
        """How many were carried out."""
        self.found = 0
        """How many of these were deletes of a key that was there."""

    async def write(self, pairs: Sequence[tuple[str, Any]]) -> None:
        """Begin these, and return when there is room for more. The value of a delete is unused."""
        deadline_s = self._dispatcher.deadline_s(self._terms)
        for key, value in pairs:
            self._begin(key, value, deadline_s)
            if self._open_count >= _OPEN_LIMIT or self._open_bytes >= _OPEN_BYTES:
                await self._until(_OPEN_LIMIT, _OPEN_BYTES)
                deadline_s = self._dispatcher.deadline_s(self._terms)

    async def finish(self, failure: Exception | None) -> None:
        """Wait for the last, also where the source failed. Raises that, or SomeFailed."""
        await self._until(1, 1)
        if failure is not None:
            raise failure
        if self._failed:
            found = self.found if self._stored is None else None
            raise SomeFailed(self.done, self._failed, self._failures, found)

    def cancel(self) -> None:
        """Give up what has not ended. What is on its way may still happen."""
        for crate in self._crates:
            self._dispatcher.drop(crate)
        for operation in self._open.values():
            self._dispatcher.give_up(operation)

    async def _until(self, limit: int, limit_bytes: int) -> None:
        while self._open_count >= limit or self._open_bytes >= limit_bytes:
            self._changed.clear()
            await self._changed.wait()

    def _begin(self, key: str, value: object, deadline_s: float) -> None:
        try:
            text = "" if self._stored is None else self._stored(value)
            size_bytes = ENVELOPE_BYTES + checked_key(key) + checked_text("value", text)
        except BadRequest as error:
            self._fail(key, error)
            return
        crate = self._filling
        if crate is not None and self._dispatcher.takes(crate, size_bytes):
            crate.add(key, text, size_bytes, deadline_s)
        else:
            self._begin_crate(key, text, size_bytes, deadline_s)
        self._open_count += 1
        self._open_bytes += size_bytes

    def _begin_crate(self, *first: Any) -> None:
        kind = Freight.DELETE if self._stored is None else Freight.PUT
        crate = self._filling = Crate(kind, self._settle, self._unpack, self._life.ttl_ms)
        crate.add(*first)
        self._dispatcher.load(crate)
        self._crates[crate] = None

    def _settle(self, crate: Crate, answers: list[Any]) -> None:
        del self._crates[crate]
        self.done += len(crate.keys)
        if self._stored is None:
            self.found += sum(answer.found for answer in answers)
        self._ended(len(crate.keys), crate.size_bytes)

    def _unpack(self, crate: Crate) -> list[Pending]:
        del self._crates[crate]
        operations: list[Pending] = []
        for place, key in enumerate(crate.keys):
            number = next(self._numbers)
            tell = partial(self._told, number, key)
            if self._stored is None:
                operation = to_delete(key, self._terms, tell)
            else:
                text = crate.texts[place]
                operation = to_put(key, text, self._terms, tell, life=self._life)
            self._open[number] = operation
            operations.append(operation)
        return operations

    def _told(self, number: int, key: str, outcome: Answer | KvError) -> None:
        if isinstance(outcome, KvError):
            self._fail(key, outcome)
        else:
            self.done += 1
            self.found += isinstance(outcome, DeleteResponse) and outcome.found
        self._ended(1, self._open.pop(number).size_bytes)

    def _ended(self, count: int, size_bytes: int) -> None:
        self._open_count -= count
        self._open_bytes -= size_bytes
        assert self._open_bytes > 0 if self._open_count else self._open_bytes == 0
        self._changed.set()

    def _fail(self, key: object, error: KvError) -> None:
        self._failed += 1
        if len(self._failures) < _FAILURES_KEPT:
            self._failures[key if isinstance(key, str) else repr(key)] = error


@dataclass(eq=False, slots=True)
class _Row:
    """Keys that were asked for together, in a crate, and what came of them."""

    keys: list[str]
    outcomes: list[Answer | KvError | None]
    """Empty as long as nothing has come."""
    crate: Crate | None = None
    operations: list[Pending] = field(default_factory=list)
    """What the crate became, if it was unpacked."""
    given: int = 0
    """So many of the first were given to who asked."""

    @property
    def first(self) -> Answer | KvError | None:
        """What came of the first that was not given yet."""
        return self.outcomes[self.given] if self.outcomes else None


class ManyReads(Generic[V]):
    """The gets of one get_many, in their order. `form`: makes values of the texts that come."""

    def __init__(self, dispatcher: Dispatcher, terms: Allowance, form: Callable[[str], V]) -> None:
        self._dispatcher = dispatcher
        self._terms = terms
        self._form = form
        self._rows: deque[_Row] = deque()
        self._asked = 0
        self._limit = _FIRST_GETS
        self._got = self._got_bytes = 0
        self._changed = asyncio.Event()

    @property
    def room(self) -> int:
        """For how many keys more there is room."""
        return max(0, self._limit - self._asked)

    async def get(self, keys: Sequence[str], *, last: bool = False) -> list[tuple[str, V | None]]:
        """Ask for these, and return what came of the first of all; if there is room, maybe nothing.

        `last`: there are no more keys; with none asked for it returns nothing when all have come.
        Raises what the first in the row failed with.
        """
        deadline_s = self._dispatcher.deadline_s(self._terms)
        for key in keys:
            self._ask(key, deadline_s)
        while self._rows and (last or not self.room) and self._rows[0].first is None:
            self._changed.clear()
            await self._changed.wait()
        return self._come()

    def cancel(self) -> None:
        """Give up what has not come."""
        for row in self._rows:
            if row.crate is not None:
                self._dispatcher.drop(row.crate)
            for operation in row.operations:
                self._dispatcher.give_up(operation)

    def _ask(self, key: str, deadline_s: float) -> None:
        self._asked += 1
        try:
            size_bytes = ENVELOPE_BYTES + checked_key(key)
        except BadRequest as error:
            self._rows.append(_Row([key], [error]))
            return
        crate = self._rows[-1].crate if self._rows else None
        if crate is not None and self._dispatcher.takes(crate, size_bytes):
            crate.add(key, "", size_bytes, deadline_s)
            return
        row = _Row([], [])
        crate = Crate(Freight.GET, partial(self._settle, row), partial(self._unpack, row))
        crate.add(key, "", size_bytes, deadline_s)
        row.keys, row.crate = crate.keys, crate
        self._dispatcher.load(crate)
        self._rows.append(row)

    def _settle(self, row: _Row, _: Crate, answers: list[Any]) -> None:
        row.crate, row.outcomes = None, answers
        self._changed.set()

    def _unpack(self, row: _Row, _: Crate) -> list[Pending]:
        row.crate, row.outcomes = None, [None] * len(row.keys)
        row.operations = [
            to_get(key, self._terms, partial(self._told, row, place))
            for place, key in enumerate(row.keys)
        ]
        return row.operations

    def _told(self, row: _Row, place: int, outcome: Answer | KvError) -> None:
        row.outcomes[place] = outcome
        self._changed.set()

    def _come(self) -> list[tuple[str, V | None]]:
        """What came of those at the beginning of the row."""
        pairs: list[tuple[str, V | None]] = []
        while self._rows and (outcome := self._rows[0].first) is not None:
            row = self._rows[0]
            if isinstance(outcome, KvError):
                if pairs:
                    break  # next time
                raise outcome
            assert isinstance(outcome, GetResponse)
            text = outcome.value
            pairs.append((row.keys[row.given], self._form(text) if outcome.found else None))
            self._got_bytes += len(text)
            row.given += 1
            if row.given == len(row.keys):
                self._rows.popleft()
        self._asked -= len(pairs)
        self._widen(len(pairs))
        return pairs

    def _widen(self, count: int) -> None:
        """Let more be on their way, as far as values of the size seen so far leave room."""
        self._got += count
        if count:
            mean_bytes = max(1, self._got_bytes // self._got)
            fitting = max(_LEAST_GETS, _OPEN_BYTES // mean_bytes)
            self._limit = min(2 * self._limit, fitting, _OPEN_LIMIT)
