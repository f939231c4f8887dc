"""Replication: every write to every other replica, at once and in batches.

One sender a peer. A write joins the peer's queue; a call carries all that is waiting, so a slow
network makes larger batches and not a longer queue. Of several writes to one key only the newest
travels: the peer then holds it *or something newer*, which is what an acknowledgement means.

A peer that fails a call costs that one round. It is not waited for any more (model/peer.py), its
queue is dropped, and the writes it misses are noted (model/notes.py): the note is durable before
any of them is acknowledged without it.

Invariant: every ticket is settled exactly once by every peer it was sent to, whatever happens to
the peer, the call, or the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kvcluster.cluster.peers import Peer, Peers
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.cluster.transport import Transport
from kvcluster.config import Settings
from kvcluster.errors import (
    KvError,
    OutcomeUnknown,
    PeerRefused,
    PeerUnavailable,
    PeerUnreachable,
)
from kvcluster.model.entry import Version
from kvcluster.model.notes import Notes
from kvcluster.model.peer import Happening, PeerState
from kvcluster.storage.store import Spawn, Store

from demo_pb2 import Entry as EntryMessage
from demo_pb2 import MissedWrites, ReplicateRequest, ReplicateResponse


class Ticket:
    """What became of one write at the peers. `done` resolves when each of them has settled."""

    def __init__(self, peers: int) -> None:
        self._open = peers
        self.acknowledged = 0
        """Peers that hold the write, or something newer, durably."""
        self.superseded = False
        """Some peer already held something newer."""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not peers:
            self.done.set_result(None)

    def settle(self, *, acknowledged: bool, superseded: bool = False) -> None:
        """One peer has answered, or will not."""
        self._open -= 1
        self.acknowledged += acknowledged
        self.superseded = self.superseded or superseded
        if not self._open and not self.done.done():
            self.done.set_result(None)


@dataclass
class _Waiting:
    """The newest entry of a key on its way to a peer, and every ticket that it settles."""

    entry: EntryMessage
    tickets: list[Ticket] = field(default_factory=list)


class Replication:
    """Sends writes to peers and keeps notes of those that they miss."""

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
        spawn: Spawn,
    ) -> None:
        self._peers = peers
        self._store = store
        self.notes = notes
        self._senders = {
            peer.name: _Sender(peer, transport, self, self_name, time, settings, spawn)
            for peer in peers
        }
        for name, sender in self._senders.items():
            spawn(sender.run(), f"replication to {name}")
        peers.listen(self._peer_changed)

    def note_absent(self, version: Version, sender: str = "") -> list[MissedWrites]:
        """Note every peer that a write will not reach; return what must be journaled with it.

        `sender` is the peer the write came from, if it came from one.
        """
        absent = [p.name for p in self._peers if not p.gets_writes and p.name != sender]
        return self.note(absent, version)

    def note(self, names: Iterable[str], version: Version) -> list[MissedWrites]:
        """Note that peers missed a write; return the notes that are not on disk yet."""
        changed = [name for name in names if self.notes.miss(name, version)]
        return [MissedWrites(peer=name, since=self.notes.since(name) or b"") for name in changed]

    def send(self, entry: EntryMessage) -> Ticket:
        """Send a write to every peer that gets writes."""
        alive = [self._senders[peer.name] for peer in self._peers if peer.gets_writes]
        ticket = Ticket(len(alive))
        for sender in alive:
            sender.offer(entry, ticket)
        return ticket

    async def failed(self, peer: Peer, waiting: Sequence[_Waiting], error: KvError) -> None:
        """A peer will not get these: note it durably, then settle their tickets."""
        missed = [
            note for item in waiting for note in self.note([peer.name], Version(item.entry.version))
        ]
        gone = isinstance(error, PeerUnreachable)
        self._peers.happen(peer.name, Happening.GONE if gone else Happening.FAILED, str(error))
        try:
            # Even with nothing new to note: another call's note may still be on its way to disk.
            await self._store.write([], missed)
        except OutcomeUnknown:
            pass  # the local write fails as well, and its client learns of it
        finally:
            for item in waiting:
                for ticket in item.tickets:
                    ticket.settle(acknowledged=False)

    def _peer_changed(self, peer: Peer, before: PeerState) -> None:
        if not peer.gets_writes:
            self._senders[peer.name].drop_queue()


class _Sender:
    """The queue of one peer and the calls that empty it."""

    def __init__(
        self,
        peer: Peer,
        transport: Transport,
        owner: Replication,
        self_name: str,
        time: Timekeeper,
        settings: Settings,
        spawn: Spawn,
    ) -> None:
        self._peer = peer
        self._transport = transport
        self._owner = owner
        self._self_name = self_name
        self._time = time
        self._settings = settings
        self._spawn = spawn
        self._queue: dict[str, _Waiting] = {}
        self._queue_bytes = 0
        self._wake = asyncio.Event()
        self._free_calls = asyncio.Semaphore(settings.replication_calls_in_flight)

    def offer(self, entry: EntryMessage, ticket: Ticket) -> None:
        """Put a write in the queue; of two entries for one key the newer stays."""
        waiting = self._queue.get(entry.key)
        if waiting is None:
            waiting = self._queue[entry.key] = _Waiting(entry)
            self._queue_bytes += entry.ByteSize()
        elif entry.version > waiting.entry.version:
            self._queue_bytes += entry.ByteSize() - waiting.entry.ByteSize()
            waiting.entry = entry
        waiting.tickets.append(ticket)
        self._wake.set()
        if self._queue_bytes > self._settings.replication_queue_bytes:
            self._give_up(PeerUnavailable("its queue of waiting writes is full"))

    async def run(self) -> None:
        """Send what is waiting, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._free_calls.acquire()
                batch = self._take_batch()
                if not batch:  # the queue was dropped meanwhile
                    self._free_calls.release()
                    break
                self._spawn(self._call(batch), f"call to {self._peer.name}")

    def drop_queue(self) -> None:
        """The peer will not get what is waiting."""
        if self._queue:
            self._give_up(PeerUnavailable("it is not waited for"))

    def _give_up(self, error: PeerUnavailable) -> None:
        dropped, self._queue, self._queue_bytes = list(self._queue.values()), {}, 0
        self._spawn(self._owner.failed(self._peer, dropped, error), f"notes for {self._peer.name}")

    def _take_batch(self) -> list[_Waiting]:
        """The oldest writes of the queue, as many as one call may carry."""
        batch: list[_Waiting] = []
        room_bytes = self._settings.replication_batch_bytes
        for key, waiting in list(self._queue.items()):
            size_bytes = waiting.entry.ByteSize()
            if batch and size_bytes > room_bytes:
                break
            batch.append(self._queue.pop(key))
            self._queue_bytes -= size_bytes
            room_bytes -= size_bytes
        return batch

    async def _call(self, batch: list[_Waiting]) -> None:
        request = ReplicateRequest(
            sender=self._self_name,
            clock=self._time.now(),
            entries=[waiting.entry for waiting in batch],
        )
        timeout_s = self._settings.replication_timeout_s
        try:
            response = await self._transport.replicate(self._peer.name, request, timeout_s)
            self._time.accept(self._peer.name, response.clock, stale_is_fine=True)
        except (PeerUnavailable, PeerRefused) as error:
            await self._owner.failed(self._peer, batch, error)
        else:
            _settle(batch, response)
        finally:
            self._free_calls.release()


def _settle(batch: Sequence[_Waiting], response: ReplicateResponse) -> None:
    superseded = set(response.superseded)
    for index, waiting in enumerate(batch):
        for ticket in waiting.tickets:
            ticket.settle(acknowledged=True, superseded=index in superseded)
