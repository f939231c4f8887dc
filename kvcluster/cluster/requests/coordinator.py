"""The coordinator: operations on keys that live here, from start to finish.

Each key that is written takes one version and one entry (model/batch_writes.py), and all of them
are written together (writes.py).

Reads come from memory. That they are not stale is not checked here: the gate holds them back
until this node has what others have acknowledged.

Operations that need a majority, with whatever else is asked of their keys, are decided key by key
(cluster/deciding/), beside the others. A plain write of a key that was written with a condition is
one of them: else it would undo what a majority has made sure of.

Who carries an operation out, this node or another, is decided before (router.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from kvcluster.cluster.deciding.decider import Decider
from kvcluster.cluster.deciding.turns import Decided
from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.requests.writes import Endings, Writes
from kvcluster.errors import KvError
from kvcluster.model.batch_writes import BatchWrites, KeyWrite
from kvcluster.model.decision import seen_only
from kvcluster.model.entry import Entry, Version
from kvcluster.model.operation import Operation
from kvcluster.storage.table import to_message

from demo_pb2 import Entry as EntryMessage


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

    def __init__(self, ground: Ground, writes: Writes, decider: Decider) -> None:
        super().__init__(ground)
        self._writes = writes
        self.decider = decider

    def must_decide(self, operation: Operation) -> bool:
        """Whether an operation needs a majority."""
        if operation.decides:
            return True
        store = self._store
        if not operation.writes or not (store.table.decided or store.promises):
            return False
        promised = store.promises.ballot(operation.key) is not None
        return promised or store.table.is_decided(operation.key)

    async def carry_out(
        self, operations: Sequence[Operation], deadline_s: float
    ) -> list[Done | Decided | KvError]:
        """What came of each. Raises NotReady if nothing was done at all."""
        keys = {operation.key for operation in operations if self.must_decide(operation)}
        if not keys:
            plain = await self._carry_out_plainly(operations, deadline_s)
            return list(plain)
        by_key: dict[str, list[int]] = {}
        for place, operation in enumerate(operations):
            by_key.setdefault(operation.key if operation.key in keys else "", []).append(place)
        outcomes: dict[int, Done | Decided | KvError] = {}

        async def see_to(key: str, places: list[int]) -> None:
            some = [operations[place] for place in places]
            carry_out = self._decide if key else self._carry_out_plainly
            try:
                outcomes.update(zip(places, await carry_out(some, deadline_s), strict=True))
            except KvError as error:
                outcomes.update(dict.fromkeys(places, error))

        await asyncio.gather(*(see_to(key, places) for key, places in by_key.items()))
        return [outcomes[place] for place in range(len(operations))]

    async def _decide(
        self, operations: Sequence[Operation], deadline_s: float
    ) -> Sequence[Decided | KvError]:
        """Operations on one key."""
        if any(operation.writes for operation in operations):
            return await self.decider.decide(operations, deadline_s)
        chosen = Decided(seen_only(await self.decider.read(operations[0].key, deadline_s)))
        return [chosen] * len(operations)

    async def _carry_out_plainly(
        self, operations: Sequence[Operation], deadline_s: float
    ) -> Sequence[Done | KvError]:
        if any(operation.reads for operation in operations):
            self._gate.refuse_unless_readable()
        if not any(operation.writes for operation in operations):
            return [Done(self._store.get(operation.key), None) for operation in operations]
        self._gate.refuse_unless_writable()
        writes = BatchWrites(self._store.get, self._time.tick)
        taken = [writes.take(operation) for operation in operations]
        written = await self._write(writes, deadline_s)
        return [_settle(writes, one, written.get(one.key)) for one in taken]

    async def _write(self, writes: BatchWrites, deadline_s: float) -> dict[str, Written | KvError]:
        """Write the last write of each key; what came of each."""
        last = writes.last
        keys, entries = list(last), [to_message(*each) for each in last.items()]

        def renewed(place: int) -> EntryMessage:
            return to_message(keys[place], writes.renew(keys[place]))

        endings = await self._writes.write(entries, renewed, deadline_s)
        replicas = self._membership.replica_count
        return {key: _written(endings, place, replicas) for place, key in enumerate(keys)}


def _written(endings: Endings, place: int, replicas: int) -> Written | KvError:
    if place in endings.failed:
        return endings.failed[place]
    return Written(endings.versions[place], replicas, endings.acknowledged[place])


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
