"""The coordinator: operations on keys that live here, from start to finish.

Each key that is written takes one version and one entry (model/batch_writes.py), and all of them
join a round (cluster/writing/rounds.py), which takes two roads at once: into this node's journal,
and to every other replica. A write is acknowledged when it is durable here and every replica that
is waited for has answered or failed. The answer says how many hold it; the caller decides whether
that is enough.

A replica that already holds something newer says so. Then the version was too old (our clock was
behind, or another client wrote at the same moment): the write takes a newer one and goes out
once more, because a write that is acknowledged must not already be invisible.

Reads come from memory. That they are not stale is not checked here: the gate holds them back
until this node has what others have acknowledged.

Who carries an operation out, this node or another, is decided before (router.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.peers.tasks import within
from kvcluster.cluster.writing.rounds import Rounds
from kvcluster.errors import DiskIsFull, KvError, NothingWritten, OutcomeUnknown
from kvcluster.model.batch_writes import BatchWrites, KeyWrite
from kvcluster.model.entry import Entry, Version, version_of
from kvcluster.model.operation import Operation
from kvcluster.storage.table import to_message


class Written(NamedTuple):
    """An acknowledged write, in the words in which its answer tells of it."""

    version: Version
    replicas: int
    """Nodes that should hold the key."""
    acknowledged: int
    """Nodes that hold this write, or a newer one, on disk now."""


class Done(NamedTuple):
    """One operation that was carried out."""

    seen: Entry | None
    """What was there before it."""
    written: Written | None
    """If it writes."""


class Coordinator(OnGround):
    """Carries out operations here. Deadlines are times of the event loop's clock."""

    def __init__(self, ground: Ground, rounds: Rounds) -> None:
        super().__init__(ground)
        self._rounds = rounds

    async def carry_out(
        self, operations: Sequence[Operation], deadline_s: float
    ) -> list[Done | KvError]:
        """What came of each. Raises NotReady if nothing was done at all."""
        if any(operation.reads for operation in operations):
            self._gate.refuse_unless_readable()
        if not any(operation.writes for operation in operations):
            return [Done(self._store.get(operation.key), None) for operation in operations]
        self._gate.refuse_unless_writable()
        writes = BatchWrites(self._store.get, self._time.tick)
        taken = [writes.take(operation) for operation in operations]
        written = await self._write_all(writes.last, writes.renew, deadline_s)
        return [_settle(writes, one, written.get(one.key)) for one in taken]

    async def _write_all(
        self, entries: Mapping[str, Entry], renew: Callable[[str], Entry], deadline_s: float
    ) -> dict[str, Written | KvError]:
        """Write one entry for each key, everywhere, in one round; what came of each.

        `renew` gives the entry of a key in a newer version.
        """
        try:
            self._store.refuse_if_full()
        except DiskIsFull as error:
            return dict.fromkeys(entries, error)
        done, superseded = await self._write_once(entries, deadline_s)
        if superseded:
            newer = {key: renew(key) for key in superseded}
            assert all(version_of(newer[key]) > version_of(entries[key]) for key in superseded)
            again, _ = await self._write_once(newer, deadline_s)
            for key, written in again.items():
                # Nothing was written this time; the first time, something was.
                unknown = isinstance(written, NothingWritten)
                done[key] = OutcomeUnknown(str(written)) if unknown else written
        return done

    async def _write_once(
        self, entries: Mapping[str, Entry], deadline_s: float
    ) -> tuple[dict[str, Written | KvError], list[str]]:
        """One version of each; also the keys of those that met something newer."""
        pauses, replicas = self._gate.pauses, self._membership.replica_count
        joined = {key: self._rounds.join(to_message(key, e)) for key, e in entries.items()}
        done: dict[str, Written | KvError] = {}
        superseded = []
        for key, (travelling, place) in joined.items():
            try:
                outcome = await within(travelling.done, deadline_s, "storing the write")
            except KvError as error:
                done[key] = error
                continue
            done[key] = Written(version_of(entries[key]), replicas, outcome.acknowledged[place])
            if place in outcome.superseded:
                superseded.append(key)
        if not self._gate.was_away_since(pauses):
            return done, superseded
        why = OutcomeUnknown("this node was stopped while it wrote; the write may survive")
        return {key: d if isinstance(d, KvError) else why for key, d in done.items()}, []


def _settle(
    writes: BatchWrites, one: KeyWrite, written: Written | KvError | None
) -> Done | KvError:
    """What came of one operation. `written`: what came of the last write of its key, if any."""
    if one.depends and isinstance(written, KvError):
        return written
    if not one.writes or not isinstance(written, Written):
        return Done(writes.seen(one), None)
    version = writes.version(one)
    if version != written.version:
        # It was overwritten in its own batch: as safe as what overwrote it, and older.
        written = written._replace(version=version)
    return Done(writes.seen(one), written)
