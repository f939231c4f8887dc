"""Nodes: the connections to them, and the search for one that can be asked.

What gRPC does by itself is left to it: connecting and connecting again, and deadlines. Which node
is asked is decided by the roster; here it is carried out.

A knock at one node is made once at a time, however many want to know. One that is not answered
gives an idle connection up, since the other end may be gone for good. A connection on which calls
wait is given up when two knocks in a row are not answered: a node that is busy for a moment keeps
its calls, and one that is frozen or cut off costs three seconds and not the whole timeout.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Sequence
from typing import Any

from kvcluster.client.connection import Connection, Dial, Stream, answer_or_refusal, stop_quietly
from kvcluster.client.crate import Crate
from kvcluster.client.failure import TOO_OLD, FailureKind, Refusal
from kvcluster.client.retrying import RetryBudget, rest_s
from kvcluster.client.roster import Roster
from kvcluster.steady import Sleep

from demo_pb2 import HealthCheckRequest, HealthCheckResponse, ScanRequest

_KNOCK_TIMEOUT_S = 1.0
"""How long a node may take to say how it is, where there may be another one to ask."""
_GRACE_S = 0.1
"""How long the first in order may take to say how they are, once a later one serves."""
_LAST_KNOCKS_S = 0.1
"""How long the last knocks may take to end by themselves when a client is closed."""


class Nodes:
    """The nodes of one cluster. Make it inside the event loop in which it is used."""

    def __init__(
        self,
        seeds: Sequence[str],
        dial: Dial,
        rng: random.Random,
        *,
        only: bool = False,
        once: bool = False,
        knock_s: float | None = None,
    ) -> None:
        """`only`: the seeds are all there are. `once`: where no node is of use, nobody waits for
        one to come back, and of those that are the first is taken. `knock_s`: how long a node may
        take to say how it is.
        """
        self._loop = asyncio.get_running_loop()
        self.roster = Roster(seeds, only=only)
        self.once = once
        self._knock_s = _KNOCK_TIMEOUT_S if knock_s is None else knock_s
        self._dial = dial
        self._rng = rng
        self.budget = RetryBudget()
        self._sleep = Sleep()
        self._connections: dict[str, Connection] = {}
        self._knocks: dict[str, asyncio.Task[int]] = {}
        self._doubts: dict[str, asyncio.Task[None]] = {}

    async def rest(self, failures: int, at_most_s: float = float("inf")) -> None:
        """Leave them alone for a while, after so many failures in a row."""
        await asyncio.sleep(min(rest_s(failures, self._rng.random()), max(0.0, at_most_s)))

    @property
    def reasons(self) -> dict[str, str]:
        """Why nodes were of no use, by address; for sentences."""
        unheard = dict.fromkeys(self._knocks, "no answer; it may be frozen or cut off")
        return {**unheard, **self.roster.reasons}

    def at_hand(self, avoid: Collection[str]) -> str | None:
        """The node to ask, if there is one that needs no search."""
        if self._sleep.is_over():
            self.roster.doubt_all()  # this machine slept
        return self.roster.current(avoid, self._loop.time())

    async def find(self, avoid: Collection[str]) -> str | None:
        """Search for a node to ask, as long as it takes; None: only those to be avoided are left.

        Whoever calls limits the time. With `once` also None if no node is of use.
        """
        while True:
            if node := self.at_hand(avoid):
                return node
            if doubtful := self.roster.doubtful(avoid, self._loop.time()):
                await asyncio.wait({self._knock(doubtful)})
                continue  # now it is at hand, or it is no candidate, or others are looked at, too
            candidates = self.roster.candidates(avoid, self._loop.time(), rested=not self.once)
            if candidates and (node := await self._race(candidates)):
                return node
            if avoid or self.once:
                return None
            await asyncio.sleep(self.roster.next_rest_ends_s() - self._loop.time())

    async def find_within(self, timeout_s: float, avoid: Collection[str]) -> str | None:
        """As `find`; raises TimeoutError of asyncio.

        Not by `asyncio.wait_for`: before Python 3.12 that may lose the cancellation of its caller.
        """
        search = self._loop.create_task(self.find(avoid))
        try:
            await asyncio.wait({search}, timeout=max(0.0, timeout_s))
            if not search.done():
                raise asyncio.TimeoutError
            return search.result()
        finally:
            search.cancel()

    async def ask(self, node: str, request: Any, timeout_s: float) -> object:
        """The answer of a node to a Put, Get, Delete or Batch; None if it cannot be read.

        Raises AioRpcError.
        """
        answer = await self._connection(node).ask(request, timeout_s)
        self.answered(node)
        return answer

    def takes(self, node: str, crate: Crate) -> bool:
        """Whether a node may be sent a crate as it is."""
        if crate.needs_columns and not self.roster.takes_columns(node):
            return False
        return self.roster.decides(node) or not crate.ttl_ms

    async def objection(self, node: str) -> Refusal | None:
        """Why a node is not sent what older ones would ignore; it is asked unless it said it knows.

        None: it and all members know it. It was not sent anything, so nothing was written.
        """
        if not self.roster.decides(node) and self.roster.may_decide(node, self._loop.time()):
            await asyncio.wait({self._knock(node)})
        if self.roster.decides(node):
            return None
        why = self.roster.why_not(node)
        return Refusal(FailureKind.REFUSED, why, nothing_written=True, name=TOO_OLD)

    async def question(self, address: str, request: Any, timeout_s: float) -> Any:
        """The answer of a node to what it answers at once, or its Refusal.

        Without an answer an idle connection is given up: the other end may be gone for good.
        """
        connection = self._connection(address)
        was_busy = connection.busy
        answer = await answer_or_refusal(connection, request, timeout_s)
        silent = isinstance(answer, Refusal) and answer.kind is FailureKind.TIMED_OUT
        if silent and not was_busy and not connection.busy:
            connection.give_up()
        return answer

    def scan(self, node: str, request: ScanRequest, timeout_s: float) -> Stream:
        """The call in which a node streams its answer to a Scan; whoever has it cancels it."""
        return self._connection(node).scan(request, timeout_s)

    def answered(self, node: str) -> None:
        """A node gave a sign of life."""
        self.roster.answered(node, self._loop.time())

    def failed(self, node: str, reason: str) -> None:
        """A node did not answer, or refuses whatever it is asked: it gets a rest."""
        self.roster.failed(node, reason, self._loop.time(), self._rng.random())

    def doubt(self, node: str) -> None:
        """A node says nothing while calls wait: see whether it answers at all."""
        if node not in self._doubts:
            doubt = self._doubts[node] = self._loop.create_task(self._knock_twice(node))
            doubt.add_done_callback(lambda _: self._doubts.pop(node))

    async def close(self) -> None:
        """End every connection. Nothing but knocks may be on its way any more."""
        if self._knocks:
            await asyncio.wait(self._knocks.values(), timeout=_LAST_KNOCKS_S)
        await stop_quietly([*self._doubts.values(), *self._knocks.values()])
        await asyncio.gather(*(connection.close() for connection in self._connections.values()))

    async def _race(self, candidates: Sequence[str]) -> str | None:
        """Knock at all; the first that serves, else the one that is nearest to it, else None."""
        ranks = await self._ranks(candidates)
        useful = [address for address, rank in ranks.items() if rank >= 0]
        if not useful:
            return None
        best = min(useful, key=ranks.__getitem__)
        self.roster.stay_with(best, ranks[best], self._loop.time())
        return best

    async def _ranks(self, candidates: Sequence[str]) -> dict[str, int]:
        """The ranks of those that answered, until the first serves.

        Who is knocked at first tends to win, so each client draws an order of its own. With `once`
        those that stand before the first that serves have a moment more.
        """
        order = candidates if self.once else self._rng.sample(candidates, len(candidates))
        knocks = {address: self._knock(address) for address in order}
        ranks: dict[str, int] = {}
        waiting, ends_s = set(knocks.values()), float("inf")
        while waiting and self._loop.time() < ends_s:
            left_s = None if ends_s == float("inf") else ends_s - self._loop.time()
            first = asyncio.FIRST_COMPLETED
            _, waiting = await asyncio.wait(waiting, timeout=left_s, return_when=first)
            ranks = {it: knock.result() for it, knock in knocks.items() if knock.done()}
            serving = [it for it, rank in ranks.items() if rank == 0]
            before = order[: order.index(serving[0])] if serving and self.once else []
            if serving and all(it in ranks for it in before):
                break
            ends_s = min(ends_s, self._loop.time() + _GRACE_S) if serving else ends_s
        return ranks

    def _knock(self, address: str) -> asyncio.Task[int]:
        knock = self._knocks.get(address)
        if knock is None:
            knock = self._knocks[address] = self._loop.create_task(self._rank_of(address))
            knock.add_done_callback(lambda _: self._knocks.pop(address))
        return knock

    async def _knock_twice(self, node: str) -> None:
        asked_s = self._loop.time()
        for _ in range(2):
            await asyncio.wait({self._knock(node)})
            if self.roster.answered_s(node) >= asked_s:
                return
        self._connection(node).give_up()

    async def _rank_of(self, address: str) -> int:
        """How good a node is for work, by its own account; negative: not at all."""
        health = await self.question(address, HealthCheckRequest(), self._knock_s)
        if isinstance(health, HealthCheckResponse):
            return self.roster.heard(address, health, self._loop.time(), self._rng.random())
        self.failed(address, health.reason)
        return -1

    def _connection(self, address: str) -> Connection:
        if address not in self._connections:
            self._connections[address] = self._dial(address)
        return self._connections[address]
