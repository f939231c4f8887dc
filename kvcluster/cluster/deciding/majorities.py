"""Majorities: what a majority of the replicas of a key holds, or promises.

The replicas are asked at once, and those that answer first are believed as soon as they are enough.
Where a majority has answered and differs, the others are waited for a moment longer: mostly a write
is on its way, and a moment later there is nothing to hand over.

As soon as it is clear that so many cannot be had, the answer is that, and not the deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from kvcluster.cluster.deciding.acceptor import Said, held_message
from kvcluster.cluster.deciding.polling import Polling
from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.tasks import Bell, within
from kvcluster.errors import KvError, NoMajority, NotReady, TooLate
from kvcluster.model.ballots import Seen, majority
from kvcluster.model.decision import NOTHING, Content, content_at
from kvcluster.model.entry import Version, version_of
from kvcluster.model.slots import slot_of
from kvcluster.storage.table import to_entry, to_message

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import HoldRequest, HoldResponse

_Asked = dict[str, "asyncio.Future[Said]"]


@dataclass(slots=True)
class _Heard:
    """What came back so far."""

    replicas: int
    contents: dict[str, Content] = field(default_factory=dict)
    refused: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def seen(self) -> Seen:
        """Of those who answered."""
        return Seen(self.replicas, self.contents)

    def take(self, name: str, answer: asyncio.Future[Said], now_ms: int) -> None:
        """An answer is there, or will not come."""
        if error := answer.exception():
            self.failed[name] = str(error)
        elif answer.result().refused:
            self.refused += 1
        else:
            self.contents[name] = content_of(answer.result().held, now_ms)

    def refuse_if_too_few(self, awaited: int) -> None:
        """Raise NoMajority if so many are awaited yet that they are none with those there are."""
        reached, needed = len(self.contents) + self.refused + awaited, majority(self.replicas)
        if reached >= needed:
            return
        why = "; ".join(f"{name}: {reason}" for name, reason in self.failed.items())
        raise NoMajority(
            f"it needs {needed} of {self.replicas} replicas of the key, and reaches {reached}"
            + (f" ({why})" if why else "")
        )


class Majorities(OnGround):
    """Asks for them. Deadlines are times of the event loop's clock."""

    def __init__(self, ground: Ground, peering: Peering, polling: Polling) -> None:
        super().__init__(ground)
        self._calls = peering.calls
        self._polling = polling

    def held(self, key: str) -> Content:
        """What this node holds."""
        return self._content(held_message(self._store.table, key))

    async def read(self, key: str, deadline_s: float) -> Content | None:
        """What is chosen; None: what is newest cannot be handed to a majority, for somebody has
        promised more. Raises NotReady, TooLate.
        """
        pauses, asked_s = self._gate.pauses, self._now_s()
        asked = self._polling.read(key, slot_of(key))
        heard = await self._gather(asked, deadline_s, lambda heard: heard.seen.is_chosen)
        seen = heard.seen
        if seen.is_chosen:
            return seen.newest
        # What was replaced since, and its tombstone dropped, must not come back by our hand.
        age_s = self._now_s() - asked_s
        if self._gate.was_away_since(pauses) or age_s > self._settings.message_age_limit_s:
            raise NotReady("this node was stopped while it read")
        handing = [self._hand_over(name, key, seen.newest) for name in seen.lacking]
        taken = sum(await asyncio.gather(*handing))
        enough = len(seen.holders) + taken >= majority(seen.replicas)
        return seen.newest if enough else None

    async def prepare(self, key: str, ballot: Version, deadline_s: float) -> Seen | None:
        """What those hold who have promised, a majority; None: a rival came first. Raises NotReady,
        TooLate.
        """
        asked = self._polling.prepare(key, slot_of(key), ballot)
        heard = await self._gather(asked, deadline_s, lambda heard: heard.seen.is_enough)
        return heard.seen if heard.seen.is_enough else None

    async def _gather(
        self, asked: _Asked, deadline_s: float, is_enough: Callable[[_Heard], bool]
    ) -> _Heard:
        """Wait until enough is there, or more will not help. Raises NoMajority, TooLate."""
        heard, awaited, bell = _Heard(self._membership.replica_count), dict(asked), Bell()
        until_s, now_ms = deadline_s, self._time.town_ms
        for answer in awaited.values():
            answer.add_done_callback(bell.ring)
        while True:
            for name in [name for name, answer in awaited.items() if answer.done()]:
                heard.take(name, awaited.pop(name), now_ms())
            heard.refuse_if_too_few(len(awaited))
            if is_enough(heard) or not awaited:
                return heard
            if heard.seen.is_enough:
                until_s = min(until_s, self._now_s() + self._settings.decide_patience_s)
            if not await bell.rings_by(until_s):
                if heard.seen.is_enough:
                    return heard
                raise TooLate("a majority of the replicas did not answer in time")

    async def _hand_over(self, name: str, key: str, newest: Content) -> bool:
        """Have one who lacks it hold the newest, in this very version; whether it does."""
        message = content_message(key, newest)
        try:
            if name == self._membership.name:
                return await self._take_over(message)
            request, timeout_s = (
                HoldRequest(entries=[message]),
                self._settings.replication_timeout_s,
            )
            answer: HoldResponse = await self._calls.ask(name, request, timeout_s)
        except KvError:
            return False
        return not answer.superseded and not answer.refused

    async def _take_over(self, message: EntryMessage) -> bool:
        self._store.refuse_if_full()
        end_s = self._now_s() + self._settings.replication_timeout_s
        await within(self._store.write([message]), end_s, "storing the entry")
        held = self._store.get(message.key)
        return held is not None and version_of(held) == message.version

    def _content(self, message: EntryMessage) -> Content:
        return content_of(message, self._time.town_ms())

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


def content_of(message: EntryMessage, now_ms: int) -> Content:
    """What a replica holds, as it is seen now; a message without a version says: nothing."""
    if not message.version:
        return NOTHING
    return content_at(to_entry(message), message.expires_ms, now_ms)


def content_message(key: str, content: Content) -> EntryMessage:
    """As it travels, and is stored."""
    assert content.version is not None, "there is nothing to send"
    return to_message(key, (content.value, content.version), content.expires_ms)
