"""Rounds: client writes go out together, as many as have gathered.

A call to a peer costs about the same for one entry as for fifty, and so does a sync of the
journal. So writes gather while earlier rounds are on their way, and leave together: group commit
(see storage/journal.py) for the network. Nobody waits for a timer: with little to do each write
leaves at once, and a busy node forms large rounds by itself.

One round at a time is the default: with more, rounds get smaller and each write costs more work
than it saves in waiting. (Measured with three nodes on two cores and 64 clients: two at a time
carried 0.8 times the writes of one, three 0.65 times.)
"""

from __future__ import annotations

import asyncio
from functools import partial

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.tasks import failing
from kvcluster.cluster.writing.flights import Flights, Then
from kvcluster.cluster.writing.replication import Outcome
from kvcluster.errors import KvError, NotReady, OutcomeUnknown

from demo_pb2 import Entry as EntryMessage


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

    def fail(self, error: KvError) -> None:
        """Tell everybody who waits why it did not come about."""
        self.done.set_exception(error)
        self.done.exception()  # seen, even if every client has left


class Rounds(OnGround):
    """Gathers writes into rounds and sees them through."""

    def __init__(self, ground: Ground, flights: Flights) -> None:
        super().__init__(ground)
        self._loop = asyncio.get_running_loop()
        self._flights = flights
        self._gathering: list[Round] = []
        self._on_their_way = 0
        """Never more than `rounds_in_flight`."""

    def join(self, entry: EntryMessage) -> tuple[Round, int]:
        """Let a write travel with the next round; return that round and its place in it."""
        if not self._gathering or self._is_full(self._gathering[-1], entry):
            self._gathering.append(Round())
        joined = self._gathering[-1]
        place = joined.add(entry)
        self._launch()
        return joined, place

    @property
    def waiting(self) -> int:
        """How many writes wait for the round before theirs to come back."""
        return sum(len(gathering.entries) for gathering in self._gathering)

    def refuse_waiting(self, why: str) -> None:
        """Send nothing of what is gathered: it is too old to be written now."""
        for waiting in self._gathering:
            waiting.fail(NotReady(why))
        self._gathering.clear()

    def _is_full(self, gathering: Round, entry: EntryMessage) -> bool:
        size_bytes = gathering.size_bytes + entry.ByteSize()
        return (
            size_bytes > self._settings.replication_batch_bytes
            or len(gathering.entries) >= self._settings.replication_batch_entries
        )

    def _launch(self) -> None:
        # It leaves after every handler that is ready now, so their writes still join.
        if self._gathering and self._on_their_way < self._settings.rounds_in_flight:
            self._on_their_way += 1
            self._loop.call_soon(self._leave)

    def _leave(self) -> None:
        leaving = self._gathering.pop(0) if self._gathering else None
        assert 0 < self._on_their_way <= self._settings.rounds_in_flight
        try:
            if leaving is None:  # what had gathered was refused
                self._make_way()
            elif self._time.are_stale(leaving.entries):
                # A frozen process may find itself here before its watch notices the pause.
                leaving.fail(NotReady("this node was stopped before it could send the write"))
                self._make_way()
            else:
                self._carry_out(leaving.entries, partial(self._came_back, leaving))
        except Exception as error:
            self._spawn(failing(error), "round")

    def _carry_out(self, entries: list[EntryMessage], then: Then) -> None:
        self._flights.begin(entries, then)

    def _came_back(self, travelled: Round, outcome: Outcome | OutcomeUnknown) -> None:
        if isinstance(outcome, OutcomeUnknown):
            travelled.fail(outcome)
        else:
            travelled.done.set_result(outcome)
        self._make_way()

    def _make_way(self) -> None:
        self._on_their_way -= 1
        self._launch()
