"""Replication: copies of writes to every other replica, and notes of the copies that failed.

The entries of one round (rounds.py) are sorted into *parcels*, one for each peer that holds some of
them and gets writes now, and all parcels leave at once. A peer that fails costs that round at most
the replication timeout; from then on it gets nothing and is not waited for, until it begins to
pull (peers.py).

Whoever misses a write is noted (model/notes.py). The promise hangs on one sentence:

    *Every node counted in an acknowledgement holds, durably, a note for each replica that is not.*

So whichever of them survives tells the replica what it missed, before that answers a read. A peer
known to be absent is noted in the coordinator's own frame, and named in the parcels of the others
(`missed`). One that fails on the way is noted here, told if it can be reached, and named to the
other holders in a second, empty Replicate; who fails to note it is not counted either. If the
note cannot be kept here, the write is not acknowledged.

What memory says of a note proves nothing about the disk: the frame that was to carry it may have
met a full one. So every frame with writes carries the note of each replica that misses them, known
or not; it costs 40 bytes.

Rejected: a queue for each peer. It kept a slow peer's writes waiting in memory with bounds and
drops of their own; a peer that is behind pulls, which needs no queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field

from kvcluster.cluster.calls import Calls
from kvcluster.cluster.heartbeat import Heartbeats
from kvcluster.cluster.peers import Peers
from kvcluster.config import Settings
from kvcluster.errors import HeldBack, PeerRejected, PeerUnavailable, PeerUnreachable
from kvcluster.model.entry import Verdict, Version
from kvcluster.model.notes import Notes
from kvcluster.model.parcels import Missed, Parcel, pack
from kvcluster.model.slots import Home, slot_of
from kvcluster.storage.store import Store

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import MissedWrites, ReplicateRequest, ReplicateResponse


@dataclass
class Parcels:
    """A round, sorted."""

    by_peer: dict[str, Parcel]
    untold: list[str]
    """Peers that answer, miss some of it, and do not know yet that they are behind."""
    noting: list[asyncio.Future[list[Verdict]]] = field(default_factory=list)
    """Notes of those who failed on the way, while they become durable here."""
    held_back: set[str] = field(default_factory=set)
    """Peers that take the round for one that a network held back, though it left just now: our own
    clock stood still, and does not know it. They may hold something newer of anything in it."""


@dataclass
class Shared:
    """What the peers made of the entries of one round, by the entries' places."""

    acknowledged: list[int]
    """How many peers hold the entry, or something newer, durably."""
    superseded: set[int]
    """Which entries met something newer at some peer, or may have."""


class Replication:
    """Sends entries to peers and keeps notes of those that miss them."""

    def __init__(
        self,
        peers: Peers,
        calls: Calls,
        store: Store,
        *,
        home: Home,
        notes: Notes,
        settings: Settings,
        heartbeats: Heartbeats,
    ) -> None:
        self._peers = peers
        self._calls = calls
        self._store = store
        self._home = home
        self._notes = notes
        self._settings = settings
        self._heartbeats = heartbeats

    def pack(self, entries: Sequence[EntryMessage]) -> tuple[Parcels, list[MissedWrites]]:
        """Sort entries into parcels; also the notes to journal with them, in the same frame."""
        writes = [(slot_of(entry.key), Version(entry.version)) for entry in entries]
        parcels, absent = pack(writes, self._home.others, lambda n: self._peers[n].gets_writes)
        notes = self._note(absent)
        untold = [n for n in absent if self._peers[n].alive and not self._peers[n].told]
        return Parcels(parcels, untold), notes

    def note(self, missed: Sequence[MissedWrites]) -> list[MissedWrites]:
        """Note what a coordinator says that others missed; return what to journal."""
        known = [note for note in missed if note.peer in self._peers]
        before = {note.peer: self._notes.since(note.peer) for note in known}
        notes = self._note({note.peer: Missed(Version(note.since), note.count) for note in known})
        for note in notes:
            if note.since != before[note.peer]:
                self._heartbeats.poke(note.peer)  # if we can reach it, it learns of it at once
        return notes

    async def share(self, packed: Parcels, entries: Sequence[EntryMessage]) -> Shared:
        """Send every parcel; return when each peer has answered or failed, and is noted if so.

        Raises OutcomeUnknown if a note cannot be kept here.
        """
        shared = Shared([0] * len(entries), set())
        parcels = packed.by_peer
        sending = [self._send(name, packed, entries) for name in parcels]
        telling = [self._heartbeats.tell(name) for name in packed.untold]
        done = await asyncio.gather(*sending, *telling)
        answers = dict(zip(parcels, done, strict=False))
        holders = {name: parcels[name] for name in parcels if answers[name] is not None}
        failed = {name: parcels[name] for name in parcels if answers[name] is None}
        while failed:
            failed = await self._let_others_note(failed, holders, packed.noting)
            for name in failed:
                del holders[name]
        await asyncio.gather(*packed.noting)
        for name in packed.held_back:
            shared.superseded.update(parcels[name].places)
        for name, parcel in holders.items():
            for place in parcel.places:
                shared.acknowledged[place] += 1
            answer = answers[name]
            older = frozenset(answer.superseded if answer else ())
            shared.superseded.update(p for i, p in enumerate(parcel.places) if i in older)
        return shared

    async def _send(
        self, name: str, packed: Parcels, entries: Sequence[EntryMessage]
    ) -> ReplicateResponse | None:
        """Send to one peer; None if it does not hold its parcel for certain."""
        parcel = packed.by_peer[name]
        request = ReplicateRequest(
            entries=[entries[place] for place in parcel.places],
            missed=[_message(peer, missed) for peer, missed in parcel.missed.items()],
        )
        with self._peers[name].exchange.sending(parcel.as_missed):
            response = await self._replicate(name, request, packed.held_back)
        if response is None:
            packed.noting.append(self._store.write([], self._note({name: parcel.as_missed})))
            await self._heartbeats.tell(name)
        return response

    async def _let_others_note(
        self,
        failed: Mapping[str, Parcel],
        holders: Mapping[str, Parcel],
        noting: list[asyncio.Future[list[Verdict]]],
    ) -> dict[str, Parcel]:
        """Have those who hold entries of a failed parcel note it; return those who fail in turn."""
        asked: dict[str, Awaitable[ReplicateResponse | None]] = {}
        for name, parcel in holders.items():
            missed = [
                _message(absent, lost.as_missed)
                for absent, lost in failed.items()
                if not set(lost.places).isdisjoint(parcel.places)
            ]
            if missed:
                asked[name] = self._replicate(name, ReplicateRequest(missed=missed))
        answers = await asyncio.gather(*asked.values())
        late = [name for name, answer in zip(asked, answers, strict=True) if answer is None]
        if late:
            missed = self._note({name: holders[name].as_missed for name in late})
            noting.append(self._store.write([], missed))
        return {name: holders[name] for name in late}

    async def _replicate(
        self, name: str, request: ReplicateRequest, held_back: set[str] | None = None
    ) -> ReplicateResponse | None:
        """One call; if it fails, the peer is left behind. See Parcels for `held_back`."""
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

    def _note(self, missed: Mapping[str, Missed]) -> list[MissedWrites]:
        """Note that peers missed writes; return every such note, to be journaled with them."""
        for name, what in missed.items():
            if self._notes.miss(name, what.since, what.count):
                self._peers[name].told = False
        return [MissedWrites(peer=name, since=self._notes.since(name) or b"") for name in missed]


def _message(peer: str, missed: Missed) -> MissedWrites:
    return MissedWrites(peer=peer, since=missed.since, count=missed.count)
