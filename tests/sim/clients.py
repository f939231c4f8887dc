"""The clients of a history: several, each with one call at a time, through any node.

A call is one operation, a batch of some, or a scan of everything.

Few hot keys, which all of them fight for, and many cold ones. After a failure a client often tries
something else with the same key at once, blindly, through another node: that found bugs in other
stores which patient clients did not. Where nodes are far apart, it reads the key of a write that
some replica missed at once, from every node: nothing else could see what they do not know yet.
"""

from __future__ import annotations

import asyncio
import copy
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

from kvcluster.errors import PeerUnavailable
from kvcluster.model.entry import Version, following
from kvcluster.node import Node
from tests.sim.judge import Judge, Least
from tests.sim.lifetimes import TTL_MS
from tests.sim.network import Network
from tests.sim.operations import Outcome, Write, outcome_of
from tests.sim.scanning import Scanning

from demo_pb2 import (
    BatchRequest,
    Block,
    DeleteRequest,
    GetRequest,
    Operation,
    PutManyRequest,
    PutManyResponse,
    PutRequest,
    PutResponse,
    Result,
    ScanRequest,
    ScanResponse,
)

_HOT = 3
_LONG_CHARACTERS = 1500
_MOST_IN_A_BATCH = 8
_EXPIRE = 0.4
"""So many of the puts say when their key expires, in histories where keys do."""
_SHAPES = ("mixed", "puts", "gets")
_READERS = {True: (0, 2, 4), False: (0, 0, 0, 1)}
"""How many slow readers of everything there may be: where no node holds all of it, or each does."""

Read = tuple[str, Least]
"""A key, and what each node must not be older than."""


