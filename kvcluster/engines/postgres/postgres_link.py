"""A link: one connection to PostgreSQL, which nobody interrupts.

The driver ends a call that takes too long, or that was cancelled, by asking the server to cancel
the statement. If that is a commit that waits for its standby, the server stops waiting, keeps the
commit on the primary alone, and says that it succeeded. So here a statement is never cancelled:
who waits for it goes away, it goes on in a task of its own, and the link is fit again afterwards.
Nor is the connection closed meanwhile: the server would not notice, and another connection in its
place would be one more behind the same lock, until it takes none any more.

**A warning is an outcome that is not known.** It is how the server says that somebody else made it
stop waiting for standbys. Its text is in the server's language, so every warning counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg

from kvcluster.engines.postgres.postgres_failures import KIND
from kvcluster.errors import ConnectionLost, OutcomeUnknown, TimedOut, as_told

_WARNING = "WARNING"


class PostgresLink:
    """One connection, and the statement that it carries."""

    def __init__(self, connection: Any, where: str) -> None:
        self.where = where
        self._connection = connection
        self._asking: asyncio.Future[list[asyncpg.Record]] | None = None
        self._warning = ""
        connection.add_log_listener(self._notice)

    @property
    def is_fit(self) -> bool:
        """Whether it may be asked something."""
        return self._asking is None and not self._connection.is_closed()

    @property
    def is_busy(self) -> bool:
        """Whether a statement is under way on it, though nobody may wait for it any more."""
        return self._asking is not None

    def when_free(self, then: Callable[[], None]) -> None:
        """Have something called when the statement has ended that is under way."""
        assert self._asking is not None
        self._asking.add_done_callback(lambda _: then())

    async def ask(self, sql: str, *given: Any, deadline_s: float) -> list[asyncpg.Record]:
        """Carry out one statement, a transaction of its own. Raises what the driver raises, and
        TimedOut, after which it goes on.
        """
        rows: list[asyncpg.Record] = await self._finish(
            self._connection.fetch(sql, *given), deadline_s
        )
        return rows

    async def run(self, script: str, *, deadline_s: float) -> None:
        """Carry out several statements without arguments, in one transaction."""
        await self._finish(self._connection.execute(script), deadline_s)

    async def _finish(self, call: Any, deadline_s: float) -> Any:
        assert self._asking is None, "one statement at a time"
        loop = asyncio.get_running_loop()
        self._warning = ""
        asking = self._asking = asyncio.ensure_future(call)
        asking.add_done_callback(self._ended)
        await asyncio.wait((asking,), timeout=max(0.0, deadline_s - loop.time()))
        if not asking.done():
            raise TimedOut(f"{KIND}: {self.where} did not answer in time")
        if asking.cancelled():
            raise ConnectionLost(f"{KIND}: the connection to {self.where} was closed")
        rows = asking.result()
        if self._warning:
            raise OutcomeUnknown(f"{KIND}: {self.where} warns: {as_told(self._warning)}")
        return rows

    def _ended(self, asked: asyncio.Future[Any]) -> None:
        self._asking = None
        if not asked.cancelled():
            asked.exception()  # looked at, so that asyncio does not miss somebody who does

    def _notice(self, _connection: object, message: Any) -> None:
        if (message.severity_en or message.severity) == _WARNING:
            self._warning = message.message

    def end(self) -> None:
        """Close it at once. What is under way on it ends as a connection that was lost."""
        self._connection.terminate()
