"""The judge of the faults, judged: it must find each lie that an engine may tell."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kvcluster.engines.contract import ReadOutcome, WriteDone, WriteOutcome
from kvcluster.errors import NotReady
from kvcluster.model.decision import Content
from kvcluster.model.operation import Operation
from tests.engines.load import GrowingLoad
from tests.engines.twin import Twin


class Forgetful(Twin):
    """Acknowledges, and loses every seventh write."""

    async def write(self, operations: Sequence[Operation], deadline_s: float) -> list[WriteOutcome]:
        """Not always."""
        before = {it.key: self.held.get(it.key) for it in operations}
        outcomes = await super().write(operations, deadline_s)
        for key, content in before.items():
            if self._last % 7 == 0 and content is not None:
                self.held[key] = content
        return outcomes


class TooSure(Twin):
    """Writes, and says now and then that it certainly did not."""

    async def write(self, operations: Sequence[Operation], deadline_s: float) -> list[WriteOutcome]:
        """All the same."""
        outcomes = await super().write(operations, deadline_s)
        if self._last % 5 == 0:
            return [NotReady("no leader") if isinstance(it, WriteDone) else it for it in outcomes]
        return outcomes


class Stale(Twin):
    """Reads what was there some time ago."""

    async def read(
        self, keys: Sequence[str], deadline_s: float, *, linearizable: bool
    ) -> list[ReadOutcome]:
        """Half of what is there."""
        found = await super().read(keys, deadline_s, linearizable=linearizable)
        return [
            Content(str(int(it.value) // 2)) if isinstance(it, Content) and it.value else it
            for it in found
        ]


@pytest.mark.parametrize("liar", [Forgetful, TooSure, Stale])
async def test_a_lie_is_found(liar: type[Twin]) -> None:
    """A judge that excuses it would excuse an engine."""
    load = GrowingLoad(liar(), writers=2)
    await load.succeed(100)
    await load.stop()
    assert load.wrong


async def test_an_honest_engine_is_not_accused() -> None:
    """Nor is one that refuses and does not know, if that is true."""

    class Honest(Twin):
        async def write(
            self, operations: Sequence[Operation], deadline_s: float
        ) -> list[WriteOutcome]:
            if self._last % 9 == 0:
                self._last += 1
                return [NotReady("not now")] * len(operations)
            return await super().write(operations, deadline_s)

    load = GrowingLoad(Honest())
    await load.succeed(300)
    await load.stop()
    assert load.wrong == []
