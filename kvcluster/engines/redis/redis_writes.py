"""Writes: operations, cut into calls of the script, and what each came to.

All operations of a bucket go into one call, since a call costs Redis and us more than an operation
does; up to a limit, since Redis does nothing else while a script runs.

A write is done when `copies` nodes have it. Redis answers before that, and WAIT behind the scripts
of a node tells how many have. Where they are too few the write stands, and yet a failover may undo
it: it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from kvcluster.engines.contract import Mismatched, WriteDone, WriteOutcome
from kvcluster.engines.redis.redis_failures import unconfirmed
from kvcluster.engines.redis.redis_layout import (
    BUCKET_SLOTS,
    RedisLayout,
    bucket_of,
    digits_of,
    opened,
    version_of_number,
)
from kvcluster.engines.redis.redis_node import Command
from kvcluster.engines.redis.redis_router import RedisAnswer, RedisErrand
from kvcluster.engines.redis.redis_scripts import DELETE, WRITE
from kvcluster.errors import KvError, NotReady, OutcomeUnknown
from kvcluster.model.condition import Condition
from kvcluster.model.decision import NOTHING
from kvcluster.model.operation import Kind, Operation

_MOST_OPERATIONS = 128
_MOST_BYTES = 1 << 20
_LIVE = b"L"[0]


@dataclass(slots=True)
class RedisPiece:
    """Some operations of one bucket; `places`: where they stand in the call."""

    bucket: int
    places: list[int] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """Whether no more should come."""
        return len(self.places) >= _MOST_OPERATIONS or self.size_bytes >= _MOST_BYTES

    def add(self, place: int, operation: Operation) -> None:
        """One more."""
        self.places.append(place)
        self.operations.append(operation)
        self.size_bytes += len(operation.value)

    def errand(self, layout: RedisLayout) -> RedisErrand:
        """The call of the script that carries them out."""
        names = [layout.clocks[self.bucket], layout.indexes[self.bucket]]
        names.append(layout.expiries[self.bucket])
        fields: list[bytes | str | int] = []
        for operation in self.operations:
            key = operation.key.encode()
            names.append(layout.values[self.bucket] + key)
            fields += (key, operation.kind.value, *_asked(operation.condition))
            fields += (operation.ttl_ms, operation.expires_ms, operation.value.encode())
        only_deletes = all(it.kind is Kind.DELETE for it in self.operations)
        words: Command = (len(names), *names, *fields)
        return RedisErrand(BUCKET_SLOTS[self.bucket], words, DELETE if only_deletes else WRITE)

    def outcomes(self, answer: RedisAnswer, copies: int) -> Iterator[tuple[int, WriteOutcome]]:
        """What each came to, and where it stands in the call."""
        if isinstance(answer.value, KvError):
            yield from ((place, answer.value) for place in self.places)
            return
        told = zip(self.places, self.operations, answer.value, strict=True)
        for place, operation, item in told:
            yield place, _outcome(operation, item, answer, copies)


def cut(operations: Sequence[Operation]) -> list[RedisPiece]:
    """Pieces, each of one bucket."""
    pieces: list[RedisPiece] = []
    open_ones: dict[int, RedisPiece] = {}
    for place, operation in enumerate(operations):
        bucket = bucket_of(operation.key.encode())
        piece = open_ones.get(bucket)
        if piece is None or piece.is_full:
            piece = open_ones[bucket] = RedisPiece(bucket)
            pieces.append(piece)
        piece.add(place, operation)
    return pieces


def _asked(condition: Condition | None) -> tuple[str, bytes]:
    """A condition, as the script wants it."""
    if condition is None:
        return "", b""
    operand = condition.operand
    given = operand.encode() if isinstance(operand, str) else digits_of(operand)
    return condition.what.value, given


def _outcome(operation: Operation, item: Any, answer: RedisAnswer, copies: int) -> WriteOutcome:
    if isinstance(item, bytes):
        return _mismatch(item)
    version = version_of_number(abs(item))
    acknowledged = 1 + (answer.last if isinstance(answer.last, int) else 0)
    if acknowledged < copies:
        return _unsure(operation, unconfirmed(acknowledged, copies), version)
    replicas = max(answer.replicas, acknowledged)
    return WriteDone(version, replicas, acknowledged, found=item < 0)


def _mismatch(item: bytes) -> WriteOutcome:
    if not item:
        return Mismatched(NOTHING)
    try:
        return Mismatched(opened(item[1:], has_expired=item[0] != _LIVE))
    except NotReady as error:  # given, not raised: the others of this call may have been written
        return error


def _unsure(operation: Operation, error: OutcomeUnknown, version: bytes) -> OutcomeUnknown:
    if operation.condition is not None:
        error.version = version
    return error
