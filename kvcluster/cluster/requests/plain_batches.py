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

Many puts travel on as a block (storage/block.py), and those of a PutMany came as one: the same in
columns, for clients too. A block has a round to itself, so a few puts are better off with others.

Rejected: a general way that is cheap enough for all. What costs is an object for each operation,
and operations that may differ need one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import methodcaller

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.requests.translation import get_response
from kvcluster.cluster.requests.writes import Endings, Writes
from kvcluster.model.entry import Version, following, is_live
from kvcluster.model.slots import slot_of
from kvcluster.storage.block import Block
from kvcluster.wire.failures import failure_of
from kvcluster.wire.limits import are_fitting

from demo_pb2 import BatchRequest, BatchResponse, PutManyResponse, PutResponse, Result
from demo_pb2 import Block as BlockMessage
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
        membership = self._membership
        return membership.holds_all or membership.held.issuperset(map(slot_of, keys))

    def _got(self, keys: Sequence[str]) -> BatchResponse | None:
        if not self._can_do(keys, ()):
            return None
        held = list(map(self._store.get, keys))
        characters = sum(len(entry[0]) for entry in held if is_live(entry))
        if 4 * characters > min(self._settings.batch_bytes, self._settings.answer_value_bytes):
            return None
        name = self._membership.name
        return BatchResponse(results=[Result(get=get_response(entry, name)) for entry in held])

    async def _put(self, keys: list[str], values: list[str], deadline_s: float) -> BatchResponse:
        _, endings = await self._write(keys, values, deadline_s)
        puts = self._responses(endings.versions, endings.acknowledged)
        answer = BatchResponse(results=[Result(put=put) for put in puts])
        for place, why in endings.failed.items():
            answer.results[place].failure.CopyFrom(failure_of(why, writes=True))
        return answer

    async def put_many(self, block: BlockMessage, deadline_s: float) -> PutManyResponse | None:
        """The same for puts in columns."""
        keys, values = list(block.keys), list(block.values)
        plain = self._gate.readable and len(set(keys)) == len(keys) == len(values) > 0
        if not plain or not self._can_do(keys, values):
            return None
        first, endings = await self._write(keys, values, deadline_s)
        answer = PutManyResponse(
            first_version=first,
            replicas=self._membership.replica_count,
            acknowledged=max(endings.acknowledged),
            served_by=self._membership.name,
        )
        for place, version in enumerate(following(first, len(keys))):
            became, count = endings.versions[place], endings.acknowledged[place]
            if place in endings.failed:
                failure = failure_of(endings.failed[place], writes=True)
                answer.exceptions.add(place=place, result=Result(failure=failure))
            elif became != version or count != answer.acknowledged:
                (put,) = self._responses([became], [count])
                answer.exceptions.add(place=place, result=Result(put=put))
        return answer

    async def _write(
        self, keys: list[str], values: list[str], deadline_s: float
    ) -> tuple[Version, Endings]:
        """The first of their versions, and what came of them. Many travel as a block."""

        def renewed(place: int) -> EntryMessage:
            return EntryMessage(key=keys[place], value=values[place], version=self._time.tick())

        block = Block(keys, values, self._time.ticks(len(keys)))
        many = len(keys) >= self._settings.block_puts and self._membership.holds_all
        entries = block if many else list(block)
        return block.first, await self._writes.write(entries, renewed, deadline_s)

    def _responses(self, versions: Iterable[Version], counts: Iterable[int]) -> list[PutResponse]:
        """What puts are answered with that were done."""
        name, replicas = self._membership.name, self._membership.replica_count
        return [
            PutResponse(version=version, replicas=replicas, acknowledged=count, served_by=name)
            for version, count in zip(versions, counts, strict=True)
        ]
