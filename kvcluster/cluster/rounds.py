"""Rounds: client writes go out together, as many as have gathered.

A call to a peer costs about the same for one entry as for fifty, and so does a sync of the
journal. So writes gather while earlier rounds are on their way, and leave together: group commit
(see journal.py) for the network. Nobody waits for a timer: with little to do each write leaves at
once, and a busy node forms large rounds by itself.

One round at a time is the default: with more, rounds get smaller and each write costs more work
than it saves in waiting. (Measured with three nodes on two cores and 64 clients: two at a time
carried 0.8 times the writes of one, three 0.65 times.)

One slow peer holds up one round, once, for the replication timeout; after that it is left behind
and no round waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from kvcluster.cluster.replication import Replication
from kvcluster.config import Settings
from kvcluster.errors import OutcomeUnknown
from kvcluster.model.entry import Verdict, Version
from kvcluster.storage.store import Spawn, Store

from demo_pb2 import Entry as EntryMessage


@dataclass(frozen=True)
class Outcome:
    """How a round ended."""

    acknowledged: int
    """Nodes that hold its entries durably, this one included."""
    superseded: frozenset[int]
    """Entries that met something newer, by their place."""


class Round:
    """Writes that travel together."""

    def __init__(self) -> None:
        self.entries: list[EntryMessage] = []
        self.size_bytes = 0
        self.done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        """Resolves once every entry is durable here and the peers have answered or failed."""

    def add(self, entry: EntryMessage) -> int:
        """Add a write; return its place."""
        self.entries.append(entry)
        self.size_bytes += entry.ByteSize()
        return len(self.entries) - 1


class Rounds:
    """Gathers writes into rounds and sees them through."""

    def __init__(
        self,
        store: Store,
        replication: Replication,
        *,
        settings: Settings,
        spawn: Spawn,
        heal: Callable[[list[str]], None],
    ) -> None:
        self._store = store
        self._replication = replication
        self._settings = settings
        self._spawn = spawn
        self._heal = heal
        self._gathering: list[Round] = []
        self._on_their_way = 0

    def join(self, entry: EntryMessage) -> tuple[Round, int]:
        """Let a write travel with the next round; return that round and its place in it."""
        if not self._gathering or self._is_full(self._gathering[-1], entry):
            self._gathering.append(Round())
        joined = self._gathering[-1]
        place = joined.add(entry)
        self._launch()
        return joined, place

    def _is_full(self, gathering: Round, entry: EntryMessage) -> bool:
        size_bytes = gathering.size_bytes + entry.ByteSize()
        return size_bytes > self._settings.replication_batch_bytes

    def _launch(self) -> None:
        # The task starts after every handler that is ready now, so their writes still join.
        if self._gathering and self._on_their_way < self._settings.rounds_in_flight:
            self._on_their_way += 1
            self._spawn(self._travel(), "round")

    async def _travel(self) -> None:
        leaving = self._gathering.pop(0) if self._gathering else Round()
        try:
            if leaving.entries:
                leaving.done.set_result(await self._carry_out(leaving.entries))
        except OutcomeUnknown as error:
            leaving.done.set_exception(error)
            leaving.done.exception()  # seen, even if every client has left
        finally:
            self._on_their_way -= 1
            self._launch()

    async def _carry_out(self, entries: list[EntryMessage]) -> Outcome:
        # No await before both are under way: which peers get the entries, and which are noted as
        # missing them, is decided in one step.
        oldest = Version(min(entry.version for entry in entries))
        notes = self._replication.note_absent(oldest)
        local = self._store.write(entries, notes)
        peers = self._replication.alive()
        shared = await self._replication.share(peers, entries)
        try:
            verdicts = await local
        except OutcomeUnknown:
            self._heal([peer.name for peer in peers])  # they may hold what could not be kept here
            raise
        here = {place for place, verdict in enumerate(verdicts) if verdict is Verdict.OLDER}
        return Outcome(1 + shared.acknowledged, shared.superseded | here)
