"""sqlite, in the process of its caller: what one disk gives without a network.

Its journal is a write-ahead log with `synchronous=FULL`, so a commit is fsynced. It has one writer:
whatever is put at once is put in turn.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from bench.load.client import VALUE, LoadClient
from bench.systems.system import Embedded

_IN_TRANSACTION = 1_000
_PUT = "INSERT OR REPLACE INTO pairs VALUES (?, ?)"


class Sqlite(Embedded):
    """sqlite."""

    kind = "sqlite"
    name = "sqlite"
    promise = "fsynced on one disk; no replicas, no network"

    @classmethod
    def version(cls) -> str:
        """That of the library in Python."""
        return sqlite3.sqlite_version


class Client(LoadClient):
    """One connection. It gives way to the event loop once a call, as any coroutine would."""

    async def open(self) -> None:
        """Make the table."""
        path = Path(self.spec["folder"][0]) / "pairs.sqlite"
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.execute("PRAGMA journal_mode=WAL")
        self._base.execute("PRAGMA synchronous=FULL")
        self._base.execute(
            "CREATE TABLE IF NOT EXISTS pairs (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"
        )

    async def close(self) -> None:
        """Close the file."""
        self._base.close()

    async def put(self, key: str) -> None:
        """A transaction of its own."""
        await asyncio.sleep(0)
        self._base.execute(_PUT, (key, VALUE))

    async def get(self, key: str) -> str | None:
        """A look at the table."""
        await asyncio.sleep(0)
        row = self._base.execute("SELECT value FROM pairs WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    async def put_many(self, keys: Iterable[str]) -> None:
        """A thousand in one transaction."""
        source = iter(keys)
        while some := list(itertools.islice(source, _IN_TRANSACTION)):
            self._base.execute("BEGIN")
            self._base.executemany(_PUT, ((key, VALUE) for key in some))
            self._base.execute("COMMIT")

    async def scan(self, prefix: str) -> int:
        """In order."""
        asked = "SELECT key, value FROM pairs WHERE key >= ? AND key < ? ORDER BY key"
        return sum(1 for _ in self._base.execute(asked, (prefix, prefix + "\U0010ffff")))
