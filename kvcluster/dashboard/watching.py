"""Watching: asks every node how it is, again and again, and keeps what was heard.

A look never waits for a node. It sends a question to each node that has none on its way, waits a
moment for those that answer at once, and is over; what comes later is in the next look. So a frozen
node costs one open question, however long it is silent, and delays nobody.

The key that is followed is read in the same rhythm, by the same rule.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from functools import partial
from typing import Any, TypeVar

from kvcluster.client.failure import CallFailed
from kvcluster.dashboard.events import Log, changes
from kvcluster.dashboard.following import Followed
from kvcluster.dashboard.hearing import PATIENCE_S, Heard, strangers, views
from kvcluster.dashboard.look import Look, take
from kvcluster.dashboard.source import Source

_GRACE_S = 0.1
"""How long a look waits for a node that was silent, and may be back."""

T = TypeVar("T")


class Watching:
    """What is known, and the questions on their way. Used in one event loop."""

    def __init__(self, source: Source, nodes: tuple[str, ...]) -> None:
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._heard: dict[str, Heard] = {}
        self._questions: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._broken: BaseException | None = None
        self.now: Look | None = None
        """The last look."""
        self.log = Log()
        self.followed: Followed | None = None
        """The key that is read at its replicas in every look."""
        for node in nodes:
            self._know(node)

    async def look(self) -> Look:
        """Ask all nodes and, soon after, say how the cluster is."""
        self._ask(list(self._heard))
        self._read_key()
        await self._for_a_moment()
        if new := strangers(self._heard.values()):
            for node in new:
                self._know(node)
            self._ask(new)
            await self._for_a_moment()
        known = views(list(self._heard.values()), self._loop.time())
        found = take(known, self.now, time.time())
        self.log.add(found.now_s, changes(self.now, found))
        self.now = found
        return found

    def follow(self, key: str) -> None:
        """Read this key at its replicas from now on; an empty one ends it."""
        self.followed = self._placed(key) if key else None

    async def close(self) -> None:
        """Give up every question."""
        tasks = list(self._questions.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _know(self, node: str) -> None:
        self._heard[node] = Heard(node, node, self._loop.time())

    def _ask(self, nodes: list[str]) -> None:
        for node in nodes:
            if (node, "status") not in self._questions:
                self._heard[node] = self._heard[node].ask(self._loop.time())
                self._begin(node, "status", self._hear(node))

    def _read_key(self) -> None:
        if self.followed is None:
            return
        placed = self._placed(self.followed.key)
        if self.followed != placed:  # the nodes were started with another R, say
            self.followed = placed
        for replica in self.followed.replicas:
            if (replica, "key") not in self._questions:
                self._begin(replica, "key", self._see(replica, self.followed))

    def _placed(self, key: str) -> Followed:
        return Followed.of(key, self.now.configuration if self.now else None)

    def _begin(self, node: str, kind: str, question: Coroutine[Any, Any, None]) -> None:
        assert (node, kind) not in self._questions  # its end would be taken for that of this one
        task = asyncio.create_task(question)
        self._questions[node, kind] = task
        task.add_done_callback(partial(self._ended, (node, kind)))

    def _ended(self, question: tuple[str, str], task: asyncio.Task[None]) -> None:
        if self._questions.get(question) is task:  # else the next one is on its way already
            del self._questions[question]
        if not task.cancelled():
            self._broken = task.exception() or self._broken

    async def _hear(self, node: str) -> None:
        outcome = await _outcome(self._source.status(node))
        self._heard[node] = self._heard[node].hear(outcome, self._loop.time())

    async def _see(self, node: str, followed: Followed) -> None:
        followed.seen[node] = await _outcome(self._source.get_at(node, followed.key))

    async def _for_a_moment(self) -> None:
        """Wait for what is on its way, but hardly for those that are known to be silent."""
        now_s = self._loop.time()
        silent = [heard for heard in self._heard.values() if heard.silent(now_s)]
        late = {name for heard in silent for name in (heard.address, heard.name)}
        awaited = [task for (node, _), task in self._questions.items() if node not in late]
        if awaited:
            await asyncio.wait(awaited, timeout=PATIENCE_S)
        if self._questions:
            await asyncio.wait(self._questions.values(), timeout=_GRACE_S)
        if self._broken is not None:
            raise self._broken  # a bug of ours; shown as a node that is silent it would blame it


async def _outcome(question: Awaitable[T]) -> T | CallFailed:
    try:
        return await question
    except CallFailed as failure:
        return failure