class Clients:
    """All clients of one history."""

    def __init__(
        self,
        network: Network,
        judge: Judge,
        rng: random.Random,
        *,
        members: tuple[str, ...],
        hurry: float,
        cold_keys: int,
        sharded: bool,
        keys_expire: bool,
        log: Callable[[str, str], None],
    ) -> None:
        self._network = network
        self._judge = judge
        self._members = members
        self._log = log
        self._now_s = asyncio.get_running_loop().time
        self._rngs = [random.Random(rng.random()) for _ in range(rng.randint(2, 5))]
        self._cold_keys = cold_keys
        self._pause_s = rng.choice([0.02, 0.1, 0.3]) / hurry
        self._heat = rng.choice([0.3, 0.7, 0.95])
        self._reads = rng.choice([0.2, 0.5])
        self._deletes = rng.choice([0.1, 0.3, 0.6])
        self._timeout_s = rng.choice([0.5, 1.5, 3.0])
        self._batches = rng.choice([0.1, 0.3, 0.6])
        self._scans = rng.choice([0.0, 0.01, 0.05])
        self._numbers = iter(range(1, 1_000_000))
        apart = copy.copy(rng)  # so that who comes beside the others shifts nothing of what they do
        self._readers = [
            Scanning(
                f"r{i}", network, judge, random.Random(apart.random()), members=members, log=log
            )
            for i in range(1, apart.choice(_READERS[sharded]) + 1)
        ]
        self._visitors = random.Random(apart.random())
        self._shapes = random.Random(apart.random())
        self._lives = random.Random(apart.random())
        self._keys_expire = keys_expire
        self.stopped = False

    @property
    def scans(self) -> Counter[str]:
        """How the scans of those ended who read everything, slowly."""
        return sum((reader.ended for reader in self._readers), Counter())

    async def play(self) -> None:
        """Work until stopped."""
        working = [self._work(f"c{i}", rng) for i, rng in enumerate(self._rngs, 1)]
        reading = [reader.play(lambda: self.stopped) for reader in self._readers]
        await asyncio.gather(*working, *reading)

    async def _work(self, name: str, rng: random.Random) -> None:
        key = self._key(rng)
        failed = False
        while not self.stopped:
            if not (failed and rng.random() < 0.5):
                await asyncio.sleep(rng.expovariate(1 / self._pause_s))
                key = self._key(rng)
            node = rng.choice(self._members)
            if rng.random() < self._batches:
                failed = not await self.batch(name, node, rng)
                continue
            if rng.random() < self._scans:
                await self.scan(name, node)
                continue
            if rng.random() < self._reads and not failed:
                await self.read(name, node, key)
                continue
            value = self._value_or_delete(rng)
            failed = not await self.write(name, node, key, value)

    def visits(self, node: str) -> list[Coroutine[Any, Any, object]]:
        """What waits at the door of a process that is held: a write, and a read of each hot key."""
        if self.stopped:
            return []
        hot = [f"hot{number}" for number in range(_HOT)]
        value = f"{next(self._numbers)}"
        write = self.write("v0", node, self._visitors.choice(hot), value)
        return [write, *(self.read(f"v{i}", node, key) for i, key in enumerate(hot, 1))]

    def _key(self, rng: random.Random) -> str:
        if rng.random() < self._heat:
            return f"hot{rng.randrange(_HOT)}"
        return f"cold{rng.randrange(self._cold_keys)}"

    def _value_or_delete(self, rng: random.Random) -> str | None:
        if rng.random() < self._deletes:
            return None
        number = next(self._numbers)
        return f"{number}" if rng.random() < 0.8 else f"{number} " + "x" * _LONG_CHARACTERS

    async def write(self, name: str, node: str, key: str, value: str | None) -> bool:
        """One put or delete; whether it was done."""
        write = self._begin(name, node, key, value)
        deadline = self._timeout_s
        request: Any
        if value is None:
            request, handle, method = DeleteRequest(key=key), ask_one(deadline), "delete"
        else:
            request, handle, method = _put(write), ask_one(deadline), "put"
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
        if answer.acknowledged < answer.replicas and self._network.weather.is_slow:
            await asyncio.gather(*[self.read(name, each, key) for each in self._members])
        return True

    def _begin(self, name: str, node: str, key: str, value: str | None) -> Write:
        number = len(self._judge.diary.writes)
        write = Write(number, name, node, key, value, self._now_s())
        if self._keys_expire and value is not None and self._lives.random() < _EXPIRE:
            write.ttl_ms = self._lives.choice(TTL_MS)
        self._judge.begun(write)
        return write

    async def batch(self, name: str, node: str, rng: random.Random) -> bool:
        """Some puts, deletes and gets in one call; whether all of them were done."""
        steps = self._steps(name, node, rng)
        try:
            results = await self._results(name, node, steps)
        except PeerUnavailable as error:
            for step in steps:
                if isinstance(step, Write):
                    self._failed(step, outcome_of(error), str(error))
            return False
        for step, result in zip(steps, results, strict=True):
            if isinstance(step, Write) and result.HasField("failure"):
                certain = result.failure.nothing_written
                outcome = Outcome.REFUSED if certain else Outcome.UNKNOWN
                self._failed(step, outcome, result.failure.message)
        for step, result in zip(steps, results, strict=True):
            if not result.HasField("failure"):
                self._judge_result(step, result)
        return not any(result.HasField("failure") for result in results)

    async def _results(
        self, name: str, node: str, steps: Sequence[Write | Read]
    ) -> Sequence[Result]:
        """What a node answers to a batch, or to a PutMany where it may be one."""
        request: BatchRequest | PutManyRequest
        puts = [step for step in steps if isinstance(step, Write) and step.value is not None]
        several = len({put.key for put in puts}) < len(steps) or any(put.ttl_ms for put in puts)
        if several or self._shapes.random() < 0.5:
            request = BatchRequest(operations=[_operation(step) for step in steps])
            handle, method = ask_batch(self._timeout_s), "batch"
        else:
            keys, values = [put.key for put in puts], [put.value or "" for put in puts]
            request = PutManyRequest(block=Block(keys=keys, values=values))
            handle, method = _put_many(self._timeout_s), "put_many"
        answer = await self._network.call(name, node, method, request, handle, self._timeout_s)
        return answer.results if method == "batch" else each_of(answer, len(steps))

    def _steps(self, name: str, node: str, rng: random.Random) -> list[Write | Read]:
        """What a batch asks for. Most are plain, only gets or only puts of distinct keys."""
        shape = self._shapes.choice(_SHAPES)
        steps: dict[tuple[str, int], Write | Read] = {}
        for number in range(rng.randint(2, _MOST_IN_A_BATCH)):
            key = self._key(rng)
            reads = rng.random() < self._reads if shape == "mixed" else shape == "gets"
            if reads:
                steps[key, number] = (key, self._judge.before_read(key))
                continue
            value = self._value_or_delete(rng)
            if shape == "mixed":
                steps[key, number] = self._begin(name, node, key, value)
            elif (key, 0) not in steps:
                value = value or f"{next(self._numbers)}"
                steps[key, 0] = self._begin(name, node, key, value)
        return list(steps.values())

    def _failed(self, write: Write, outcome: Outcome, why: str) -> None:
        write.end_s, write.outcome, write.why = self._now_s(), outcome, why
        self._log(f"{write} in a batch: {outcome.value} ({why})", write.key)

    def _judge_result(self, step: Write | Read, result: Result) -> None:
        if isinstance(step, Write):
            step.end_s, step.outcome = self._now_s(), Outcome.DONE
            done = result.put if result.HasField("put") else result.delete
            self._log(f"{step} in a batch: done, {done.acknowledged} hold it", step.key)
            self._judge.acknowledged(step, done.version, done.served_by, done.acknowledged)
        else:
            key, least = step
            self._log(f"get {key} in a batch: {result.get.value:.12}", key)
            self._judge.after_read(key, result.get, least)

    async def scan(self, name: str, node: str) -> None:
        """Read everything there is, in order."""
        least = {key: self._judge.before_read(key) for key in self._judge.diary.by_key}
        handle = _scan(self._timeout_s)
        try:
            answer = await self._network.call(
                name, node, "scan", ScanRequest(), handle, self._timeout_s
            )
        except PeerUnavailable as error:
            self._log(f"{name} at {node}: scan: {error}", "")
            return
        missing = f", {answer.missing_slots} slots are missing" if answer.missing_slots else ""
        self._log(f"{name} at {node}: scan: {len(answer.pairs)} keys{missing}", "")
        pairs = [(pair.key, pair.value) for pair in answer.pairs]
        self._judge.after_scan(pairs, least, complete=not answer.missing_slots)

    async def read(self, name: str, node: str, key: str) -> None:
        """One get."""
        least = self._judge.before_read(key)
        request, handle = GetRequest(key=key), ask_one(self._timeout_s)
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


