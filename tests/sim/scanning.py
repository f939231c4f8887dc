"""A slow reader of everything: scans as rows of short calls, while nodes come and go under them.

It does what the library does (kvcluster/client/paging.py), with its book-keeping: it ends a call
after a few messages, takes its time with what came, and goes on behind the last key at whatever
node. So a scan lasts as long as a fault does, and what one of its calls was told must not be lost
in the next. A scan with holes may leave out anything and says so; one that says nothing must have
every key that was there from its beginning to its end.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from kvcluster.client.scan_course import PartialPage, Range, ScanCourse
from kvcluster.errors import PeerUnavailable
from kvcluster.node import Node
from tests.sim.judge import Judge
from tests.sim.network import Network

from demo_pb2 import ScanRequest, ScanResponse

_EVERYTHING = Range("", "", None, keys_only=False)
_GIVES_UP_S = 6.0


class Scanning:
    """One client that scans, now and then."""

    def __init__(
        self,
        name: str,
        network: Network,
        judge: Judge,
        rng: random.Random,
        *,
        members: tuple[str, ...],
        log: Callable[[str, str], None],
    ) -> None:
        self._name = name
        self._network = network
        self._judge = judge
        self._rng = rng
        self._members = members
        self._log = log
        self._now_s = asyncio.get_running_loop().time
        self._pause_s = rng.choice([0.1, 1.0])
        self._work_s = rng.choice([0.0, 0.05, 0.3])
        """How long it works on a page."""
        self._page_keys = rng.choice([4, 10, 100])
        self._messages = rng.choice([1, 2, 100])
        """After so many it ends a call, as the library does when a page is large enough."""
        self._patience_s = rng.choice([0.0, 0.3, 1.0])
        """So long it waits for what is missing; for any answer at all it waits longer."""
        self._timeout_s = rng.choice([0.5, 2.0, 8.0])
        self._linger_s = rng.choice([0.0, 0.3])
        """How long it takes to read a message of a stream."""
        self.ended: Counter[str] = Counter()
        """How its scans did."""

    async def play(self, stopped: Callable[[], bool]) -> None:
        """Scan until stopped."""
        while not stopped():
            await asyncio.sleep(self._rng.expovariate(1 / self._pause_s))
            await self._scan(stopped)

    async def _scan(self, stopped: Callable[[], bool]) -> None:
        least = {key: self._judge.before_long_read(key) for key in self._judge.diary.by_key}
        course = ScanCourse(_EVERYTHING, self._page_keys)
        pairs: list[tuple[str, str]] = []
        while not course.ended:
            page = None if stopped() else await self._page(course)
            if page is None:
                self._end("given up", len(pairs))
                return
            course.take(page)
            pairs += page.pairs
            await asyncio.sleep(self._rng.expovariate(1 / self._work_s) if self._work_s else 0)
        self._end("with holes" if course.has_holes else "whole", len(pairs))
        self._judge.after_scan(pairs, least, complete=not course.has_holes)

    def _end(self, how: str, keys: int) -> None:
        self.ended[how] += 1
        self._log(f"{self._name}: scan: {keys} keys, {how}", "")

    async def _page(self, course: ScanCourse) -> PartialPage | None:
        """What a node answers, any that does; a page with holes only if there is no better one."""
        began_s = self._now_s()
        while self._now_s() < began_s + _GIVES_UP_S:
            page = await self._ask(self._rng.choice(self._members), course.request)
            late = course.has_holes or self._now_s() >= began_s + self._patience_s
            if page is not None and (late or not page.has_holes):
                return page
            await asyncio.sleep(0.1)
        return None

    async def _ask(self, node: str, request: ScanRequest) -> PartialPage | None:
        page = PartialPage()
        timeout_s = self._timeout_s

        async def answer(node: Node, request: Any) -> ScanResponse:
            """The first messages of the stream in one."""
            first = ScanResponse()
            deadline_s = asyncio.get_running_loop().time() + timeout_s
            async with aclosing(node.scan(request, deadline_s)) as messages:
                for _ in range(self._messages):
                    message = await anext(messages, None)
                    if message is None:
                        page.ended = True
                        break
                    first.MergeFrom(message)
                    await asyncio.sleep(self._linger_s)
            return first

        try:
            page.add(await self._network.call(self._name, node, "scan", request, answer, timeout_s))
        except PeerUnavailable as error:
            self._log(f"{self._name} at {node}: scan: {error}", "")
            return None
        return page
