"""A fake source: a cluster that answers as it is told, with no socket and no process.

`say` sets what the nodes answer. A node that is frozen gets its question and never answers. Keys
live in one dict; `at` is where replicas may hold something else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from kvcluster.client.answers import Deleted, Stored, Version
from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.errors import KvError
from kvcluster.view.health import View
from tests.view.views import REFUSED

from demo_pb2 import GetResponse, StatusResponse

VERSION = Version(bytes(12))


class FakeSource:
    """What the dashboard asks, and what it is told."""

    def __init__(self, *views: View) -> None:
        self.client = self
        self.asked: Counter[str] = Counter()
        self.on_their_way: Counter[str] = Counter()
        self.frozen: set[str] = set()
        self.store: dict[str, str] = {}
        self.at: dict[str, GetResponse | CallFailed] = {}
        self.may_read = asyncio.Event()
        """Reads at a replica go on when it is set."""
        self.may_read.set()
        self.error: KvError | None = None
        """What every put, get and delete ends with."""
        self.options: dict[str, Any] = {}
        """Those of the last put."""
        self.closed = False
        self._outcomes: dict[str, StatusResponse | CallFailed] = {}
        self.say(*views)

    def say(self, *views: View) -> None:
        """From now on this is all that is said; whoever is not in it is gone."""
        self._outcomes = {view.address: view.outcome for view in views}

    async def status(self, address: str) -> StatusResponse:
        """What it was told to say."""
        self.asked[address] += 1
        self.on_their_way[address] += 1
        try:
            if address in self.frozen:
                await asyncio.Event().wait()
            gone = CallFailed(FailureKind.UNREACHABLE, REFUSED, nothing_written=True)
            outcome = self._outcomes.get(address, gone)
            if isinstance(outcome, CallFailed):
                raise outcome
            return outcome
        finally:
            self.on_their_way[address] -= 1

    async def get_at(self, address: str, key: str) -> GetResponse:
        """What this replica holds."""
        await self.may_read.wait()
        if address in self.at:
            outcome = self.at[address]
            if isinstance(outcome, CallFailed):
                raise outcome
            return outcome
        value = self.store.get(key)
        return GetResponse(
            found=value is not None, value=value or "", version=VERSION, served_by=address
        )

    async def put(self, key: str, value: str, **options: Any) -> Stored:
        """Store it."""
        self.options = options
        self._fail()
        self.store[key] = value
        return Stored(VERSION, 3, 3, "localhost:50051")

    async def get(self, key: str) -> str | None:
        """Read it."""
        self._fail()
        return self.store.get(key)

    async def delete(self, key: str) -> Deleted:
        """Remove it."""
        self._fail()
        found = self.store.pop(key, None) is not None
        return Deleted(found, VERSION, 3, 2, "localhost:50051")

    async def close(self) -> None:
        """Nothing is left open."""
        self.closed = True

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error
