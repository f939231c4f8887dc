"""Rounds: client writes go out together, as many as have gathered.

A call to a peer costs about the same for one entry as for fifty, and so does a sync of the
journal. So writes gather while earlier rounds are on their way, and leave together: group commit
(see storage/journal.py) for the network. With little to do each write leaves at once.

**A moment longer, where others wait.** gRPC hands calls to the event loop one by one, so of 64 that
write all the time only a handful have joined when a round comes back, and rounds stay small. So
when some callers wait then, they wait on for those who may come: until as many have joined as wait
now and as have just been answered, who mostly write again; but for `gather_s` at most. Who is
alone, or among few, is never kept waiting, however much it writes in one call.

A block (storage/block.py) is so many writes already that it has a round to itself. A small one is a
block only as long as it is alone: else its writes are better off in a round with those of others.

Two rounds at a time are the default: while one is on the disks, the next is on its way. But only a
block leaves while another is away. Writes that came one by one wait, or rounds of many callers get
so small that each costs more work than it saves in waiting. (Measured with three nodes on two cores
and 64 clients: of the library, which sends blocks, two rounds carried 1.1 times the writes of one;
of plain calls, one carried 1.3 times those of two.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.tasks import failing
from kvcluster.cluster.writing.flights import Flights, Then
from kvcluster.cluster.writing.outcome import Outcome
from kvcluster.errors import KvError, NotReady, OutcomeUnknown
from kvcluster.storage.block import Block, size_bytes

from demo_pb2 import Entry as EntryMessage


class Round:
    """Writes that travel together. A block of less than `block_puts` can be loosened for others."""

    def __init__(self, block_puts: int) -> None:
        self._block_puts = block_puts
        self._loose: list[EntryMessage] = []
        self._block: Block | None = None
        self.callers = 0
        self.size_bytes = 0
        self.done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        """Resolves once every entry is durable here and the peers have answered or failed."""

    def add(self, entries: Sequence[EntryMessage], size_bytes: int) -> Seats:
        """Add some writes."""
        assert self.takes(entries), "a large block travels alone"
        places = range(len(self.entries), len(self.entries) + len(entries))
        if isinstance(entries, Block) and not self.entries:
            self._block = entries
        else:
            if self._block is not None:
                self._loose, self._block = list(self._block), None
            self._loose += entries
        self.callers += 1
        self.size_bytes += size_bytes
        return Seats(self, places)

    def takes(self, entries: Sequence[EntryMessage]) -> bool:
        """Whether such entries may be added at all. A large block travels alone."""
        return not self.entries or not (self._is_large(entries) or self._is_large(self.entries))

    def _is_large(self, entries: Sequence[EntryMessage]) -> bool:
        return isinstance(entries, Block) and len(entries) >= self._block_puts

    @property
    def entries(self) -> Sequence[EntryMessage]:
        """All writes in it, by place."""
        return self._loose if self._block is None else self._block

    def fail(self, error: KvError) -> None:
        """Tell everybody who waits why it did not come about."""
        self.done.set_exception(error)
        self.done.exception()  # seen, even if every client has left


@dataclass(frozen=True, slots=True)
class Seats:
    """Writes of one caller in a round, by their places in it."""

    round: Round
    places: range


class Rounds(OnGround):
    """Gathers writes into rounds and sees them through."""

    def __init__(self, ground: Ground, flights: Flights) -> None:
        super().__init__(ground)
        self._loop = asyncio.get_running_loop()
        self._flights = flights
        self._gathering: list[Round] = []
        self._on_their_way = 0
        """Never more than `rounds_in_flight`."""
        self._waits: asyncio.TimerHandle | None = None
        """The next round could leave, and waits for more. It ends with this timer at the latest."""
        self._enough = 0
        """With so many it waits no longer."""

    def join(self, entries: Sequence[EntryMessage]) -> list[Seats]:
        """Let writes travel with the next round, and with those behind it as far as that is full.

        They are taken in halves, and halves of these, until each part has room.
        """
        if not entries:
            return []
        if not self._gathering or not self._gathering[-1].takes(entries):
            self._gathering.append(Round(self._settings.block_puts))
        bytes_of_all = size_bytes(entries)
        if not self._has_room(self._gathering[-1], len(entries), bytes_of_all):
            if len(entries) > 1:
                middle = len(entries) // 2
                return self.join(entries[:middle]) + self.join(entries[middle:])
            self._gathering.append(Round(self._settings.block_puts))
        part = self._gathering[-1].add(entries, bytes_of_all)
        self._launch()
        return [part]

    @property
    def waiting(self) -> int:
        """How many writes wait for the round before theirs to come back."""
        return sum(len(gathering.entries) for gathering in self._gathering)

    def refuse_waiting(self, why: str) -> None:
        """Send nothing of what is gathered: it is too old to be written now."""
        for waiting in self._gathering:
            waiting.fail(NotReady(why))
        self._gathering.clear()

    def _has_room(self, gathering: Round, count: int, size_bytes: int) -> bool:
        if count == 1 and not gathering.entries:  # however large, it must travel
            return True
        return (
            gathering.size_bytes + size_bytes <= self._settings.replication_batch_bytes
            and len(gathering.entries) + count <= self._settings.replication_batch_entries
        )

    def _launch(self) -> None:
        """Let the next round leave, if there is one, and room on the way, and no reason to wait."""
        if not self._gathering or self._on_their_way >= self._settings.rounds_in_flight:
            return
        if self._on_their_way and not isinstance(self._gathering[0].entries, Block):
            return
        if self._waits is not None:
            if len(self._gathering) == 1 and self._gathering[0].callers < self._enough:
                return
            self._waits.cancel()
            self._waits = None
        self._on_their_way += 1
        # It leaves after every handler that is ready now, so their writes still join.
        self._loop.call_soon(self._leave)

    def _leave(self) -> None:
        leaving = self._gathering.pop(0) if self._gathering else None
        assert 0 < self._on_their_way <= self._settings.rounds_in_flight
        try:
            if leaving is None:  # what had gathered was refused
                self._make_way(0)
            elif self._time.are_stale(leaving.entries):
                # A frozen process may find itself here before its watch notices the pause.
                leaving.fail(NotReady("this node was stopped before it could send the write"))
                self._make_way(0)
            else:
                self._carry_out(leaving.entries, partial(self._came_back, leaving))
        except Exception as error:
            self._spawn(failing(error), "round")

    def _carry_out(self, entries: Sequence[EntryMessage], then: Then) -> None:
        self._flights.begin(entries, then)

    def _came_back(self, travelled: Round, outcome: Outcome | OutcomeUnknown) -> None:
        if isinstance(outcome, OutcomeUnknown):
            travelled.fail(outcome)
        else:
            travelled.done.set_result(outcome)
        self._make_way(travelled.callers)

    def _make_way(self, answered: int) -> None:
        """A round is over, and so many callers of it were answered: they may write again."""
        self._on_their_way -= 1
        waiting = sum(gathering.callers for gathering in self._gathering)
        self._enough = min(waiting + answered, self._settings.gather_to)
        if self._waits is None and self._settings.gather_from <= waiting < self._enough:
            self._waits = self._loop.call_later(self._settings.gather_s, self._have_waited)
        self._launch()

    def _have_waited(self) -> None:
        self._waits, self._enough = None, 0
        self._launch()
