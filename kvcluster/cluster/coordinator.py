"""The coordinator: one client operation on a key that lives here, from start to finish.

A write takes a version and joins a round (rounds.py), which takes two roads at once: into this
node's journal, and to every other replica. It is acknowledged when it is durable here and every
replica that is waited for has answered or failed. The answer says how many hold it; the caller
decides whether that is enough.

A replica that already holds something newer says so. Then the version was too old (our clock was
behind, or another client wrote at the same moment): the write takes a newer one and goes out
once more, because a write that is acknowledged must not already be invisible.

Reads come from memory. That they are not stale is not checked here: the gate holds them back
until this node has what others have acknowledged.

This is the seam where other kinds of operation will join (linearizable reads and compare-and-set
on the same replicas): callers know only `put`, `get` and `delete`. Who carries out an operation,
this node or another, is decided before (router.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from kvcluster.cluster.gate import Gate
from kvcluster.cluster.rounds import Rounds
from kvcluster.cluster.timekeeper import Timekeeper
from kvcluster.cluster.waiting import within
from kvcluster.errors import NothingWritten, OutcomeUnknown
from kvcluster.model.entry import Entry, Version
from kvcluster.storage.codec import to_message
from kvcluster.storage.store import Store


@dataclass(frozen=True)
class Written:
    """An acknowledged write."""

    version: Version
    replicas: int
    """Nodes that should hold the key."""
    acknowledged: int
    """Nodes that hold this write, or a newer one, on disk now."""


class Coordinator:
    """Puts, gets and deletes for clients. Deadlines are times of the event loop's clock."""

    def __init__(
        self,
        store: Store,
        rounds: Rounds,
        gate: Gate,
        time: Timekeeper,
        *,
        replicas: int,
    ) -> None:
        self._store = store
        self._rounds = rounds
        self._gate = gate
        self._time = time
        self._replicas = replicas

    async def put(self, key: str, value: str, deadline_s: float) -> Written:
        """Store a value. Raises NotReady, DiskIsFull, OutcomeUnknown."""
        await self._gate.until_writable(deadline_s)
        return await self._write(key, value, deadline_s)

    async def delete(self, key: str, deadline_s: float) -> tuple[bool, Written]:
        """Remove a key; also say whether it was there. Raises as `put` does."""
        await self._gate.until_writable(deadline_s)
        held = self._store.get(key)
        written = await self._write(key, None, deadline_s)
        return held is not None and held[0] is not None, written

    def get(self, key: str) -> Entry | None:
        """The entry of a key: a value, a tombstone, or None. Raises NotReady."""
        self._gate.refuse_unless_readable()
        return self._store.get(key)

    async def _write(self, key: str, value: str | None, deadline_s: float) -> Written:
        self._store.refuse_if_full()
        written, superseded = await self._write_once(key, value, deadline_s)
        if superseded:
            try:
                written, _ = await self._write_once(key, value, deadline_s)
            except NothingWritten as error:  # this time; the first time, something was
                raise OutcomeUnknown(str(error)) from error
        return written

    async def _write_once(
        self, key: str, value: str | None, deadline_s: float
    ) -> tuple[Written, bool]:
        """One version of a write, everywhere; also whether it met something newer."""
        pauses = self._gate.pauses
        version = self._time.tick()
        joined, place = self._rounds.join(to_message(key, (value, version)))
        outcome = await within(joined.done, deadline_s, "storing the write")
        if self._gate.pauses != pauses:
            raise OutcomeUnknown("this node was stopped while it wrote; the write may survive")
        written = Written(version, self._replicas, outcome.acknowledged[place])
        return written, place in outcome.superseded
