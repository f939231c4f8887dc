"""Paging: a scan as a row of short calls, so that it survives the death of any node on the way.

Each call asks for a page behind the last key that was received. Whatever breaks a call, what came
before it counts, and the next one, at another node, goes on there: nothing comes twice, nothing is
left out. A page is received whole before it is handed over, so a program may take its time with it
and no call stands open meanwhile; a page of large values is cut where it gets too large to keep.

The timeout is for each page: a scan of a million keys may take longer than any answer should.

A page may have *holes*: no live replica answered for some slots. Most holes are short, while a node
starts anew, or only the node that was asked cannot reach who holds them. So the first page with one
is kept back, and asked for again, here and elsewhere, as long as its timeout allows; with luck the
scan is whole. If not, the page is given as it is. From then on nothing can make the scan whole, no
page waits for what is missing, and the end of it says so (scan_course.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import grpc

from kvcluster.client.asking import Asking
from kvcluster.client.connection import Stream
from kvcluster.client.failure import UNREADABLE, FailureKind, Refusal, refusal_in
from kvcluster.client.nodes import Nodes
from kvcluster.client.scan_course import PartialPage, Range, ScanCourse
from kvcluster.config import MIB
from kvcluster.errors import Unavailable

from demo_pb2 import ScanResponse

_PAGE_BYTES = 4 * MIB
_SILENT_S = 1.0
_SILENT = Refusal(
    FailureKind.TIMED_OUT,
    f"no answer within {_SILENT_S:g} s; it may be frozen or cut off",
    nothing_written=True,
)


class Paging:
    """One scan."""

    def __init__(self, nodes: Nodes, what: Range, timeout_s: float, page_keys: int) -> None:
        self._nodes = nodes
        self._course = ScanCourse(what, page_keys)
        self._timeout_s = timeout_s
        self._start_anew()

    async def pages(self) -> AsyncGenerator[PartialPage, None]:
        """The pages, each of them with pairs.

        Raises BadRequest, Unavailable and, at the end, Incomplete.
        """
        while not self._course.ended:
            page = await self._next_page()
            self._course.take(page)
            if page.pairs:
                yield page
            self._start_anew()
        self._course.check()

    def _start_anew(self) -> None:
        """What failed before counts no more."""
        self._asking = Asking(self._nodes, self._timeout_s)

    async def _next_page(self) -> PartialPage:
        """Ask until something came, or the end; then only the first of many failures is behind.

        A page with holes is kept while others are asked for a better one, and is the answer if
        nobody has one in time.
        """
        kept: PartialPage | None = None
        try:
            while True:
                node = await self._asking.node()
                page, refusal = await self._ask(node)
                if refusal is None:
                    self._nodes.budget.succeeded()
                    if not self._wants_better(page):
                        return page
                    kept = page
                    self._asking.look_elsewhere(node)
                else:
                    self._asking.refused(node, refusal)
                    if page.pairs:
                        return page  # it got on, so this was no attempt that failed
                    self._asking.check_budget()
        except Unavailable:
            if kept is None:
                raise
            return kept

    def _wants_better(self, page: PartialPage) -> bool:
        """Whether to wait for who holds what is missing. Once only: then the scan has holes."""
        return page.has_holes and not self._course.has_holes

    async def _ask(self, node: str) -> tuple[PartialPage, Refusal | None]:
        """One call, as far as it comes, and what ended it if it did not end well."""
        page = PartialPage()
        timeout_s = max(0.001, self._asking.left_s)
        call = self._nodes.scan(node, self._course.request, timeout_s)
        try:
            while not (page.ended or page.size_bytes >= _PAGE_BYTES or self._wants_better(page)):
                message = await self._read(call, node)
                if message is grpc.aio.EOF:
                    page.ended = True
                elif isinstance(message, ScanResponse):
                    page.add(message)
                    self._nodes.answered(node)
                else:
                    return page, message if isinstance(message, Refusal) else UNREADABLE
        except grpc.aio.AioRpcError as error:
            return page, refusal_in(error, timeout_s)
        finally:
            call.cancel()
        return page, None

    async def _read(self, call: Stream, node: str) -> object:
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
        self._nodes.roster.leave(node)
        self._nodes.doubt(node)
        search = asyncio.ensure_future(self._nodes.find({node}))
        try:
            await asyncio.wait({search, reading}, return_when=asyncio.FIRST_COMPLETED)
            return not reading.done() and search.result() is not None
        finally:
            search.cancel()