def ask_one(timeout_s: float) -> Callable[[Node, Any], Any]:
    """Have a node put, get or delete."""
    return lambda node, request: node.one(request, _deadline_s(timeout_s))


def ask_batch(timeout_s: float) -> Callable[[Node, Any], Any]:
    """Have a node carry out a batch."""
    return lambda node, request: node.batch(request, _deadline_s(timeout_s))


def _put_many(timeout_s: float) -> Callable[[Node, Any], Any]:
    return lambda node, request: node.put_many(request, _deadline_s(timeout_s))


def each_of(answer: PutManyResponse, count: int) -> list[Result]:
    """What the answer to a PutMany says of each key."""
    results = {it.place: it.result for it in answer.exceptions}
    if len(results) < count:
        told = answer.replicas, answer.acknowledged, answer.served_by
        for place, version in enumerate(following(Version(answer.first_version), count)):
            put = PutResponse(
                version=version, replicas=told[0], acknowledged=told[1], served_by=told[2]
            )
            results.setdefault(place, Result(put=put))
    return [results[place] for place in range(count)]


def _scan(timeout_s: float) -> Callable[[Node, Any], Any]:
    async def collect(node: Node, request: ScanRequest) -> ScanResponse:
        """All messages of the stream in one."""
        whole = ScanResponse()
        async with aclosing(node.scan(request, _deadline_s(timeout_s))) as messages:
            async for message in messages:
                whole.MergeFrom(message)
        return whole

    return collect


def _operation(step: Write | Read) -> Operation:
    if not isinstance(step, Write):
        return Operation(get=GetRequest(key=step[0]))
    if step.value is None:
        return Operation(delete=DeleteRequest(key=step.key))
    return Operation(put=_put(step))


def _put(write: Write) -> PutRequest:
    request = PutRequest(key=write.key, value=write.value or "")
    if write.ttl_ms:
        request.ttl_ms = write.ttl_ms
    return request
