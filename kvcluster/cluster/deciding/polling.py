"""Polling: asking the replicas of a key what they hold, or for a promise; many keys in one call.

To each replica there is one *line* for each of the two questions. A call is under way on it or not;
what is asked meanwhile waits, and goes together in the next. So one who asks alone waits for
nobody, and a thousand keys that are asked for at once cost a few calls. What is asked is asked
after the call of whoever wants to know began, never before: an answer that was under way already
would be of the past.

This node is a replica like any other, without a wire (acceptor.py). The others are told which
version it holds, and leave out the value where theirs is the same, as it mostly is.

Who is dead is not asked. Who is silent fails as soon as that is known (cluster/peers/calls.py), so
nobody waits for a majority that cannot come.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

from kvcluster.cluster.deciding.acceptor import Acceptor, Said
from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.errors import KvError, NotReady
from kvcluster.model.detector import Liveness
from kvcluster.model.entry import Version
from kvcluster.storage.store import Spawn
from kvcluster.storage.table import to_message

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import PrepareRequest, PrepareResponse, Promise, ReadRequest, ReadResponse

Send = Callable[[Sequence[Promise]], Awaitable["Sequence[Said] | None"]]
"""Asks a replica about some keys at once, and is told of the first of them, if not of all; None:
its word does not count."""


class Line:
    """The way of one question to one replica."""

    def __init__(self, send: Send, most: int, spawn: Spawn) -> None:
        self._send = send
        self._most = most
        self._spawn = spawn
        self._waiting: deque[tuple[Promise, asyncio.Future[Said]]] = deque()
        self._is_busy = False

    def ask(self, wanted: Promise) -> asyncio.Future[Said]:
        """What it says of one key. The future fails with KvError; whoever waits may leave."""
        answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, answer))
        if not self._is_busy:
            self._is_busy = True
            self._spawn(self._run(), "asking a replica of keys")
        return answer

    async def _run(self) -> None:
        while self._waiting:
            asked = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            await self._ask_about([it for it in asked if not it[1].done()])
        self._is_busy = False

    async def _ask_about(self, asked: Sequence[tuple[Promise, asyncio.Future[Said]]]) -> None:
        if not asked:
            return
        try:
            said = await self._send([wanted for wanted, _ in asked])
            if not said:
                raise NotReady("its word does not count for a majority now")
        except KvError as error:
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
                    answer.exception()  # seen: whoever asked may have left
            return
        for (_, answer), it in zip(asked, said, strict=False):
            if not answer.done():
                answer.set_result(it)
        self._waiting.extendleft(reversed(asked[len(said) :]))


class Polling(OnGround):
    """Asks the replicas of keys."""

    def __init__(self, ground: Ground, peering: Peering, acceptor: Acceptor) -> None:
        super().__init__(ground)
        self._peers = peering.peers
        self._calls = peering.calls
        self._acceptor = acceptor
        me, names = ground.membership.name, ground.membership.peers
        self._readers = {name: self._line(partial(self._read, name)) for name in names}
        self._readers[me] = self._line(self._read_here)
        self._preparers = {name: self._line(partial(self._prepare, name)) for name in names}
        self._preparers[me] = self._line(self._promise_here)

    def _line(self, send: Send) -> Line:
        return Line(send, self._settings.batch_operations, self._spawn)

    def read(self, key: str, slot: int) -> dict[str, asyncio.Future[Said]]:
        """What each replica that can be reached holds of a key."""
        wanted = Promise(key=key)
        return {name: self._readers[name].ask(wanted) for name in self._reachable(slot)}

    def prepare(self, key: str, slot: int, ballot: Version) -> dict[str, asyncio.Future[Said]]:
        """The same, once it has promised to take nothing below the ballot."""
        wanted = Promise(key=key, ballot=ballot)
        return {name: self._preparers[name].ask(wanted) for name in self._reachable(slot)}

    def _reachable(self, slot: int) -> Iterator[str]:
        for name in self._membership.replicas(slot):
            if name == self._membership.name or (
                self._peers[name].detector.state is not Liveness.DEAD
            ):
                yield name

    async def _read_here(self, wanted: Sequence[Promise]) -> Sequence[Said] | None:
        return self._acceptor.held_of([it.key for it in wanted])

    async def _promise_here(self, wanted: Sequence[Promise]) -> Sequence[Said] | None:
        return await self._acceptor.promise(wanted, self._end_s())

    async def _read(self, name: str, wanted: Sequence[Promise]) -> Sequence[Said] | None:
        keys = [it.key for it in wanted]
        known = [self._held(key) for key in keys]
        request = ReadRequest(keys=keys, known=[it.version for it in known])
        answer: ReadResponse = await self._calls.ask(name, request, self._timeout_s)
        return _said(known, answer)

    async def _prepare(self, name: str, wanted: Sequence[Promise]) -> Sequence[Said] | None:
        known = [self._held(it.key) for it in wanted]
        request = PrepareRequest(promises=wanted, known=[it.version for it in known])
        answer: PrepareResponse = await self._calls.ask(name, request, self._timeout_s)
        return _said(known, answer)

    def _held(self, key: str) -> EntryMessage:
        held = self._store.get(key)
        return to_message(key, held) if held is not None else EntryMessage(key=key)

    @property
    def _timeout_s(self) -> float:
        return self._settings.replication_timeout_s

    def _end_s(self) -> float:
        return asyncio.get_running_loop().time() + self._timeout_s


def _said(
    known: Sequence[EntryMessage], answer: ReadResponse | PrepareResponse
) -> Sequence[Said] | None:
    """What a peer says; with the values that it left out, since they are known."""
    if not answer.votes or len(answer.entries) > len(known):
        return None
    refused = frozenset(answer.refused) if isinstance(answer, PrepareResponse) else frozenset()
    said = []
    for place, (entry, ours) in enumerate(zip(answer.entries, known, strict=False)):
        entry.key = ours.key
        held = ours if entry.version == ours.version else entry
        said.append(Said(held, place in refused))
    return said
