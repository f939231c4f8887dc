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
from collections.abc import Callable, Iterable

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.writing.replication import Outcome, Replication
from kvcluster.errors import KvError, NotReady, OutcomeUnknown
from kvcluster.model.entry import Verdict

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

    def __init__(
        self,
        ground: Ground,
        replication: Replication,
        compare_with: Callable[[Iterable[str]], None],
    ) -> None:
        super().__init__(ground)
        self._replication = replication
        self._compare_with = compare_with
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
        # The task starts after every handler that is ready now, so their writes still join.
        if self._gathering and self._on_their_way < self._settings.rounds_in_flight:
            self._on_their_way += 1
            self._spawn(self._travel(), "round")

    async def _travel(self) -> None:
        leaving = self._gathering.pop(0) if self._gathering else Round()
        assert 0 < self._on_their_way <= self._settings.rounds_in_flight
        try:
            if self._time.are_stale(leaving.entries):
                # A frozen process may find itself here before its watch notices the pause.
                leaving.fail(NotReady("this node was stopped before it could send the write"))
            elif leaving.entries:
                leaving.done.set_result(await self._carry_out(leaving.entries))
        except OutcomeUnknown as error:
            leaving.fail(error)
        finally:
            self._on_their_way -= 1
            self._launch()

    async def _carry_out(self, entries: list[EntryMessage]) -> Outcome:
        # No await before all is under way: which peers get the entries, and of which there are
        # hints as missing them, is decided in one step.
        shares, hints = self._replication.pack(entries)
        local = self._store.write(entries, hints)
        try:
            outcome = await self._replication.share(shares, entries)
            verdicts = await local
        except OutcomeUnknown:
            self._compare_with(shares.by_peer)  # they may hold what could not be kept here
            raise
        for place, verdict in enumerate(verdicts):
            outcome.acknowledged[place] += 1
            if verdict is Verdict.OLDER:
                outcome.superseded.add(place)
        most = self._membership.replica_count
        assert max(outcome.acknowledged) <= most, "more hold it than should"
        return outcome
