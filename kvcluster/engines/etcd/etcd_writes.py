"""Writes to etcd: many in one transaction, each condition in one of its own.

Plain puts and deletes of a call go in pieces, each one transaction of etcd: at most 128 operations,
which is what etcd takes by default, and about a MiB. The pieces are on their way at the same time.

A condition is judged here, by the rule that all engines share (model/condition.py), on what the key
has; the write happens only if the key is still at the revision that was judged. If somebody was
first, it is judged again: that is certain, so it may be repeated until the deadline. The first
guess costs nothing where the condition says it: an absent key is at revision 0, and a version is a
revision.

Rejected: comparing values in etcd. It cannot compare a part of what stands there, and a value has
its expiry before it; and whether a key that has expired is still there to a condition is no
question for etcd at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from kvcluster.engines.contract import Mismatched, WriteDone, WriteOutcome
from kvcluster.engines.etcd import etcd_rpc_pb2 as rpc
from kvcluster.engines.etcd.etcd_members import EtcdMembers
from kvcluster.engines.etcd.etcd_values import content_of, packed, revision_of, version_at
from kvcluster.errors import DiskIsFull, KvError, NotReady, OutcomeUnknown, TimedOut, TooLate
from kvcluster.model.condition import Condition, Holds
from kvcluster.model.expiry import LINGER_MS, expiry_of
from kvcluster.model.operation import Kind, Operation

_PIECE_OPERATIONS = 128
_PIECE_BYTES = 1 << 20
_DELETE_BYTES = _PIECE_BYTES // 32
"""What a delete counts: etcd answers it with the value that was there, and 32 of the largest are as
much as is taken in (etcd_member.py). Only in the value stands whether it had expired.
"""

Piece = list[tuple[int, Operation]]
"""Operations with their places in the call."""


@dataclass
class EtcdLives:
    """When the puts of one call expire, and the leases that they get. Times are ms since 1970."""

    at_ms: int
    """From when a time to live counts."""
    leases: dict[int, int] = field(default_factory=dict)
    refused: dict[int, KvError] = field(default_factory=dict)
    """Why there is none."""

    def expires_ms(self, operation: Operation) -> int:
        """When it expires; 0: never."""
        return expiry_of(operation.ttl_ms, operation.expires_ms, self.at_ms)


class EtcdWrites:
    """Carries out writes. Deadlines are times of the event loop's clock."""

    def __init__(self, members: EtcdMembers, prefix: bytes, now_ms: Callable[[], int]) -> None:
        self._members = members
        self._prefix = prefix
        self._now_ms = now_ms

    async def write(self, operations: Sequence[Operation], deadline_s: float) -> list[WriteOutcome]:
        """See Engine."""
        outcomes, asked = self._refused_by_full(operations)
        lives = await self._lives([it for _, it in asked], deadline_s)
        ready: Piece = []
        for at, operation in asked:
            if why := lives.refused.get(lives.expires_ms(operation)):
                outcomes[at] = why
            else:
                ready.append((at, operation))
        plain = [it for it in ready if _is_plain(it[1])]
        others = [it for it in ready if not _is_plain(it[1])]
        work = [self._write_piece(piece, lives, deadline_s) for piece in _pieces(plain)]
        work += [self._decide(*it, lives, deadline_s) for it in others]
        for some in await asyncio.gather(*work):
            outcomes.update(some)
        return [outcomes[at] for at in range(len(operations))]

    def _refused_by_full(
        self, operations: Sequence[Operation]
    ) -> tuple[dict[int, WriteOutcome], Piece]:
        """Outcomes of puts for which there is known to be no room, and what is to be asked for."""
        if not self._members.is_full:
            return {}, list(enumerate(operations))
        asked = [it for it in enumerate(operations) if it[1].kind is Kind.DELETE]
        sent = {at for at, _ in asked}
        full = DiskIsFull("etcd: no room: compact, defragment, and disarm its alarm NOSPACE")
        return {at: full for at in range(len(operations)) if at not in sent}, asked

    async def _write_piece(
        self, piece: Piece, lives: EtcdLives, deadline_s: float
    ) -> dict[int, WriteOutcome]:
        request = rpc.TxnRequest(success=[self._step(it, lives) for _, it in piece])
        try:
            answer = await self._members.ask_leader(request, deadline_s)
        except KvError as error:
            return {at: error for at, _ in piece}
        revision, now_ms = answer.header.revision, self._now_ms()
        return {
            at: self._done(operation, response, revision, now_ms)
            for (at, operation), response in zip(piece, answer.responses, strict=True)
        }

    async def _decide(
        self,
        at: int,
        operation: Operation,
        lives: EtcdLives,
        deadline_s: float,
    ) -> dict[int, WriteOutcome]:
        """One that has a condition."""
        assert operation.condition is not None
        try:
            return {at: await self._decided(operation, operation.condition, lives, deadline_s)}
        except KvError as error:
            return {at: error}

    async def _decided(
        self,
        operation: Operation,
        condition: Condition,
        lives: EtcdLives,
        deadline_s: float,
    ) -> WriteOutcome:
        key, now_s = self._prefix + operation.key.encode(), asyncio.get_running_loop().time
        look = rpc.RequestOp(request_range=rpc.RangeRequest(key=key))
        compares = _guess(condition, key)
        if compares is None:
            compares, refused = await self._judged(condition, key, None, deadline_s)
            if refused:
                return refused
        while now_s() < deadline_s:
            step = self._step(operation, lives)
            request = rpc.TxnRequest(compare=compares, success=[step], failure=[look])
            answer = await self._members.ask_leader(request, deadline_s)
            if answer.succeeded:
                revision = answer.header.revision
                return self._done(operation, answer.responses[0], revision, self._now_ms())
            found = answer.responses[0].response_range
            compares, refused = await self._judged(condition, key, found, deadline_s)
            if refused:
                return refused
        return TooLate("etcd: others changed the key first, until the deadline")

    async def _judged(
        self,
        condition: Condition,
        key: bytes,
        found: rpc.RangeResponse | None,
        deadline_s: float,
    ) -> tuple[list[rpc.Compare], Mismatched | None]:
        """What must be so for the write to happen, if the condition holds; else what is there.
        `found`: what the key has, if it was just looked at.
        """
        if found is None:
            try:
                found = await self._members.ask_any(rpc.RangeRequest(key=key), deadline_s)
            except TimedOut as error:
                raise NotReady(str(error)) from error  # nothing was sent that writes
        pair = found.kvs[0] if found.kvs else None
        content = content_of(pair, self._now_ms(), LINGER_MS)
        if not condition.holds(content.entry):
            return [], Mismatched(content)
        target, revision = rpc.Compare.MOD, pair.mod_revision if pair else 0
        return [rpc.Compare(target=target, key=key, mod_revision=revision)], None

    def _step(self, operation: Operation, lives: EtcdLives) -> rpc.RequestOp:
        """What a transaction does for one."""
        key = self._prefix + operation.key.encode()
        if operation.kind is Kind.DELETE:
            delete = rpc.DeleteRangeRequest(key=key, prev_kv=True)
            return rpc.RequestOp(request_delete_range=delete)
        expires_ms = lives.expires_ms(operation)
        lease = lives.leases[expires_ms] if expires_ms else 0
        value = packed(operation.value, expires_ms)
        return rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=value, lease=lease))

    def _done(
        self, operation: Operation, response: rpc.ResponseOp, revision: int, now_ms: int
    ) -> WriteDone:
        found = False
        if operation.kind is Kind.DELETE:
            before = response.response_delete_range.prev_kvs
            found = content_of(before[0] if before else None, now_ms).value is not None
        replicas, majority = self._members.copies
        return WriteDone(version_at(revision), replicas, majority, found)

    async def _lives(self, operations: Sequence[Operation], deadline_s: float) -> EtcdLives:
        """A lease for each time at which some of them expire, or why there is none."""
        lives = EtcdLives(self._now_ms())
        times = sorted({lives.expires_ms(it) for it in operations if it.lives})
        granted = await asyncio.gather(*[self._grant(it, deadline_s) for it in times])
        for expires_ms, lease in zip(times, granted, strict=True):
            if isinstance(lease, KvError):
                lives.refused[expires_ms] = lease
            else:
                lives.leases[expires_ms] = lease
        return lives

    async def _grant(self, expires_ms: int, deadline_s: float) -> int | KvError:
        ttl_s = max(1, -(-(expires_ms + LINGER_MS - self._now_ms()) // 1_000))
        try:
            answer = await self._members.ask_leader(rpc.LeaseGrantRequest(ttl=ttl_s), deadline_s)
        except OutcomeUnknown as error:
            return NotReady(str(error))  # a lease without keys goes by itself
        except KvError as error:
            return error
        lease: int = answer.id
        return lease


def _is_plain(operation: Operation) -> bool:
    condition = operation.condition
    return condition is None or condition.what is Holds.NONE


def _guess(condition: Condition, key: bytes) -> list[rpc.Compare] | None:
    """What can be compared without a look; None: nothing."""
    if condition.what is Holds.ABSENT:
        return [rpc.Compare(target=rpc.Compare.MOD, key=key, mod_revision=0)]
    if condition.what is Holds.VERSION and isinstance(condition.operand, bytes):
        revision = revision_of(condition.operand)
        if revision:  # of one that has a lease it must be looked at whether it has expired
            same = rpc.Compare(target=rpc.Compare.MOD, key=key, mod_revision=revision)
            return [same, rpc.Compare(target=rpc.Compare.LEASE, key=key, lease=0)]
    return None


def _pieces(plain: Piece) -> Iterator[Piece]:
    """Cut to what etcd takes in a transaction; one operation alone may be larger."""
    piece: Piece = []
    room = _PIECE_BYTES
    for each in plain:
        size = _size_bytes(each[1])
        if piece and (len(piece) == _PIECE_OPERATIONS or size > room):
            yield piece
            piece, room = [], _PIECE_BYTES
        piece.append(each)
        room -= size
    if piece:
        yield piece


def _size_bytes(operation: Operation) -> int:
    """What it adds to a transaction, at most."""
    if operation.kind is Kind.DELETE:
        return _DELETE_BYTES
    size = len(operation.key) + len(operation.value)
    return size if operation.value.isascii() else 4 * size
