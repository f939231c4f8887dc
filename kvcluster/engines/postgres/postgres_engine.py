"""PostgreSQL as an engine: a table on its primary. Here the contract meets the rest of this room.

**What it promises** beside the contract: a write is done once PostgreSQL has committed it, with as
many copies as its own settings ask for; of a call, plain puts stand or fall together. A
linearizable read is one as long as there is one primary, which is its failover manager's duty (it
shuts off the old one); with synchronous replication it is one even then, since a read waits for the
standby as a commit does. Without that a failover loses writes, and no read can mend it.

**One gateway, one set of links.** Nothing is kept here that another gateway would miss: which host
is the primary, and whether the table was seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from kvcluster.config import MIB
from kvcluster.engines.address import EngineAddress
from kvcluster.engines.contract import (
    EngineMember,
    EnginePage,
    EngineState,
    ReadOutcome,
    Traits,
    WriteOutcome,
)
from kvcluster.engines.postgres.postgres_calls import PostgresCalls
from kvcluster.engines.postgres.postgres_copies import awaited
from kvcluster.engines.postgres.postgres_door import PostgresDoor, spelled
from kvcluster.engines.postgres.postgres_failures import KIND
from kvcluster.engines.postgres.postgres_hosts import PostgresHosts, PostgresView
from kvcluster.engines.postgres.postgres_reading import PostgresReading
from kvcluster.engines.postgres.postgres_statements import PostgresStatements
from kvcluster.engines.postgres.postgres_table import OLDEST, PostgresTable, checked_name
from kvcluster.engines.postgres.postgres_writing import PostgresWriting
from kvcluster.errors import NotReady
from kvcluster.model.operation import Operation

VALUE_LIMIT_BYTES = 64 * MIB
"""A value of PostgreSQL may be 1 GiB; with its copies on the way this is what a process bears."""


class PostgresEngine:
    """A primary and its standbys."""

    traits = Traits(KIND, VALUE_LIMIT_BYTES, linearizable=True)

    def __init__(self, address: EngineAddress) -> None:
        """Connects to nobody. Raises CannotStart."""
        self._name = name = checked_name(address.options["table"])
        statements = PostgresStatements(name)
        self._hosts = PostgresHosts(PostgresDoor(address))
        self._table = PostgresTable(name)
        self._calls = PostgresCalls(self._hosts)
        self._writing = PostgresWriting(self._calls, self._hosts, statements)
        self._reading = PostgresReading(self._calls, statements)

    def where(self, key: str) -> str:
        """Where a key lives, for people."""
        primary = self._hosts.primary
        at = f", on the primary {spelled(primary.host)}" if primary else ""
        return f"in the table {self._name}{at}"

    async def open(self) -> None:
        """Nothing is needed: connections are made when they are wanted."""

    async def close(self) -> None:
        """Close every connection."""
        await self._hosts.close()

    async def probe(self, deadline_s: float) -> EngineState:
        """See who is the primary, and the first time make the table. Raises NotReady."""
        await self._hosts.look(deadline_s)
        pools = self._hosts.primary
        if pools is None:
            raise NotReady(self._hosts.why_none())
        views = list(self._hosts.views.values())
        view = self._hosts.views[pools.host]
        if view.why_silent:
            raise NotReady(f"{KIND}: the primary is silent: {view.why_silent}")
        if view.version < OLDEST:
            raise NotReady(f"{KIND}: {spelled(view.host)} is {view.version_text}, older than 13")
        if self._calls.must_prepare:
            await self._table.prepare(pools, deadline_s)
            self._calls.must_prepare = False
        members = tuple(map(self._member, views))
        return EngineState(view.version_text, members, self._trouble(view, views))

    def _member(self, view: PostgresView) -> EngineMember:
        name = spelled(view.host)
        if view.why_silent:
            return EngineMember(name, "silent", reachable=False, detail=view.why_silent)
        if view.is_standby:
            return EngineMember(name, "standby")
        if self._hosts.is_old(view):
            return EngineMember(name, "old primary", detail=f"of timeline {view.timeline}")
        follow = f"{view.streaming} follow" if view.sees_standbys else "pg_monitor would see more"
        detail = f"commits wait for {awaited(view.waits)} standbys; {follow}"
        return EngineMember(name, "primary", detail=detail)

    def _trouble(self, primary: PostgresView, views: Sequence[PostgresView]) -> str:
        told = [view.why_silent for view in views if view.why_silent]
        for view in filter(self._hosts.is_old, views):
            told.append(f"{spelled(view.host)} was replaced, and still says that it is the primary")
        waits = awaited(primary.waits)
        if primary.sees_standbys and waits > primary.streaming:
            told.append(f"commits wait for {waits} standbys, and {primary.streaming} follow")
        return "; ".join(told)

    async def write(self, operations: Sequence[Operation], deadline_s: float) -> list[WriteOutcome]:
        """Puts and deletes, with or without conditions."""
        return await self._writing.write(operations, deadline_s)

    async def read(
        self, keys: Sequence[str], deadline_s: float, *, linearizable: bool
    ) -> list[ReadOutcome]:
        """What keys have."""
        return await self._reading.read(keys, deadline_s, linearizable=linearizable)

    async def page(
        self, prefix: str, after: str, limit: int, *, keys_only: bool, deadline_s: float
    ) -> EnginePage:
        """Pairs in order."""
        return await self._reading.page(
            prefix, after, limit, keys_only=keys_only, deadline_s=deadline_s
        )

    async def count(self, deadline_s: float) -> int:
        """About how many keys have a value."""
        return await self._reading.count(deadline_s)

    async def sweep(self, deadline_s: float) -> int:
        """Remove some of what nobody sees any more."""
        return await self._reading.sweep(deadline_s)
