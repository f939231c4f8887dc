"""Reading: keys, pages, a count, and the removal of what nobody sees any more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kvcluster.engines.contract import EnginePage, ReadOutcome
from kvcluster.engines.postgres.postgres_calls import PostgresCalls
from kvcluster.engines.postgres.postgres_rows import content_of
from kvcluster.engines.postgres.postgres_statements import TOMBSTONE_MS, PostgresStatements
from kvcluster.errors import KvError, NotReady, TimedOut
from kvcluster.model.decision import NOTHING

_BEHIND_ALL = b"\xff"
"""No key begins so: it is in no UTF-8."""
_SWEEP_ROWS = 1_000
"""In one transaction. More: somebody who puts such a key anew waits for longer."""
_SWEEP_S = 1.0


class PostgresReading:
    """Carries out what does not write for a caller."""

    def __init__(self, calls: PostgresCalls, statements: PostgresStatements) -> None:
        self._calls = calls
        self._sql = statements

    async def read(
        self, keys: Sequence[str], deadline_s: float, *, linearizable: bool
    ) -> list[ReadOutcome]:
        """What keys have, in their order."""
        asked = [key.encode() for key in keys]
        sql = self._sql.read_last if linearizable else self._sql.read
        rows = await self._calls.read(sql, asked, deadline_s=deadline_s, last=linearizable)
        held = {row["key"]: content_of(row) for row in rows}
        return [held.get(key, NOTHING) for key in asked]

    async def page(
        self, prefix: str, after: str, limit: int, *, keys_only: bool, deadline_s: float
    ) -> EnginePage:
        """One page. A row more than asked for says whether there is another."""
        first = prefix.encode()
        given = (after.encode(), first, _behind(first), limit + 1)
        sql = self._sql.page_of_keys if keys_only else self._sql.page
        rows = await self._calls.read(sql, *given, deadline_s=deadline_s)
        pairs = [(row["key"].decode(), row["value"].decode(), row["expires_ms"]) for row in rows]
        page = pairs[:limit]
        has_more = bool(rows) and rows[0]["total"] > len(page)
        return EnginePage(page, page[-1][0] if has_more else None)

    async def count(self, deadline_s: float) -> int:
        """The keys that have a value, or an estimate where they are many."""
        ((row),) = await self._calls.read(self._sql.count, deadline_s=deadline_s)
        return int(row["keys"])

    async def sweep(self, deadline_s: float) -> int:
        """Remove rows that are long dead, piece by piece, for a moment."""
        loop = asyncio.get_running_loop()
        removed, until_s = 0, min(deadline_s, loop.time() + _SWEEP_S)
        while True:
            given = (TOMBSTONE_MS, _SWEEP_ROWS)
            try:
                rows = await self._calls.write(self._sql.sweep, *given, deadline_s=deadline_s)
            except TimedOut:
                raise
            except KvError as error:  # it may have removed some, and does no harm again
                raise NotReady(str(error)) from None
            removed += len(rows)
            if len(rows) < _SWEEP_ROWS or loop.time() >= until_s:
                return removed


def _behind(prefix: bytes) -> bytes:
    """The least bytes behind all keys that begin so. A byte of UTF-8 is never the largest."""
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else _BEHIND_ALL
