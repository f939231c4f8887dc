"""Liars: twins that tell one lie each, for the judge of the faults to find.

A liar lies once, and then has its next write of that key wait until somebody has looked. So each
lie is there to be seen, and is found because the load looks for it, not because it came often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from kvcluster.engines.contract import Mismatched, ReadOutcome, WriteOutcome
from kvcluster.errors import NotReady, TimedOut
from kvcluster.model.decision import NOTHING, Content
from kvcluster.model.operation import Operation
from tests.engines.twin import Twin

Writes = Sequence[Operation]
_HONEST_CALLS = 7
_FAR_TOO_LATE_S = 2.0


class Liar(Twin):
    """Honest, but for one call, of those that it may lie to."""

    def __init__(self, lies_to: Callable[[Writes], bool] = lambda operations: True) -> None:
        super().__init__()
        self._lies_to = lies_to
        self._calls_left = _HONEST_CALLS
        self._lied_about = ""
        self._looks: dict[str, asyncio.Event] = {}

    async def lie(self, operations: Writes, deadline_s: float) -> list[WriteOutcome]:
        """Carry it out as only this one does; what is a lie concerns the last key at least."""
        raise NotImplementedError

    async def write(self, operations: Writes, deadline_s: float) -> list[WriteOutcome]:
        """As the twin does it; once, as its kin do."""
        key = operations[-1].key
        if key == self._lied_about:
            self._lied_about = ""
            await self.is_looked_at(key)
        self._calls_left -= 1
        if self._calls_left > 0 or not self._lies_to(operations):
            return await super().write(operations, deadline_s)
        self._lies_to, self._lied_about = lambda operations: False, key
        return await self.lie(operations, deadline_s)

    async def read(self, keys: Sequence[str], deadline_s: float, **how: Any) -> list[ReadOutcome]:
        """As the twin does it."""
        for key in keys:
            if event := self._looks.pop(key, None):
                event.set()
        return await super().read(keys, deadline_s, **how)

    async def is_looked_at(self, key: str) -> None:
        """Return once somebody has read a key."""
        event = self._looks[key] = asyncio.Event()
        await event.wait()


class Forgetful(Liar):
    """Acknowledges a batch, and loses the last of it."""

    async def lie(self, operations: Writes, deadline_s: float) -> list[WriteOutcome]:
        """As if a failover had undone it."""
        before = self.held.get(operations[-1].key, NOTHING)
        outcomes = await Twin.write(self, operations, deadline_s)
        self.held[operations[-1].key] = before
        return outcomes


class TooSure(Liar):
    """Writes, and says that it certainly did not."""

    async def lie(self, operations: Writes, deadline_s: float) -> list[WriteOutcome]:
        """As if silence were a refusal."""
        await Twin.write(self, operations, deadline_s)
        return [NotReady("no leader") for _ in operations]


class Inventive(Liar):
    """Has what nobody put."""

    async def lie(self, operations: Writes, deadline_s: float) -> list[WriteOutcome]:
        """As if another had written it."""
        outcomes = await Twin.write(self, operations, deadline_s)
        self.held[operations[-1].key] = Content("1000000")
        return outcomes


class Wavering(Liar):
    """Shows what it has not acknowledged, and takes it back: nothing acknowledged is gone."""

    async def lie(self, operations: Writes, deadline_s: float) -> list[WriteOutcome]:
        """As a primary does whose standby has it not yet, and which dies."""
        before = self.held.get(operations[-1].key, NOTHING)
        await Twin.write(self, operations, deadline_s)
        await self.is_looked_at(operations[-1].key)
        self.held[operations[-1].key] = before
        await self.is_looked_at(operations[-1].key)
        return [TimedOut("it may be there") for _ in operations]


class Evasive(Liar):
    """Says that a condition did not hold, of a write that has none, or one that always holds."""

    async def lie(self, operations: Writes, deadline_s: float) -> list[WriteOutcome]:
        """Which is neither done, nor refused, nor unknown."""
        return [Mismatched(NOTHING) for _ in operations]


class SlowToWrite(Liar):
    """Forgets the deadline of a write."""

    async def lie(self, operations: Writes, deadline_s: float) -> list[WriteOutcome]:
        """Right, and too late: it can be told at once, and meanwhile the readers have gone on."""
        await _pass(deadline_s)
        self._lied_about = ""
        return await Twin.write(self, operations, deadline_s)


class SlowToRead(Twin):
    """Forgets the deadline of its first read."""

    has_read = False

    async def read(self, keys: Sequence[str], deadline_s: float, **how: Any) -> list[ReadOutcome]:
        """Right, and too late."""
        is_first, self.has_read = not self.has_read, True
        if is_first:
            await _pass(deadline_s)
        return await super().read(keys, deadline_s, **how)


class Stale(Twin):
    """Reads what was there some time ago, in calls that it may lie to: so many keys, and how."""

    def __init__(self, lies_to: Callable[[int, bool], bool]) -> None:
        super().__init__()
        self._lies_to = lies_to

    async def read(
        self, keys: Sequence[str], deadline_s: float, *, linearizable: bool
    ) -> list[ReadOutcome]:
        """Half of what is there."""
        found = await super().read(keys, deadline_s, linearizable=linearizable)
        if not self._lies_to(len(keys), linearizable):
            return found
        values = [int(getattr(it, "value", None) or 0) for it in found]
        return [Content(str(value // 2)) for value in values]


class Blind(Twin):
    """Answers no read."""

    async def read(self, keys: Sequence[str], deadline_s: float, **how: Any) -> list[ReadOutcome]:
        """Which is no lie, but one who saw nothing cannot say that all is well."""
        raise NotReady("not now")


async def _pass(deadline_s: float) -> None:
    late_s = deadline_s - asyncio.get_running_loop().time() + _FAR_TOO_LATE_S
    await asyncio.sleep(late_s)
