"""A call: one statement, carried out at the primary within its deadline, whoever that is.

What is certain not to have been done may be tried again: no connection came about, the host is a
standby by now, a deadlock was resolved at our cost. **A write that may have been delivered is never
sent again**, not even a plain put: the first one may still arrive, after somebody wrote anew. A
read is asked again as long as there is time.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from kvcluster.engines.postgres.postgres_failures import PostgresNext, failure_of, row_of
from kvcluster.engines.postgres.postgres_hosts import PostgresHosts, PostgresPools
from kvcluster.engines.postgres.postgres_pool import PostgresPool
from kvcluster.errors import ConnectionLost, KvError, NothingWritten, NotReady, TimedOut

_REST_S = 0.02
"""Before a statement that collided is tried again; more each time."""
_RETRIES = 8


class PostgresCalls:
    """Carries out statements."""

    def __init__(self, hosts: PostgresHosts) -> None:
        self._hosts = hosts
        self.must_prepare = True
        """Whether the table must be looked at, and perhaps made, before the next statement."""

    async def write(self, sql: str, *given: Any, deadline_s: float) -> list[asyncpg.Record]:
        """A statement that writes, or a read that takes part in commits. Raises NothingWritten's
        kin only if it certainly did nothing, else OutcomeUnknown's.
        """
        attempt = 0
        while True:
            attempt += 1
            pools = await self._hosts.pools(deadline_s)
            try:
                return await self._once(pools.writing, sql, given, deadline_s)
            except _Refused as refused:
                if not await self._may_again(refused, pools, attempt, deadline_s):
                    raise refused.told from None

    async def read(
        self, sql: str, *given: Any, deadline_s: float, last: bool = False
    ) -> list[asyncpg.Record]:
        """A statement that reads; `last`: nothing older may be read afterwards. Raises NotReady,
        TimedOut.
        """
        loop = asyncio.get_running_loop()
        while True:
            pools = await self._hosts.pools(deadline_s)
            try:
                if last:
                    return await self.write(sql, *given, deadline_s=deadline_s)
                return await self._once(pools.reading, sql, given, deadline_s)
            except (_Refused, KvError) as error:
                told = error.told if isinstance(error, _Refused) else error
            if loop.time() >= deadline_s or isinstance(told, TimedOut):
                raise TimedOut(str(told)) from None
            is_lost = isinstance(told, ConnectionLost)
            if not is_lost and not await self._hosts.has_moved(pools, deadline_s):
                raise told if isinstance(told, NotReady) else NotReady(str(told)) from None
            await asyncio.sleep(_REST_S)

    async def _once(
        self, pool: PostgresPool, sql: str, given: tuple[Any, ...], deadline_s: float
    ) -> list[asyncpg.Record]:
        try:
            link = await pool.take(deadline_s)
        except NotReady as error:
            raise _Refused(error, PostgresNext.LOOK) from None
        try:
            return await link.ask(sql, *given, deadline_s=deadline_s)
        except KvError:
            raise
        except Exception as error:
            raise self._judged(error, link.where) from None
        finally:
            pool.give_back(link)

    def _judged(self, error: Exception, where: str) -> Exception:
        """What to raise for what the driver raised."""
        row, told = row_of(error), failure_of(error, where)
        self.must_prepare |= row.then is PostgresNext.PREPARE
        if isinstance(told, NothingWritten):
            return _Refused(told, row.then)
        if row.then is PostgresNext.LOOK:
            self._hosts.look_soon()
        return told

    async def _may_again(
        self, refused: _Refused, pools: PostgresPools, attempt: int, deadline_s: float
    ) -> bool:
        """Whether what certainly did nothing is worth another attempt; rests if so."""
        if refused.then is PostgresNext.LOOK:
            return await self._hosts.has_moved(pools, deadline_s)
        if refused.then is not PostgresNext.AGAIN or attempt > _RETRIES:
            return False
        rest_s = _REST_S * attempt
        if asyncio.get_running_loop().time() + rest_s >= deadline_s:
            return False
        await asyncio.sleep(rest_s)
        return True


class _Refused(Exception):
    """Nothing was done, for certain."""

    def __init__(self, told: KvError, then: PostgresNext) -> None:
        super().__init__(str(told))
        self.told = told
        self.then = then
