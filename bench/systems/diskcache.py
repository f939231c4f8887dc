"""diskcache, in the process of its caller: a dictionary on sqlite, as programs in Python like it.

By default it leaves the fsync to the next checkpoint of its journal; here it is told to do one for
each write (`sqlite_synchronous=2`), and never to throw anything away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.load.client import VALUE, LoadClient
from bench.systems.system import Embedded

_FULL = 2
_LARGEST_BYTES = 1 << 40


class DiskCache(Embedded):
    """diskcache."""

    kind = "diskcache"
    name = "diskcache"
    promise = "fsynced on one disk; no replicas, no network"
    needs_packages = ("diskcache",)

    @classmethod
    def version(cls) -> str:
        """That of the package."""
        return version("diskcache")


class Client(LoadClient):
    """One Cache. It gives way to the event loop once a call, as any coroutine would."""

    async def open(self) -> None:
        """Make its folder."""
        import diskcache

        folder = Path(self.spec["folder"][0]) / "cache"
        self._cache: Any = diskcache.Cache(
            str(folder),
            sqlite_synchronous=_FULL,
            size_limit=_LARGEST_BYTES,
            eviction_policy="none",
        )

    async def close(self) -> None:
        """Close its file."""
        self._cache.close()

    async def put(self, key: str) -> None:
        """A transaction of its own."""
        await asyncio.sleep(0)
        self._cache.set(key, VALUE)

    async def get(self, key: str) -> str | None:
        """A look at the table."""
        await asyncio.sleep(0)
        value: str | None = self._cache.get(key)
        return value

    async def put_many(self, keys: Iterable[str]) -> None:
        """In one transaction."""
        with self._cache.transact():
            for key in keys:
                self._cache.set(key, VALUE)
