"""Polling: asking the replicas of a key what they hold, or for a promise; many keys in one call.

To each replica there is one *line* for each of the two questions. A call is under way on it or not;
what is asked meanwhile waits, and goes together in the next. So one who asks alone waits for
nobody, and a thousand keys that are asked for at once cost a few calls. What is asked is asked
after the call of whoever wants to know began, never before: an answer that was under way already
would be of the past.

This node is a replica like any other, without a wire (acceptor.py). The others are told which
version it holds, and leave out the value where theirs is the same, as it mostly is.

Who is dead or silent is not asked, so nobody waits for a majority that cannot come.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from kvcluster.cluster.deciding.acceptor import Acceptor, Said, held_message
from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.calls import Sent
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.errors import KvError, NotReady
from kvcluster.model.detector import Liveness
from kvcluster.model.entry import Version
from kvcluster.storage.commit_group import fail

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import PrepareRequest, PrepareResponse, Promise, ReadRequest, ReadResponse

Send = Callable[[Sequence[Promise]], "asyncio.Future[Sequence[Said]]"]
"""Asks a replica about some keys at once, and is told of the first of them, if not of all. The
future fails with KvError."""
_ABSTAINS = "its word does not count for a majority now"


class Line:
    """The way of one question to one peer. Nobody waits in a task."""

    def __init__(self, send: Send, most: int) -> None:
        self._send = send
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Promise, asyncio.Future[Said]]] = deque()
        self._is_busy = False

    def ask(self, wanted: Promise) -> asyncio.Future[Said]:
        """What it says of one key. The future fails with KvError; whoever waits may leave."""
        answer: asyncio.Future[Said] = self._loop.create_future()
        self._waiting.append((wanted, answer))
        if not self._is_busy:
            self._is_busy = True
            self._loop.call_soon(self._leave)  # after all who ask now
        return answer

    def _leave(self) -> None:
        """Ask for those who wait and are still there."""
        asked = list[tuple[Promise, asyncio.Future[Said]]]()
        while self._waiting and len(asked) < self._most:
            if not (one := self._waiting.popleft())[1].done():
                asked.append(one)
        if not asked:
            self._is_busy = False
            return
        told = self._send([wanted for wanted, _ in asked])
        told.add_done_callback(partial(self._came_back, asked))

    def _came_back(
        self,
        asked: Sequence[tuple[Promise, asyncio.Future[Said]]],
        told: asyncio.Future[Sequence[Said]],
    ) -> None:
        if told.cancelled():  # this node has ended
            return
        error = told.exception()
        said = [] if error else told.result()
        for place, (_, answer) in enumerate(asked):
            if answer.done():
                continue
            if error is not None:
                fail(answer, error)
            elif place < len(said):
                answer.set_result(said[place])
        if error is None:
            self._waiting.extendleft(reversed(asked[len(said) :]))
        self._leave()


class Polling(OnGround):
    """Asks the replicas of keys."""

    def __init__(self, ground: Ground, peering: Peering, acceptor: Acceptor) -> None:
        super().__init__(ground)
        self._loop = asyncio.get_running_loop()
        self._peers = peering.peers
        self._calls = peering.calls
        self._acceptor = acceptor
        names, most = ground.membership.peers, ground.settings.batch_operations
        self._readers = {name: Line(partial(self._read, name), most) for name in names}
        self._preparers = {name: Line(partial(self._prepare, name), most) for name in names}

    def read(self, key: str, slot: int) -> dict[str, asyncio.Future[Said]]:
        """What each replica that can be reached holds of a key."""
        asked = {name: self._readers[name].ask(Promise(key=key)) for name in self._reachable(slot)}
        here = asked[self._membership.name] = self._loop.create_future()
        if (said := self._acceptor.held_of([key])) is None:
            fail(here, NotReady(_ABSTAINS))
        else:
            here.set_result(said[0])
        return asked

    def prepare(self, key: str, slot: int, ballot: Version) -> dict[str, asyncio.Future[Said]]:
        """The same, once it has promised to take nothing below the ballot."""
        wanted = Promise(key=key, ballot=ballot)
        asked = {name: self._preparers[name].ask(wanted) for name in self._reachable(slot)}
        asked[self._membership.name] = self._promise_here(wanted)
        return asked

    def _reachable(self, slot: int) -> Iterator[str]:
        """The other replicas, but for those that are dead or silent."""
        for name in self._membership.others(slot):
            peer = self._peers[name]
            if peer.detector.state is not Liveness.DEAD and not peer.silence.is_set():
                yield name

    def _promise_here(self, wanted: Promise) -> asyncio.Future[Said]:
        told: asyncio.Future[Said] = self._loop.create_future()
        try:
            promised = self._acceptor.begin([wanted])
        except KvError as error:
            fail(told, error)
            return told

        def settle(promised: asyncio.Future[Any]) -> None:
            if told.done() or promised.cancelled():
                return
            if error := promised.exception():
                fail(told, error)
            else:
                told.set_result(self._acceptor.promised([wanted])[0])

        promised.add_done_callback(settle)
        return told

    def _read(self, name: str, wanted: Sequence[Promise]) -> asyncio.Future[Sequence[Said]]:
        keys = [it.key for it in wanted]
        known = [held_message(self._store.table, key) for key in keys]
        request = ReadRequest(keys=keys, known=[it.version for it in known])
        return self._ask(name, request, known)

    def _prepare(self, name: str, wanted: Sequence[Promise]) -> asyncio.Future[Sequence[Said]]:
        known = [held_message(self._store.table, it.key) for it in wanted]
        request = PrepareRequest(promises=wanted, known=[it.version for it in known])
        return self._ask(name, request, known)

    def _ask(
        self, name: str, request: ReadRequest | PrepareRequest, known: Sequence[EntryMessage]
    ) -> asyncio.Future[Sequence[Said]]:
        told: asyncio.Future[Sequence[Said]] = self._loop.create_future()
        sent, back = self._calls.send(name, request, self._settings.replication_timeout_s)

        def came_back(back: asyncio.Future[Any]) -> None:
            if back.cancelled():
                return
            if back.exception() is None:
                self._take(told, sent, known, back.result())
            else:
                self._spawn(self._see_through(told, sent), "asking a replica of keys")

        back.add_done_callback(came_back)
        return told

    def _take(
        self,
        told: asyncio.Future[Sequence[Said]],
        sent: Sent,
        known: Sequence[EntryMessage],
        answer: Any,
    ) -> None:
        """An answer is there."""
        try:
            said = _said(known, self._calls.taken(sent, answer))
        except KvError as error:
            fail(told, error)
            return
        if said:
            told.set_result(said)
        else:
            fail(told, NotReady(_ABSTAINS))

    async def _see_through(self, told: asyncio.Future[Sequence[Said]], sent: Sent) -> None:
        """It failed; what that says of the peer is told, and who waits, why."""
        try:
            await self._calls.answer_to(sent)
        except KvError as error:
            fail(told, error)
        else:
            fail(told, NotReady(_ABSTAINS))


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
