"""A session: one client's whole machinery, in one event loop.

Every client is a face on this: `AsyncClient` uses it in the loop of its caller, `Client` and the
raw client in a loop in a thread. Here operations are made and handed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, TypeVar

from kvcluster.client.answers import NodeStatus
from kvcluster.client.asking import Asking
from kvcluster.client.connection import Dial, GrpcConnection
from kvcluster.client.dispatcher import Dispatcher
from kvcluster.client.given import checked_key, checked_timeout
from kvcluster.client.many import ManyReads, ManyWrites
from kvcluster.client.nodes import Nodes
from kvcluster.client.paging import Paging
from kvcluster.client.pending import FOR_EVER, Allowance, Answer, Lifespan, Pending, Tell
from kvcluster.client.retrying import give_way_s
from kvcluster.client.scan_course import PAGE_KEYS, PartialPage, Range
from kvcluster.client.survey import Survey
from kvcluster.client.values import Form
from kvcluster.errors import BadRequest, KvError

from demo_pb2 import LocateRequest, LocateResponse

V = TypeVar("V")

Make = Callable[[Allowance, Tell], Pending]
"""Makes an operation, from what its caller allows and who is to be told."""


class Session:
    """Make it inside the event loop in which it is used. `seeds`: as `checked_seeds` gives them.

    `dial`: how to reach a node. `rng`: draws who is asked first, and how long to rest. `page_keys`:
    how many keys a scan asks for in one call.
    """

    def __init__(
        self,
        seeds: tuple[str, ...],
        timeout_s: float,
        retry_unknown: bool,
        *,
        dial: Dial = GrpcConnection,
        rng: random.Random | None = None,
        page_keys: int = PAGE_KEYS,
        only: bool = False,
        once: bool = False,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        """Where it lives."""
        self._timeout_s = timeout_s
        self._retry_unknown = retry_unknown
        self._page_keys = page_keys
        # Who asks one node, once, has time to wait for it.
        knock_s = timeout_s if once and len(seeds) == 1 else None
        self._rng = rng = rng or random.Random()
        self.nodes = Nodes(seeds, dial, rng, only=only, once=once, knock_s=knock_s)
        self._dispatcher = Dispatcher(self.nodes)

    def pages(self, what: Range, timeout_s: float | None) -> AsyncGenerator[PartialPage, None]:
        """The pages of a scan, each with pairs. Raises BadRequest, Unavailable, Incomplete."""
        return Paging(self.nodes, what, self._within_s(timeout_s), self._page_keys).pages()

    async def where(self, key: str, timeout_s: float | None) -> LocateResponse:
        """What a node says of where a key lives. Raises BadRequest, Unavailable."""
        checked_key(key)
        asking = Asking(self.nodes, self._within_s(timeout_s))
        located: LocateResponse = await asking.answer_to(
            LocateRequest(key=key),
            _is_location,
        )
        return located

    async def status(self, timeout_s: float | None) -> tuple[NodeStatus, ...]:
        """How every node is, by its own account."""
        return await Survey(self.nodes, self._within_s(timeout_s)).run()

    def putting(
        self,
        form: Form,
        timeout_s: float | None,
        retry_unknown: bool | None,
        life: Lifespan = FOR_EVER,
    ) -> ManyWrites:
        """Something to put many keys with. Raises BadRequest."""
        terms = self._terms(timeout_s, retry_unknown)
        return ManyWrites(self._dispatcher, terms, form.stored, life)

    def deleting(self, timeout_s: float | None, retry_unknown: bool | None) -> ManyWrites:
        """Something to delete many keys with. Raises BadRequest."""
        return ManyWrites(self._dispatcher, self._terms(timeout_s, retry_unknown), None)

    def getting(self, form: Callable[[str], V], timeout_s: float | None) -> ManyReads[V]:
        """Something to get many keys with. Raises BadRequest."""
        return ManyReads(self._dispatcher, self._terms(timeout_s, None), form)

    async def close(self) -> None:
        """Let what is on its way come to its end, then let go of every connection."""
        try:
            await self._dispatcher.close()
        finally:
            await self.nodes.close()

    def _within_s(self, timeout_s: float | None) -> float:
        return self._timeout_s if timeout_s is None else checked_timeout(timeout_s)

    def _terms(self, timeout_s: float | None, retry_unknown: bool | None) -> Allowance:
        return Allowance(
            self._within_s(timeout_s),
            self._retry_unknown if retry_unknown is None else retry_unknown,
        )

    async def give_way(self, failures: int) -> None:
        """Rest for a moment, after somebody else came first so many times in a row."""
        await asyncio.sleep(give_way_s(failures, self._rng.random()))

    async def settle(self, timeout_s: float | None) -> str | None:
        """The node that the next call asks: one that answers now. None: there is none in time."""
        self.nodes.roster.doubt_all()
        with contextlib.suppress(asyncio.TimeoutError):
            return await self.nodes.find_within(self._within_s(timeout_s), frozenset())
        return None

    def operation(
        self, make: Make, timeout_s: float | None, retry_unknown: bool | None, tell: Tell
    ) -> Pending:
        """An operation that is still to begin. In any thread. Raises BadRequest."""
        return make(self._terms(timeout_s, retry_unknown), tell)

    def begin(self, operation: Pending) -> None:
        """Have it carried out. Where the client is closed, it ends at once."""
        try:
            self._dispatcher.start(operation)
        except BadRequest as error:
            operation.conclude(error)

    def give_up(self, operation: Pending) -> None:
        """Nobody waits for it any more. If it is on its way, it may still happen."""
        self._dispatcher.give_up(operation)

    async def answer_to(
        self, make: Make, timeout_s: float | None, retry_unknown: bool | None
    ) -> Any:
        """What a node answers to an operation. Raises BadRequest, Unavailable, OutcomeUnknown."""
        future: asyncio.Future[Any] = self.loop.create_future()
        operation = self.operation(make, timeout_s, retry_unknown, partial(_end, future))
        self._dispatcher.start(operation)
        try:
            return await future
        finally:
            self._dispatcher.give_up(operation)


def _end(future: asyncio.Future[Any], outcome: Answer | KvError) -> None:
    if future.done():
        return  # its caller was cancelled just now
    if isinstance(outcome, KvError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _is_location(answer: object) -> bool:
    return isinstance(answer, LocateResponse) and bool(
        answer.node and (answer.replicas or answer.engine)
    )
