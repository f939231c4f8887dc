"""Many: writing and getting any number of keys, of which only a few are on their way at a time.

The source may be a generator without end. So what is taken from it and not yet done is bounded, in
number and in bytes: enough for the next batches to be full, and no more. The two here know nothing
of iterables; the clients, which may be asynchronous or not, take from the source and hand over.

`ManyWrites` counts, and notes what failed. `ManyReads` keeps the order of the keys.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from kvcluster.client.dispatcher import Dispatcher
from kvcluster.client.pending import Answer, Pending, Tell
from kvcluster.config import MIB
from kvcluster.errors import BadRequest, KvError, SomeFailed

from demo_pb2 import DeleteResponse, GetResponse

_OPEN_LIMIT = 4_000
_OPEN_BYTES = 16 * MIB
_FIRST_GETS, _LEAST_GETS = 64, 8
_FAILURES_KEPT = 1_000

V = TypeVar("V")

MakeWrite = Callable[[str, Any, Tell], Pending]
MakeGet = Callable[[str, Tell], Pending]


class ManyWrites:
    """The puts of one put_many, or the deletes of one delete_many."""

    def __init__(self, dispatcher: Dispatcher, make: MakeWrite, *, deletes: bool) -> None:
        self._dispatcher = dispatcher
        self._make = make
        self._deletes = deletes
        self._open: dict[int, Pending] = {}
        self._open_bytes = 0
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
        for key, value in pairs:
            number = next(self._numbers)
            try:
                operation = self._make(key, value, partial(self._told, number, key))
            except BadRequest as error:
                self._fail(key, error)
                continue
            self._dispatcher.start(operation)
            self._open[number] = operation
            self._open_bytes += operation.size_bytes
            await self._until(_OPEN_LIMIT, _OPEN_BYTES)

    async def finish(self, failure: Exception | None) -> None:
        """Wait for the last, also where the source failed. Raises that, or SomeFailed."""
        await self._until(1, 1)
        if failure is not None:
            raise failure
        if self._failed:
            found = self.found if self._deletes else None
            raise SomeFailed(self.done, self._failed, self._failures, found)

    def cancel(self) -> None:
        """Give up what has not ended. What is on its way may still happen."""
        for operation in self._open.values():
            self._dispatcher.give_up(operation)

    async def _until(self, limit: int, limit_bytes: int) -> None:
        while len(self._open) >= limit or self._open_bytes >= limit_bytes:
            self._changed.clear()
            await self._changed.wait()

    def _told(self, number: int, key: str, outcome: Answer | KvError) -> None:
        self._open_bytes -= self._open.pop(number).size_bytes
        assert self._open_bytes > 0 if self._open else self._open_bytes == 0
        if isinstance(outcome, KvError):
            self._fail(key, outcome)
        else:
            self.done += 1
            self.found += isinstance(outcome, DeleteResponse) and outcome.found
        self._changed.set()

    def _fail(self, key: object, error: KvError) -> None:
        self._failed += 1
        if len(self._failures) < _FAILURES_KEPT:
            self._failures[key if isinstance(key, str) else repr(key)] = error


@dataclass(eq=False, slots=True)
class _Asked:
    """A key that was asked for."""

    key: str
    operation: Pending | None = None
    outcome: Answer | KvError | None = None


class ManyReads(Generic[V]):
    """The gets of one get_many, in their order. `form`: makes values of the texts that come."""

    def __init__(self, dispatcher: Dispatcher, make: MakeGet, form: Callable[[str], V]) -> None:
        self._dispatcher = dispatcher
        self._make = make
        self._form = form
        self._asked: deque[_Asked] = deque()
        self._limit = _FIRST_GETS
        self._got = self._got_bytes = 0
        self._changed = asyncio.Event()

    @property
    def room(self) -> int:
        """For how many keys more there is room."""
        return max(0, self._limit - len(self._asked))

    async def get(self, keys: Sequence[str], *, last: bool = False) -> list[tuple[str, V | None]]:
        """Ask for these, and return what came of the first of all; if there is room, maybe nothing.

        `last`: there are no more keys; with none asked for it returns nothing when all have come.
        Raises what the first in the row failed with.
        """
        for key in keys:
            self._ask(key)
        while self._asked and (last or not self.room) and self._asked[0].outcome is None:
            self._changed.clear()
            await self._changed.wait()
        return self._come()

    def cancel(self) -> None:
        """Give up what has not come."""
        for asked in self._asked:
            if asked.operation is not None:
                self._dispatcher.give_up(asked.operation)

    def _ask(self, key: str) -> None:
        asked = _Asked(key)
        self._asked.append(asked)
        try:
            asked.operation = self._make(key, partial(self._told, asked))
        except BadRequest as error:
            asked.outcome = error
        else:
            self._dispatcher.start(asked.operation)

    def _told(self, asked: _Asked, outcome: Answer | KvError) -> None:
        asked.outcome = outcome
        self._changed.set()

    def _come(self) -> list[tuple[str, V | None]]:
        """What came of those at the beginning of the row."""
        pairs: list[tuple[str, V | None]] = []
        while self._asked and self._asked[0].outcome is not None:
            outcome = self._asked[0].outcome
            if isinstance(outcome, KvError):
                if pairs:
                    break  # next time
                raise outcome
            assert isinstance(outcome, GetResponse)
            value = self._form(outcome.value) if outcome.found else None
            pairs.append((self._asked.popleft().key, value))
            self._got_bytes += len(outcome.value)
        self._widen(len(pairs))
        return pairs

    def _widen(self, count: int) -> None:
        """Let more be on their way, as far as values of the size seen so far leave room."""
        self._got += count
        if count:
            mean_bytes = max(1, self._got_bytes // self._got)
            fitting = max(_LEAST_GETS, _OPEN_BYTES // mean_bytes)
            self._limit = min(2 * self._limit, fitting, _OPEN_LIMIT)
