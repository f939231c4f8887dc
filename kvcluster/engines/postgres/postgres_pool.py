"""A pool: the links to one host, so many at most, made when they are wanted.

A link whose statement nobody waits for any more keeps its place until that has ended. So a server
that hangs (commits that wait for a standby which is gone, a lock that somebody holds) has so many
statements of ours and never more, and who comes then is told that certainly nothing was written.

Rejected: the driver's own pool. It asks the server to reset each connection that is given back,
which costs a round trip, and cancels the statement of one that was given up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from kvcluster.engines.postgres.postgres_failures import KIND
from kvcluster.engines.postgres.postgres_link import PostgresLink
from kvcluster.errors import NotReady, TooLate

LINKS = 8
"""In each pool. More: more statements side by side, and more processes on the server."""


class PostgresPool:
    """Links to one host."""

    def __init__(
        self, where: str, connect: Callable[[float], Awaitable[PostgresLink]], links: int = LINKS
    ) -> None:
        self.where = where
        self._connect = connect
        self._places = links
        self._idle: list[PostgresLink] = []
        self._used: set[PostgresLink] = set()
        self._left: set[PostgresLink] = set()
        """Still busy, though nobody waits for what they do; each has a place."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_closed = False

    async def take(self, deadline_s: float) -> PostgresLink:
        """A link that is fit. Raises NotReady, TooLate."""
        await self._take_place(deadline_s)
        try:
            link = self._fit() or await self._connect(deadline_s)
        except BaseException:
            self._free_place()
            raise
        if self._is_closed:
            link.end()
            raise self._gone()
        self._used.add(link)
        return link

    def _fit(self) -> PostgresLink | None:
        """The one that was used last, since its caches are warm."""
        while self._idle:
            link = self._idle.pop()
            if link.is_fit:
                return link
        return None

    def give_back(self, link: PostgresLink) -> None:
        """Take a link back, in whatever state it is."""
        self._used.discard(link)
        if link.is_busy:
            self._left.add(link)
            link.when_free(lambda: self._return(link))
        else:
            self._return(link)

    def _return(self, link: PostgresLink) -> None:
        self._left.discard(link)
        if self._is_closed:
            link.end()
            return
        if link.is_fit:
            self._idle.append(link)
        self._free_place()

    async def _take_place(self, deadline_s: float) -> None:
        if self._is_closed:
            raise self._gone()
        left_s = deadline_s - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise TooLate(f"{KIND}: the time was over before anything was sent")
        if self._places:
            self._places -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await asyncio.wait((waiter,), timeout=left_s)
        except asyncio.CancelledError:
            if waiter.done() and not waiter.exception():
                self._free_place()
            waiter.cancel()
            raise
        if not waiter.done():
            waiter.cancel()
            raise TooLate(f"{KIND}: {self.where} is still busy with what was sent before")
        waiter.result()

    def _free_place(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._places += 1

    def shed(self) -> None:
        """Close what nobody waits for, for the host was silent: it may be gone for good."""
        idle, self._idle = self._idle, []
        for link in (*idle, *self._left):
            link.end()

    def close(self) -> None:
        """Close all, also what is under way. Who waits is told to look elsewhere."""
        self._is_closed = True
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(self._gone())
        for link in (*self._idle, *self._used, *self._left):
            link.end()

    def _gone(self) -> NotReady:
        return NotReady(f"{KIND}: {self.where} is the primary no more")
