"""The dispatcher: operations in, calls to nodes out, and an end for every operation.

Whoever wants something done hands over a `Pending`. What waits when the event loop comes round
leaves together in one *parcel*, so a thousand puts that are begun at once cost a call or two, and a
lone one leaves at once, as a plain call. Two parcels may be on their first way at a time, and what
comes meanwhile forms the next. More would make each of them smaller and the whole slower.

A parcel travels until every operation in it has ended: to a node, and with what that one refused to
the next, while the deadlines and the retry budget last. It holds its keys all that time, which is
what keeps the order per key (`waiting_line.py`). What follows from replies is decided elsewhere
(`judging.py`), and which node is next, too (`nodes.py`).

What belongs to one put_many or the like travels in a crate, as one, as long as all goes well
(`crate.py`). Whatever does not go well has it unpacked, and it is a parcel like any other.

A node from which nothing at all was heard for a second is silent. Its parcels make room for others,
the node is searched for anew, and reads that it was asked for are asked of another one as well; the
first answer counts. Writes stay with it: they may have happened. If it answers no knock either, its
connection is given up, and nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc

from kvcluster.client.connection import stop_quietly
from kvcluster.client.crate import Crate
from kvcluster.client.departures import Departures
from kvcluster.client.failure import is_unknown_method, refusal_in
from kvcluster.client.judging import Judgement, judge
from kvcluster.client.nodes import Nodes
from kvcluster.client.parcel import Parcel, Reply, each_reply, is_too_much, message_of, replies_in
from kvcluster.client.pending import Allowance, Pending
from kvcluster.client.retrying import OVERSTRAINED
from kvcluster.errors import BadRequest

from demo_pb2 import PutManyRequest

_FIRST_WAYS = 2
_SILENT_S = 1.0
_LEAST_TIMEOUT_S = 0.001
_CLOSED = "; the client was closed"


class Dispatcher:
    """Everything between a client's methods and the wire. Make it inside the event loop."""

    def __init__(self, nodes: Nodes) -> None:
        self._loop = asyncio.get_running_loop()
        self._nodes = nodes
        self._departures = Departures(lambda: nodes.reasons)
        self._line = self._departures.line
        self._parcels: dict[asyncio.Task[None], Parcel] = {}
        self._first_ways = 0
        self._is_due = False
        self._closed = self._stopped = False

    def start(self, operation: Pending) -> None:
        """Have an operation carried out; it is told how it ended, at its deadline at the latest.

        Raises BadRequest if the client is closed.
        """
        self._refuse_if_closed()
        self._departures.start(operation)
        self._leave_soon()

    def give_up(self, operation: Pending) -> None:
        """Nobody waits for it any more. If it is on its way, it may still happen."""
        self._departures.give_up(operation)

    def load(self, crate: Crate) -> None:
        """Have what is in a crate carried out, and what its owner adds until it is closed.

        Raises BadRequest if the client is closed.
        """
        self._refuse_if_closed()
        self._departures.load(crate)
        self._leave_soon()

    def deadline_s(self, terms: Allowance) -> float:
        """When what begins now is to end at the latest, for `Crate.add`."""
        return self._loop.time() + terms.timeout_s

    def takes(self, crate: Crate, size_bytes: int) -> bool:
        """Whether one more operation, of this size, may be added to a crate."""
        return self._departures.takes(crate, size_bytes)

    def drop(self, crate: Crate) -> None:
        """As `give_up`, for all that is in a crate."""
        self._departures.drop(crate)

    async def close(self) -> None:
        """Let everything that somebody waits for come to its end; it has a deadline. Then stop."""
        self._closed = True
        self._leave()
        try:
            while wanted := self._wanted():
                await asyncio.wait(wanted, return_when=asyncio.FIRST_COMPLETED)
                self._leave()
        finally:
            await self._stop()

    def _wanted(self) -> list[asyncio.Task[None]]:
        """The parcels that somebody waits for."""
        if self._nodes.once:  # one person, who has ended: a Ctrl+C may have left something behind
            return []
        return [task for task, parcel in self._parcels.items() if parcel.wanted]

    async def _stop(self) -> None:
        self._stopped = True
        await stop_quietly(list(self._parcels))
        while left := self._departures.next():
            self._departures.end(self._departures.opened(left), _CLOSED)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise BadRequest("the client is closed")

    def _leave_soon(self) -> None:
        # Whoever is about to ask does so before the event loop comes to this.
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._leave)

    def _leave(self) -> None:
        """Send off as many parcels as may be on their first way."""
        self._is_due = False
        if self._stopped:
            return
        while self._first_ways < _FIRST_WAYS and (parcel := self._departures.next()):
            self._first_ways += 1
            parcel.on_first_way = True
            self._set_off(parcel)

    def _set_off(self, parcel: Parcel) -> asyncio.Task[None]:
        task = self._loop.create_task(self._travel(parcel))
        self._parcels[task] = parcel
        task.add_done_callback(self._has_arrived)
        return task

    def _has_arrived(self, task: asyncio.Task[None]) -> None:
        del self._parcels[task]
        if not task.cancelled() and (error := task.exception()):
            raise error  # a bug; the event loop reports it, and deadlines end what is left

    async def _travel(self, parcel: Parcel) -> None:
        """Carry a parcel from node to node until nothing is left in it."""
        try:
            if parcel.crate is not None:
                await self._ship(parcel, parcel.crate)
            while parcel.wanted:
                node = self._nodes.at_hand(parcel.avoid) or await self._search(parcel)
                if node is not None and parcel.wanted:  # all may have gone while it was searched
                    await self._visit(parcel, node)
        finally:
            self._departures.end(self._departures.opened(parcel), _CLOSED)
            self._make_room(parcel)

    async def _ship(self, parcel: Parcel, crate: Crate) -> None:
        """Take a crate to the node at hand. Unless that does all of it, it is unpacked."""
        node = self._nodes.at_hand(frozenset())
        if node is None or not self._nodes.takes(node, crate):
            self._departures.opened(parcel)
            return
        crate.asked = node
        answer = await self._answer(parcel, node, crate.message(), crate.deadlines_s[-1])
        if parcel.crate is not None and (answers := crate.answers_in(answer)):
            self._make_room(parcel)
            self._nodes.budget.succeeded()
            parcel.crate, wanted = None, not crate.over
            self._departures.end_crate(crate)
            if wanted:
                crate.settle(crate, answers)
        elif parcel.crate is not None and is_unknown_method(answer) and crate.needs_columns:
            self._nodes.roster.has_no_columns(node)
            crate.asked = ""
            self._departures.opened(parcel)
        elif asked := self._departures.opened(parcel):
            parcel.operations = self._follow(parcel, asked, replies_in(answer, asked), node)

    async def _search(self, parcel: Parcel) -> str | None:
        """A node for a parcel; None: not yet, or its time is over."""
        left_s = max(0.0, parcel.latest_s - self._loop.time())
        try:
            # A little longer, so that its operations have ended by themselves when this does.
            node = await self._nodes.find_within(left_s + 0.01, parcel.avoid)
        except asyncio.TimeoutError:
            return None
        if node is None and self._nodes.once:
            self._departures.end(parcel.operations, "", self._nodes.reasons)
        elif node is None:
            parcel.avoid = frozenset()
            parcel.rounds += 1
            await self._nodes.rest(parcel.rounds)
        return node

    async def _visit(self, parcel: Parcel, node: str) -> None:
        """Ask a node for what is in a parcel; afterwards only what it did not do is in it."""
        objection = await self._nodes.objection(node) if parcel.demanding else None
        parcel.operations = self._departures.wanted_of(parcel.operations)
        asked = parcel.operations[: self._line.limit]
        later = parcel.operations[self._line.limit :]
        understood = [it for it in asked if objection is None or not it.demanding]
        replies = await self._ask(parcel, understood, node) if understood else []
        replies = each_reply(asked, replies, objection)
        parcel.operations = self._follow(parcel, asked, replies, node) + later

    def _follow(
        self, parcel: Parcel, asked: list[Pending], replies: Sequence[Reply], node: str
    ) -> list[Pending]:
        """What of a parcel is to be asked again, after what a node said of it."""
        self._make_room(parcel)
        if is_too_much(replies):
            self._line.shrink(len(asked))
            return asked
        judgement = judge(asked, replies, node)
        for operation, outcome in judgement.concluded:
            operation.conclude(outcome)
            self._line.end(operation)
        kept = self._kept(parcel, judgement, node)
        for hedge, task in parcel.hedges:
            if not hedge.wanted:
                task.cancel()
        return kept

    async def _ask(self, parcel: Parcel, asked: Sequence[Pending], node: str) -> list[Reply]:
        """The replies of a node to some operations of a parcel."""
        for operation in asked:
            operation.asked = node
        latest_s = max(operation.deadline_s for operation in asked)
        message = message_of(asked, columns=self._nodes.roster.takes_columns(node))
        answer = await self._answer(parcel, node, message, latest_s)
        if isinstance(message, PutManyRequest) and is_unknown_method(answer):
            self._nodes.roster.has_no_columns(node)
            answer = await self._answer(parcel, node, message_of(asked, columns=False), latest_s)
        return replies_in(answer, asked)

    async def _answer(self, parcel: Parcel, node: str, request: object, latest_s: float) -> object:
        """The answer of a node, None if it cannot be read, or the refusal of the call."""
        now_s = self._loop.time()
        timeout_s = max(_LEAST_TIMEOUT_S, latest_s - now_s)
        self._watch(parcel, node, now_s)
        try:
            return await self._nodes.ask(node, request, timeout_s)
        except grpc.aio.AioRpcError as error:
            return refusal_in(error, timeout_s)
        finally:
            if parcel.watch is not None:
                parcel.watch.cancel()

    def _kept(self, parcel: Parcel, judgement: Judgement, node: str) -> list[Pending]:
        """What of a parcel is to be asked again; the rest of it ends here."""
        if judgement.concluded:
            self._nodes.budget.succeeded()
        if judgement.why_bad:
            self._nodes.failed(node, judgement.why_bad)
        kept = self._departures.wanted_of(judgement.again)
        if not parcel.is_hedge:
            kept = [operation for operation in kept if not operation.hedged]
        if kept and judgement.elsewhere:
            self._nodes.roster.leave(node)
            parcel.avoid |= {node}
            parcel.may_retry = parcel.may_retry or self._nodes.budget.spend()
            if not parcel.may_retry:
                self._departures.end(kept, OVERSTRAINED)
                kept = []
        return kept

    def _make_room(self, parcel: Parcel) -> None:
        if parcel.on_first_way:
            parcel.on_first_way = False
            self._first_ways -= 1
            assert 0 <= self._first_ways < _FIRST_WAYS
        self._leave_soon()

    def _watch(self, parcel: Parcel, node: str, since_s: float) -> None:
        """Look whether a node says nothing at all, again and again until the parcel's call ends."""
        heard_s, now_s = max(since_s, self._nodes.roster.answered_s(node)), self._loop.time()
        due_s = heard_s + _SILENT_S
        if now_s >= due_s:
            self._is_silent(parcel, node)
            due_s = now_s + _SILENT_S
        parcel.watch = self._loop.call_at(due_s, self._watch, parcel, node, since_s)

    def _is_silent(self, parcel: Parcel, node: str) -> None:
        self._make_room(parcel)
        if parcel.wanted:  # else it was given up, and its node may be slow with just that
            self._departures.opened(parcel)
            self._nodes.roster.leave(node)
        self._nodes.doubt(node)
        reads = parcel.to_hedge()
        if reads and not parcel.is_hedge and self._nodes.budget.spend():
            for operation in reads:
                operation.hedged = True
            hedge = Parcel(reads, avoid=frozenset({node}), is_hedge=True, may_retry=True)
            parcel.hedges.append((hedge, self._set_off(hedge)))
