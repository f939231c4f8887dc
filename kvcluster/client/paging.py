"""Paging: a scan as a row of short calls, so that it survives the death of any node on the way.

Each call asks for a page behind the last key that was received. Whatever breaks a call, what came
before it counts, and the next one, at another node, goes on there: nothing comes twice, nothing is
left out. A page is received whole before it is handed over, so a program may take its time with it
and no call stands open meanwhile; a page of large values is cut where it gets too large to keep.

The timeout is for each page: a scan of a million keys may take longer than any answer should.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Any

import grpc

from kvcluster.client.failure import Kind
from kvcluster.client.nodes import Nodes
from kvcluster.client.replies import Refusal, refusal_in
from kvcluster.client.retrying import RetryBudget, rest_s
from kvcluster.config import MIB
from kvcluster.errors import BadRequest, Incomplete, Unavailable

from demo_pb2 import ScanRequest, ScanResponse

_PAGE_KEYS = 2_000
_PAGE_BYTES = 4 * MIB
_SILENT_S = 1.0
_UNREADABLE = Refusal(Kind.BROKEN, "its answer cannot be read", nothing_written=True)
_SILENT = Refusal(
    Kind.TIMED_OUT,
    f"no answer within {_SILENT_S:g} s; it may be frozen or cut off",
    nothing_written=True,
)

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Range:
    """Which keys a scan is for."""

    prefix: str
    start_after: str
    limit: int | None
    """At most so many; None: all."""
    keys_only: bool

    def after(self, pairs: list[Pair]) -> Range:
        """What is left when these have come."""
        left = None if self.limit is None else self.limit - len(pairs)
        return replace(self, start_after=pairs[-1][0], limit=left) if pairs else self

    @property
    def request(self) -> ScanRequest:
        """What a node is asked for the next page."""
        limit = _PAGE_KEYS if self.limit is None else min(self.limit, _PAGE_KEYS)
        return ScanRequest(
            prefix=self.prefix, start_after=self.start_after, limit=limit, keys_only=self.keys_only
        )


@dataclass(slots=True)
class _Page:
    """What came of one call."""

    pairs: list[Pair] = field(default_factory=list)
    size_bytes: int = 0
    ended: bool = False
    """The node has said all that it was asked for."""
    missing_slots: int = 0
    missing_nodes: tuple[str, ...] = ()
    refusal: Refusal | None = None

    def add(self, message: ScanResponse) -> None:
        """A message of the stream."""
        self.pairs += [(pair.key, pair.value) for pair in message.pairs]
        self.size_bytes += message.ByteSize()
        if message.missing_slots or message.missing_nodes:
            self.missing_slots = message.missing_slots
            self.missing_nodes = tuple(message.missing_nodes)


class Paging:
    """One scan."""

    def __init__(self, nodes: Nodes, budget: RetryBudget, what: Range, timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._nodes = nodes
        self._budget = budget
        self._left = what
        self._timeout_s = timeout_s
        self._start_anew()
        self._missing_slots = 0
        self._missing_nodes: set[str] = set()

    async def pages(self) -> AsyncGenerator[list[Pair], None]:
        """The pages, none of them empty.

        Raises BadRequest, Unavailable and, at the end, Incomplete.
        """
        while self._left.limit != 0:
            request = self._left.request
            page = await self._next_page(request)
            if page.pairs:
                self._left = self._left.after(page.pairs)
                yield page.pairs
                self._start_anew()
            if page.refusal is None and page.ended:
                self._missing_slots = max(self._missing_slots, page.missing_slots)
                self._missing_nodes |= set(page.missing_nodes)
                if len(page.pairs) < request.limit:
                    break
        if self._missing_slots:
            raise Incomplete(self._missing_slots, tuple(sorted(self._missing_nodes)))

    def _start_anew(self) -> None:
        """What failed before counts no more."""
        self._deadline_s = self._loop.time() + self._timeout_s
        self._avoid: frozenset[str] = frozenset()
        self._rounds = 0
        self._reasons: dict[str, str] = {}

    async def _next_page(self, request: ScanRequest) -> _Page:
        """Ask until something came, or the end; then only the first of many failures is behind."""
        while True:
            node = await self._node()
            page = await self._ask(node, request)
            if page.refusal is None:
                self._budget.succeeded()
                return page
            self._refused(node, page.refusal)
            if page.pairs:
                return page  # it got on, so this was no attempt that failed
            if not self._budget.spend():
                raise self._unavailable("")

    async def _node(self) -> str:
        """A node to ask. Raises Unavailable."""
        while True:
            left_s = self._deadline_s - self._loop.time()
            try:
                node = await self._nodes.find_within(left_s, self._avoid)
            except asyncio.TimeoutError:
                raise self._unavailable(f" within {self._timeout_s:g} s") from None
            if node is not None:
                return node
            self._avoid = frozenset()
            self._rounds += 1
            await asyncio.sleep(rest_s(self._rounds, random.random()))

    def _refused(self, node: str, refusal: Refusal) -> None:
        """Note what a refusal means for who is asked next. Raises BadRequest."""
        self._reasons[node] = refusal.reason
        if refusal.kind is Kind.BAD_REQUEST:
            raise BadRequest(refusal.reason)
        if refusal.about_the_node:
            self._nodes.failed(node, refusal.reason)
        else:
            self._nodes.leave(node)
            self._avoid |= {node}

    def _unavailable(self, within: str) -> Unavailable:
        reasons = {**self._nodes.reasons, **self._reasons}
        told = "; ".join(f"{node}: {reason}" for node, reason in reasons.items())
        return Unavailable(f"no node could do it{within}" + (f" ({told})" if told else ""))

    async def _ask(self, node: str, request: ScanRequest) -> _Page:
        """One call, as far as it comes."""
        page = _Page()
        timeout_s = max(0.001, self._deadline_s - self._loop.time())
        call = self._nodes.scan(node, request, timeout_s)
        try:
            while not page.ended and page.size_bytes < _PAGE_BYTES and page.refusal is None:
                message = await self._read(call, node)
                if message is grpc.aio.EOF:
                    page.ended = True
                elif isinstance(message, ScanResponse):
                    page.add(message)
                    self._nodes.answered(node)
                else:
                    page.refusal = message if isinstance(message, Refusal) else _UNREADABLE
        except grpc.aio.AioRpcError as error:
            page.refusal = refusal_in(error, timeout_s)
        finally:
            self._nodes.end_scan(call)
        return page

    async def _read(self, call: Any, node: str) -> object:
        """The next message; _SILENT if it does not come and there is somebody else to ask."""
        reading = asyncio.ensure_future(call.read())
        try:
            await asyncio.wait({reading}, timeout=_SILENT_S)
            if not reading.done() and await self._is_somebody_else_there(node, reading):
                return _SILENT
            return await reading
        finally:
            reading.cancel()

    async def _is_somebody_else_there(self, node: str, reading: asyncio.Future[Any]) -> bool:
        self._nodes.leave(node)
        search = asyncio.ensure_future(self._nodes.find({node}))
        try:
            await asyncio.wait({search, reading}, return_when=asyncio.FIRST_COMPLETED)
            return not reading.done() and search.result() is not None
        finally:
            search.cancel()
