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

A round that is a block (storage/block.py) goes to every peer as it is. It is only formed where all
nodes hold all keys, so there are no shares of it.

Rejected: a queue for each peer. It kept a slow peer's writes waiting in memory with bounds and
drops of their own; a peer that is behind pulls, which needs no queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.writing.hinting import Hinting
from kvcluster.errors import HeldBack, PeerRejected, PeerUnavailable, PeerUnreachable
from kvcluster.model.entry import Verdict, Version
from kvcluster.model.fanout import Missed, Share, pack
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


@dataclass(slots=True)
class Outcome:
    """How a round ended, by the places of its entries."""

    acknowledged: list[int]
    """Nodes that hold the entry, or something newer, durably."""
    superseded: set[int]
    """Entries that met something newer somewhere, or may have."""


class Replication(OnGround):
    """Sends entries to peers, and has hints kept for those that miss them."""

    def __init__(self, ground: Ground, peering: Peering, hinting: Hinting) -> None:
        super().__init__(ground)
        self._peers = peering.peers
        self._calls = peering.calls
        self._hinting = hinting

    def pack(self, entries: Sequence[EntryMessage]) -> tuple[Shares, list[MissedWrites]]:
        """Sort entries into shares; also the hints to journal with them, in the same frame."""
        others, peers = self._membership.others, self._peers
        shares, absent = pack(self._writes(entries), others, lambda name: peers[name].gets_writes)
        hints = self._hinting.missed(absent)
        return Shares(shares, self._hinting.untold(absent)), hints

    def _writes(self, entries: Sequence[EntryMessage]) -> list[tuple[int, Version]]:
        """The slot and the version of each. Where all nodes hold all slots, any slot is as good."""
        versions = versions_of(entries)
        if self._membership.holds_all:
            return [(0, version) for version in versions]
        slots = [slot_of(entry.key) for entry in entries]
        return list(zip(slots, versions, strict=True))

    async def share(self, packed: Shares, entries: Sequence[EntryMessage]) -> Outcome:
        """Send every share; return when each peer has answered or failed, and there is a hint if
        so. What came of the entries here is not in it yet.

        Raises OutcomeUnknown if a hint cannot be kept here.
        """
        outcome = Outcome([0] * len(entries), set())
        shares = packed.by_peer
        sending = [self._send(name, packed, entries) for name in shares]
        telling = [self._hinting.tell(name) for name in packed.untold]
        done = await asyncio.gather(*sending, *telling)
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
            for place in share.places:
                outcome.acknowledged[place] += 1
            answer = answers[name]
            older = frozenset(answer.superseded if answer else ())
            outcome.superseded.update(p for i, p in enumerate(share.places) if i in older)
        return outcome

    async def _send(
        self, name: str, packed: Shares, entries: Sequence[EntryMessage]
    ) -> ReplicateResponse | None:
        """Send to one peer; None if it does not hold its share for certain."""
        share = packed.by_peer[name]
        with self._peers[name].exchange.sending(share.as_missed):
            response = await self._copy(name, packed, entries)
        if response is None:
            packed.keeping.append(self._hinting.keep({name: share.as_missed}))
            await self._hinting.tell(name)
        return response

    async def _copy(
        self, name: str, packed: Shares, entries: Sequence[EntryMessage]
    ) -> ReplicateResponse | None:
        """Have a peer store its share; a block as it is, if the peer takes that."""
        share = packed.by_peer[name]
        missed = [_message(peer, missed) for peer, missed in share.missed.items()]
        if isinstance(entries, Block) and self._peers[name].takes_blocks:
            assert len(share.places) == len(entries), "a part of a block is none"
            request = ReplicateRequest(block=entries.message, missed=missed)
            response = await self._replicate(name, request, packed.held_back)
            if response is None or response.block == len(entries):
                return response
            # It said so in a former life. This one is of an older version, and has seen no entries.
        chosen = [entries[place] for place in share.places]
        request = ReplicateRequest(entries=chosen, missed=missed)
        return await self._replicate(name, request, packed.held_back)

    async def _let_others_hint(
        self,
        failed: Mapping[str, Share],
        holders: Mapping[str, Share],
        keeping: list[asyncio.Future[list[Verdict]]],
    ) -> dict[str, Share]:
        """Have those who hold entries of a failed share keep a hint; return who fails in turn."""
        asked: dict[str, Awaitable[ReplicateResponse | None]] = {}
        for name, share in holders.items():
            missed = [
                _message(absent, lost.as_missed)
                for absent, lost in failed.items()
                if not set(lost.places).isdisjoint(share.places)
            ]
            if missed:
                asked[name] = self._replicate(name, ReplicateRequest(missed=missed))
        answers = await asyncio.gather(*asked.values())
        late = [name for name, answer in zip(asked, answers, strict=True) if answer is None]
        if late:
            keeping.append(self._hinting.keep({name: holders[name].as_missed for name in late}))
        return {name: holders[name] for name in late}

    async def _replicate(
        self, name: str, request: ReplicateRequest, held_back: set[str] | None = None
    ) -> ReplicateResponse | None:
        """One call; if it fails, the peer is left behind. See Shares for `held_back`."""
        asked_s, exchange = self._peers.now_s(), self._peers[name].exchange
        timeout_s = self._settings.replication_timeout_s
        try:
            response: ReplicateResponse = await self._calls.ask(name, request, timeout_s)
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


def _message(peer: str, missed: Missed) -> MissedWrites:
    return MissedWrites(peer=peer, since=missed.since, count=missed.count)
