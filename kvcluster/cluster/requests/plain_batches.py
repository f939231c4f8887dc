"""Plain batches: puts of distinct keys, or gets, all of which live here. The short way for them.

Most batches are like this: the library packs what a program asks for at the same time, and an
import sends nothing else. The general way (router.py) makes an operation, a group, a write, what
came of it and an answer for each. That is what mixed batches need, and none of it is needed
here: one pass over the messages makes the entries, one over what came of them the answer.

At the door, before anything is done, it is decided whether a batch is one for the short way.
Whatever is out of the ordinary goes the general way, which knows what to say of it: a key twice, a
key or a value that is too large, one that is to expire, a slot that lives elsewhere, a node that
does not serve, values for which an answer has no room. So each of these rules is told once, and a
put that is under way here fails only by what its round meets (writes.py).

Where every node holds every key, puts travel on as a block (storage/block.py), and those of a
PutMany came as one: the same in columns, for clients too. A round loosens a small one for others.

Rejected: a general way that is cheap enough for all. What costs is an object for each operation,
and operations that may differ need one.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import methodcaller

from kvcluster.cluster.peers.ground import Ground, OnGround
from kvcluster.cluster.requests.writes import Endings, Writes
from kvcluster.model.entry import Entry, is_live
from kvcluster.model.slots import slot_of
from kvcluster.storage.block import Block
from kvcluster.wire.answered import get_response
from kvcluster.wire.failures import failure_of
from kvcluster.wire.limits import are_fitting

from demo_pb2 import (
    BatchRequest,
    BatchResponse,
    GetRequest,
    GetResponse,
    PutManyResponse,
    PutRequest,
    PutResponse,
    Result,
)
from demo_pb2 import Block as BlockMessage
from demo_pb2 import Entry as EntryMessage

_kind_of = methodcaller("WhichOneof", "operation")
_life_of = methodcaller("WhichOneof", "life")


def _is_special(put: PutRequest) -> bool:
    """Whether a put is more than a key and its value."""
    return bool(put.HasField("condition") or put.ttl_ms or put.expires_ms)


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
            gets = [operation.get for operation in request.operations]
            if any(get.linearizable for get in gets):
                return None
            return self._got([get.key for get in gets])
        if kinds == {"put"}:
            puts = [operation.put for operation in request.operations]
            keys, values = [put.key for put in puts], [put.value for put in puts]
            plain = len(set(keys)) == len(keys) and not any(map(_is_special, puts))
            if plain and self._are_plain(keys) and self._can_do(keys, values):
                return await self._put(keys, values, deadline_s)
        return None

    def _can_do(self, keys: Sequence[str], values: Sequence[str]) -> bool:
        """Whether nothing is wrong with any of them, and all of them live here."""
        if not are_fitting(keys, values, self._settings):
            return False
        membership = self._membership
        return membership.holds_all or membership.held.issuperset(map(slot_of, keys))

    def _are_plain(self, keys: Sequence[str]) -> bool:
        """Whether no majority decides any of these, as far as this node knows."""
        table, promises = self._store.table, self._store.promises
        if not (table.decided or promises):
            return True
        return not any(promises.ballot(key) or table.is_decided(key) for key in keys)

    def _are_current(self, keys: Sequence[str]) -> bool:
        """Whether this node refused nothing of any of these."""
        behind = self._store.promises.behind
        return not behind or behind.keys().isdisjoint(keys)

    def got(self, request: GetRequest) -> GetResponse | None:
        """The answer to a get alone; None: it must go the general way."""
        key = request.key
        if request.linearizable or not self._gate.readable or not self._can_do((key,), ()):
            return None
        if not self._are_current((key,)):
            return None
        entry = self._store.get(key)
        if is_live(entry) and 4 * len(entry[0]) > self._settings.answer_value_bytes:
            return None
        return self._answer(key, entry)

    def _answer(self, key: str, entry: Entry | None) -> GetResponse:
        expires_ms = self._store.table.expires_ms(key) if is_live(entry) else 0
        return get_response(entry, self._membership.name, expires_ms)

    def _got(self, keys: Sequence[str]) -> BatchResponse | None:
        if not self._can_do(keys, ()) or not self._are_current(keys):
            return None
        held = list(map(self._store.get, keys))
        characters = sum(len(entry[0]) for entry in held if is_live(entry))
        if 4 * characters > min(self._settings.batch_bytes, self._settings.answer_value_bytes):
            return None
        answers = map(self._answer, keys, held)
        return BatchResponse(results=[Result(get=answer) for answer in answers])

    async def _put(self, keys: list[str], values: list[str], deadline_s: float) -> BatchResponse:
        block = Block(keys, values, self._time.ticks(len(keys)))
        endings = await self._write(block, deadline_s)
        places = range(len(keys))
        return BatchResponse(results=[self._result(endings, place) for place in places])

    async def put_many(self, message: BlockMessage, deadline_s: float) -> PutManyResponse | None:
        """The same for puts in columns."""
        keys, values = list(message.keys), list(message.values)
        plain = self._gate.readable and len(set(keys)) == len(keys) == len(values) > 0
        if not plain or not self._can_do(keys, values) or not self._are_plain(keys):
            return None
        message.first_version = self._time.ticks(len(keys))  # so it can travel on as it came
        block = Block.of(message)
        endings = await self._write(block, deadline_s)
        answer = PutManyResponse(
            first_version=block.first,
            replicas=self._membership.replica_count,
            acknowledged=max(endings.acknowledged),
            served_by=self._membership.name,
        )
        for place in endings.exceptions(block.versions, answer.acknowledged):
            answer.exceptions.add(place=place, result=self._result(endings, place))
        return answer

    async def _write(self, block: Block, deadline_s: float) -> Endings:
        """What came of puts that are in no journal yet."""

        def renewed(place: int) -> EntryMessage:
            key, value = block.keys[place], block.values[place]
            return EntryMessage(key=key, value=value, version=self._time.tick())

        entries = block if self._membership.holds_all else list(block)
        return await self._writes.write(entries, renewed, deadline_s)

    def _result(self, endings: Endings, place: int) -> Result:
        if place in endings.failed:
            return Result(failure=failure_of(endings.failed[place], writes=True))
        put = PutResponse(
            version=endings.versions[place],
            replicas=self._membership.replica_count,
            acknowledged=endings.acknowledged[place],
            served_by=self._membership.name,
        )
        return Result(put=put)
