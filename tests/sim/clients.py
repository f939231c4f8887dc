"""The clients of a history: several, each with one operation at a time, through any node.

Few hot keys, which all of them fight for, and many cold ones. After a failure a client often tries
something else with the same key at once, blindly, through another node: that found bugs in other
stores which patient clients did not.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from kvcluster.errors import PeerUnavailable
from kvcluster.node import Node
from tests.sim.judge import Judge
from tests.sim.network import Network
from tests.sim.operations import Outcome, Write, outcome_of

from demo_pb2 import DeleteRequest, GetRequest, PutRequest

_HOT, _COLD = 3, 40
_LONG_CHARACTERS = 1500


class Clients:
    """All clients of one history."""

    def __init__(
        self,
        network: Network,
        judge: Judge,
        rng: random.Random,
        *,
        members: tuple[str, ...],
        log: Callable[[str, str], None],
    ) -> None:
        self._network = network
        self._judge = judge
        self._members = members
        self._log = log
        self._now_s = asyncio.get_running_loop().time
        self._rngs = [random.Random(rng.random()) for _ in range(rng.randint(2, 5))]
        self._pause_s = rng.choice([0.02, 0.1, 0.3])
        self._heat = rng.choice([0.3, 0.7, 0.95])
        self._reads = rng.choice([0.2, 0.5])
        self._deletes = rng.choice([0.1, 0.3, 0.6])
        self._timeout_s = rng.choice([0.5, 1.5, 3.0])
        self._numbers = iter(range(1, 1_000_000))
        self.stopped = False

    async def play(self) -> None:
        """Work until stopped."""
        await asyncio.gather(*[self._work(f"c{i}", rng) for i, rng in enumerate(self._rngs, 1)])

    async def _work(self, name: str, rng: random.Random) -> None:
        key = self._key(rng)
        failed = False
        while not self.stopped:
            if not (failed and rng.random() < 0.5):
                await asyncio.sleep(rng.expovariate(1 / self._pause_s))
                key = self._key(rng)
            node = rng.choice(self._members)
            if rng.random() < self._reads and not failed:
                await self.read(name, node, key)
                continue
            value = None if rng.random() < self._deletes else self._value(rng)
            failed = not await self.write(name, node, key, value)

    def _key(self, rng: random.Random) -> str:
        if rng.random() < self._heat:
            return f"hot{rng.randrange(_HOT)}"
        return f"cold{rng.randrange(_COLD)}"

    def _value(self, rng: random.Random) -> str:
        number = next(self._numbers)
        return f"{number}" if rng.random() < 0.8 else f"{number} " + "x" * _LONG_CHARACTERS

    async def write(self, name: str, node: str, key: str, value: str | None) -> bool:
        """One put or delete; whether it was done."""
        number = len(self._judge.diary.writes)
        write = Write(number, name, node, key, value, self._now_s())
        self._judge.begun(write)
        deadline = self._timeout_s
        request: Any
        if value is None:
            request, handle, method = DeleteRequest(key=key), _delete(deadline), "delete"
        else:
            request, handle, method = PutRequest(key=key, value=value), _put(deadline), "put"
        try:
            answer = await self._network.call(name, node, method, request, handle, deadline)
        except PeerUnavailable as error:
            write.end_s = self._now_s()
            write.outcome, write.why = outcome_of(error), str(error)
            self._log(f"{write}: {write.outcome.value} ({error})", key)
            return False
        write.end_s, write.outcome = self._now_s(), Outcome.DONE
        self._log(f"{write}: done by {answer.served_by}, {answer.acknowledged} hold it", key)
        self._judge.acknowledged(write, answer.version, answer.served_by, answer.acknowledged)
        return True

    async def read(self, name: str, node: str, key: str) -> None:
        """One get."""
        least = self._judge.before_read(key)
        request, handle = GetRequest(key=key), _get(self._timeout_s)
        try:
            answer = await self._network.call(name, node, "get", request, handle, self._timeout_s)
        except PeerUnavailable as error:
            self._log(f"{name} at {node}: get {key}: {error}", key)
            return
        seen = f"{answer.value:.12}" if answer.found else "nothing"
        self._log(f"{name} at {node}: get {key}: {seen}, from {answer.served_by}", key)
        self._judge.after_read(key, answer, least)


def _deadline_s(timeout_s: float) -> float:
    return asyncio.get_running_loop().time() + timeout_s


def _put(timeout_s: float) -> Callable[[Node, Any], Any]:
    return lambda node, request: node.router.put(request, _deadline_s(timeout_s))


def _delete(timeout_s: float) -> Callable[[Node, Any], Any]:
    return lambda node, request: node.router.delete(request, _deadline_s(timeout_s))


def _get(timeout_s: float) -> Callable[[Node, Any], Any]:
    return lambda node, request: node.router.get(request, _deadline_s(timeout_s))
