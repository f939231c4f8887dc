"""Replication: copies of writes to every other replica, and notes of the copies that failed.

`share` takes the entries of one round (rounds.py) and sends them to every peer that is ALIVE, all
at once. A peer that fails costs that round at most the replication timeout: from then on it is
not ALIVE (model/peer.py), gets nothing and is not waited for, until it begins to pull.

Whoever misses a write is noted (model/notes.py). The order is the promise: before the write is
acknowledged the note is durable, so the peer will learn of it, whatever dies next; and the peer
was told, if it can be reached at all, so it answers no read without the write.

Rejected: a queue for each peer. It kept a slow peer's writes waiting in memory with bounds and
drops of their own; a peer that is behind pulls, which needs no queue.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from kvcluster.cluster.peers import Peer, Peers
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.cluster.transport import Transport
from kvcluster.config import Settings
from kvcluster.errors import OutcomeUnknown, PeerRefused, PeerUnavailable, PeerUnreachable
from kvcluster.model.entry import Version
from kvcluster.model.notes import Notes
from kvcluster.model.peer import Happening
from kvcluster.storage.store import Store

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import MissedWrites, ReplicateRequest


@dataclass(frozen=True)
class Shared:
    """What the peers made of the entries of one round."""

    acknowledged: int
    """Peers that hold the entries, or something newer, durably."""
    superseded: frozenset[int]
    """Which of the entries met something newer at some peer, by their place."""


class Replication:
    """Sends entries to peers and keeps notes of those that miss them."""

    def __init__(
        self,
        peers: Peers,
        transport: Transport,
        store: Store,
        *,
        self_name: str,
        notes: Notes,
        time: Timekeeper,
        settings: Settings,
        tell: Callable[[str], Awaitable[None]],
    ) -> None:
        self._peers = peers
        self._transport = transport
        self._store = store
        self._self_name = self_name
        self._notes = notes
        self._time = time
        self._settings = settings
        self._tell = tell

    def note_absent(self, version: Version, sender: str = "") -> list[MissedWrites]:
        """Note every peer that a write does not reach; return what to journal with it.

        `sender` is the peer that the write came from, if it came from one.
        """
        absent = [p.name for p in self._peers if not p.gets_writes and p.name != sender]
        return self._note(absent, version)

    def alive(self) -> list[Peer]:
        """The peers that get writes now."""
        return [peer for peer in self._peers if peer.gets_writes]

    async def share(self, peers: Sequence[Peer], entries: Sequence[EntryMessage]) -> Shared:
        """Send entries to peers, all at once; return when each has answered or failed."""
        if not peers:
            return Shared(0, frozenset())
        request = ReplicateRequest(sender=self._self_name, clock=self._time.now(), entries=entries)
        answers = await asyncio.gather(*(self._send(peer, request) for peer in peers))
        held = [superseded for superseded in answers if superseded is not None]
        return Shared(len(held), frozenset(index for indexes in held for index in indexes))

    async def _send(self, peer: Peer, request: ReplicateRequest) -> Sequence[int] | None:
        """Send to one peer: the places of superseded entries, or None if it does not hold them."""
        timeout_s = self._settings.replication_timeout_s
        try:
            response = await self._transport.replicate(peer.name, request, timeout_s)
            self._time.accept(peer.name, response.clock, stale_is_fine=True)
        except (PeerUnavailable, PeerRefused) as error:
            await self._leave_behind(peer, request.entries, error)
            return None
        return response.superseded

    async def _leave_behind(
        self, peer: Peer, entries: Iterable[EntryMessage], error: Exception
    ) -> None:
        """Stop sending to a peer; note durably, and tell it, that it missed entries."""
        missed = self._note([peer.name], Version(min(entry.version for entry in entries)))
        gone = isinstance(error, PeerUnreachable)
        self._peers.happen(peer.name, Happening.GONE if gone else Happening.FAILED, str(error))
        # Written even if there is nothing new to note: another round's note may still be on its
        # way to disk, and this waits for it. If the disk fails, so does the write itself.
        noted = self._store.write([], missed)
        await self._tell(peer.name)
        with contextlib.suppress(OutcomeUnknown):
            await noted

    def _note(self, names: Iterable[str], version: Version) -> list[MissedWrites]:
        """Note that peers missed a write; return the notes that are not on disk yet."""
        changed = [name for name in names if self._notes.miss(name, version)]
        return [MissedWrites(peer=name, since=self._notes.since(name) or b"") for name in changed]
