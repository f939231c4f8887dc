"""Replication: copies of writes to every other replica, and what follows where a copy fails.

The entries of one round (rounds.py) are sorted into *shares*, one for each peer that holds some of
them and gets writes now, and all shares leave at once. A peer that fails costs that round at most
the replication timeout; from then on it gets nothing and is not waited for, until it begins to
pull (cluster/peers/peers.py).

Whoever misses a write gets a hint (hinting.py). A peer known to be absent has one in the
coordinator's own frame, and is named in the shares of the others (`missed`). One that fails on the
way gets its hint here, is told if it can be reached, and is named to the other holders in a second,
empty Replicate; who fails to keep that is not counted either. If the hint cannot be kept here, the
write is not acknowledged.

While all goes well nobody waits in a task: `send`, then `take` for each answer, then `count`
(flights.py). What goes otherwise is seen through to its end by `see_through`, with tasks.

A round that is a block (storage/block.py) goes to every peer as it is. It is only formed where all
nodes hold all keys, so there are no shares of it.

Rejected: a queue for each peer. It kept a slow peer's writes waiting in memory with bounds and
drops of their own; a peer that is behind pulls, which needs no queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.calls import Sent
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.writing.hinting import Hinting
from kvcluster.cluster.writing.outcome import Became, Outcome
from kvcluster.errors import HeldBack, PeerRejected, PeerUnavailable, PeerUnreachable
from kvcluster.model.entry import Verdict
from kvcluster.model.fanout import Missed, Share, by_replicas, pack
from kvcluster.model.slots import slot_of
from kvcluster.storage.block import Block, versions_of

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import MissedWrites, ReplicateRequest, ReplicateResponse


@dataclass(slots=True)
class Shares:
    """A round, sorted."""

    by_peer: dict[str, Share]
    untold: list[str]
    """Peers that answer, miss some of it, and do not know yet that they are behind."""
    keeping: list[asyncio.Future[list[Verdict]]] = field(default_factory=list)
    """Hints of those who failed on the way, while they become durable here."""
    held_back: set[str] = field(default_factory=set)
    """Peers that take the round for one that a network held back, though it left just now: our own
    clock stood still, and does not know it. They may hold something newer of anything in it."""


@dataclass(slots=True, eq=False)
class Copy:
    """One share on its way."""

    name: str
    """Of the peer that gets it."""
    share: Share
    in_block: int
    """How many entries it has in a block."""
    sent: Sent
    back: asyncio.Future[Any]
    """Resolves when an answer is there, or fails with PeerUnavailable."""
    answer: ReplicateResponse | None = None
    """Once it was taken: the peer holds its share for certain."""

    def was_understood(self, answer: ReplicateResponse) -> bool:
        """Whether the peer saw all that was sent: one of an older version sees no block."""
        return answer.block == self.in_block


class Replication(OnGround):
    """Sends entries to peers, and has hints kept for those that miss them."""

    def __init__(self, ground: Ground, peering: Peering, hinting: Hinting) -> None:
        super().__init__(ground)
        self._peers = peering.peers
        self._calls = peering.calls
        self._hinting = hinting

    def pack(self, entries: Sequence[EntryMessage]) -> tuple[Shares, list[MissedWrites]]:
        """Sort entries into shares; also the hints to journal with them, in the same frame."""
        versions, peers = versions_of(entries), self._peers
        groups = self._by_replicas(entries)
        shares, absent = pack(versions, groups, lambda name: peers[name].gets_writes)
        hints = self._hinting.missed(absent)
        return Shares(shares, self._hinting.untold(absent)), hints

    def _by_replicas(
        self, entries: Sequence[EntryMessage]
    ) -> Mapping[tuple[str, ...], Sequence[int]]:
        others = self._membership.others
        if self._membership.holds_all:  # then all are to be held by the same, whatever their slots
            return {others(0): range(len(entries))}
        return by_replicas((slot_of(entry.key) for entry in entries), others)

    def send(self, packed: Shares, entries: Sequence[EntryMessage]) -> list[Copy]:
        """Send every share; a block as it is, if the peer takes that."""
        timeout_s, is_block = self._settings.replication_timeout_s, isinstance(entries, Block)
        copies = []
        for name, share in packed.by_peer.items():
            in_block = len(entries) if self._peers[name].takes_blocks and is_block else 0
            request = _request(share, entries, as_block=bool(in_block))
            self._peers[name].exchange.sent(share.as_missed)
            sent, back = self._calls.send(name, request, timeout_s)
            copies.append(Copy(name, share, in_block, sent, back))
        return copies

    def take(self, copy: Copy) -> bool:
        """Take the answer to a copy, which is there; whether the peer holds its share, then."""
        sent, exchange = copy.sent, self._peers[copy.name].exchange
        try:
            answer = self._calls.taken(sent, copy.back.result())
        except PeerRejected:
            return False
        if not copy.was_understood(answer):
            return False
        copy.answer = answer
        exchange.copies.add(self._peers.now_s() - sent.asked_s)
        exchange.settled(copy.share.as_missed)
        return True

    async def see_through(
        self, packed: Shares, copies: Sequence[Copy], entries: Sequence[EntryMessage]
    ) -> Outcome:
        """Return when each peer has answered or failed, and there is a hint if so. What came of
        the entries here is not in it yet.

        Raises OutcomeUnknown if a hint cannot be kept here.
        """
        outcome = Outcome([0] * len(entries))
        shares = packed.by_peer
        answering = [self._see_through(copy, packed, entries) for copy in copies]
        telling = [self._hinting.tell(name) for name in packed.untold]
        done = await asyncio.gather(*answering, *telling)
        answers = dict(zip(shares, done, strict=False))
        silent = sum(answer is None for answer in answers.values())
        assert len(packed.keeping) >= silent, "no hint is on its way to the disk of one that failed"
        holders = {name: shares[name] for name in shares if answers[name] is not None}
        failed = {name: shares[name] for name in shares if answers[name] is None}
        while failed:
            failed = await self._let_others_hint(failed, holders, packed.keeping)
            for name in failed:
                del holders[name]
        await asyncio.gather(*packed.keeping)
        for name in packed.held_back:
            outcome.superseded.update(shares[name].places)
        for name, share in holders.items():
            outcome.add(share.places, Became.told_by(answers[name] or ReplicateResponse()))
        return outcome

    async def _see_through(
        self, copy: Copy, packed: Shares, entries: Sequence[EntryMessage]
    ) -> ReplicateResponse | None:
        """The answer to a copy; None if the peer does not hold its share for certain."""
        if copy.answer is not None:
            return copy.answer
        name, sent, missed = copy.name, copy.sent, copy.share.as_missed
        asking = self._calls.answer_to(sent)
        answer = await self._heard(name, asking, sent.asked_s, packed.held_back)
        if answer is not None and not copy.was_understood(answer):
            # It said so in a former life. This one is of an older version, and has seen no entries.
            loose, timeout_s = _request(copy.share, entries), self._settings.replication_timeout_s
            asked_s, asking = self._peers.now_s(), self._calls.ask(name, loose, timeout_s)
            answer = await self._heard(name, asking, asked_s, packed.held_back)
        copy.answer = answer
        self._peers[name].exchange.settled(missed)
        if answer is None:
            packed.keeping.append(self._hinting.keep({name: missed}))
            await self._hinting.tell(name)
        return answer

    async def _let_others_hint(
        self,
        failed: Mapping[str, Share],
        holders: Mapping[str, Share],
        keeping: list[asyncio.Future[list[Verdict]]],
    ) -> dict[str, Share]:
        """Have those who hold entries of a failed share keep a hint; return who fails in turn."""
        asked: dict[str, Awaitable[ReplicateResponse | None]] = {}
        timeout_s, now_s = self._settings.replication_timeout_s, self._peers.now_s()
        for name, share in holders.items():
            missed = [
                _message(absent, lost.as_missed)
                for absent, lost in failed.items()
                if not set(lost.places).isdisjoint(share.places)
            ]
            if missed:
                asking = self._calls.ask(name, ReplicateRequest(missed=missed), timeout_s)
                asked[name] = self._heard(name, asking, now_s)
        answers = await asyncio.gather(*asked.values())
        late = [name for name, answer in zip(asked, answers, strict=True) if answer is None]
        if late:
            keeping.append(self._hinting.keep({name: holders[name].as_missed for name in late}))
        return {name: holders[name] for name in late}

    async def _heard(
        self,
        name: str,
        asking: Awaitable[ReplicateResponse],
        asked_s: float,
        held_back: set[str] | None = None,
    ) -> ReplicateResponse | None:
        """What a peer answers; if it does not, it is left behind. See Shares for `held_back`."""
        exchange = self._peers[name].exchange
        try:
            response = await asking
        except PeerUnavailable as error:
            exchange.failures += 1
            reason = error.reason if isinstance(error, PeerRejected) else error
            if held_back is not None and isinstance(reason, HeldBack):
                held_back.add(name)
            if not isinstance(error, PeerUnreachable):
                self._peers.leave_behind(name, str(error))
            return None
        exchange.copies.add(self._peers.now_s() - asked_s)
        return response


def _request(
    share: Share, entries: Sequence[EntryMessage], *, as_block: bool = False
) -> ReplicateRequest:
    missed = [_message(peer, missed) for peer, missed in share.missed.items()]
    if as_block:
        assert isinstance(entries, Block)
        assert len(share.places) == len(entries), "a part of a block is none"
        return ReplicateRequest(block=entries.message, missed=missed)
    return ReplicateRequest(entries=[entries[place] for place in share.places], missed=missed)


def _message(peer: str, missed: Missed) -> MissedWrites:
    return MissedWrites(peer=peer, since=missed.since, count=missed.count)
