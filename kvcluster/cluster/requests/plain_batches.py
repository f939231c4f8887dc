"""Plain batches: puts of distinct keys, or gets, all of which live here. The short way for them.

Most batches are like this: the library packs what a program asks for at the same time, and an
import sends nothing else. The general way (router.py) makes an operation, a group, a write, what
came of it and an answer for each. That is what mixed batches need, and none of it is needed
here: one pass over the messages makes the entries, one over what came of them the answer.

At the door, before anything is done, it is decided whether a batch is one for the short way.
Whatever is out of the ordinary goes the general way, which knows what to say of it: a key twice, a
key or a value that is too large, a slot that lives elsewhere, a node that does not serve, values
for which an answer has no room. So each of these rules is told once, and a put that is under way
here fails only by what its round meets (writes.py).

Rejected: a general way that is cheap enough for all. What costs is an object for each operation,
and operations that may differ need one.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import methodcaller

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.requests.translation import get_response
from kvcluster.cluster.requests.writes import Writes
from kvcluster.model.entry import is_live
from kvcluster.model.slots import SLOTS, slot_of
from kvcluster.wire.failures import failure_of
from kvcluster.wire.limits import are_fitting

from demo_pb2 import BatchRequest, BatchResponse, PutResponse, Result
from demo_pb2 import Entry as EntryMessage

_kind_of = methodcaller("WhichOneof", "operation")


class PlainBatches(OnGround):
    """Carries them out. Deadlines are times of the event loop's clock."""

    def __init__(self, ground: Ground, writes: Writes) -> None:
        super().__init__(ground)
        self._writes = writes

    async def carry_out(self, request: BatchRequest, deadline_s: float) -> BatchResponse | None:
        """The answer to a batch; None: it must go the general way, and nothing has been done."""
        kinds = set(map(_kind_of, request.operations))
        if len(kinds) != 1 or not self._gate.readable:
            return None
        if kinds == {"get"}:
            return self._got([operation.get.key for operation in request.operations])
        if kinds == {"put"}:
            puts = [operation.put for operation in request.operations]
            keys, values = [put.key for put in puts], [put.value for put in puts]
            if len(set(keys)) == len(keys) and self._can_do(keys, values):
                return await self._put(keys, values, deadline_s)
        return None

    def _can_do(self, keys: Sequence[str], values: Sequence[str]) -> bool:
        """Whether nothing is wrong with any of them, and all of them live here."""
        if not are_fitting(keys, values, self._settings):
            return False
        held = self._membership.held
        return len(held) == SLOTS or held.issuperset(map(slot_of, keys))

    def _got(self, keys: Sequence[str]) -> BatchResponse | None:
        if not self._can_do(keys, ()):
            return None
        held = list(map(self._store.get, keys))
        characters = sum(len(entry[0]) for entry in held if is_live(entry))
        if 4 * characters > min(self._settings.batch_bytes, self._settings.answer_value_bytes):
            return None
        name = self._membership.name
        return BatchResponse(results=[Result(get=get_response(entry, name)) for entry in held])

    async def _put(
        self, keys: Sequence[str], values: Sequence[str], deadline_s: float
    ) -> BatchResponse:
        def renewed(place: int) -> EntryMessage:
            return EntryMessage(key=keys[place], value=values[place], version=self._time.tick())

        versions = self._time.ticks(len(keys))
        parts = zip(keys, values, versions, strict=True)
        entries = [EntryMessage(key=key, value=value, version=it) for key, value, it in parts]
        endings = await self._writes.write(entries, renewed, deadline_s)
        name, replicas = self._membership.name, self._membership.replica_count
        answer = BatchResponse(
            results=[
                Result(
                    put=PutResponse(
                        version=entry.version,
                        replicas=replicas,
                        acknowledged=acknowledged,
                        served_by=name,
                    )
                )
                for entry, acknowledged in zip(endings.entries, endings.acknowledged, strict=True)
            ]
        )
        for place, why in endings.failed.items():
            answer.results[place].failure.CopyFrom(failure_of(why, writes=True))
        return answer
