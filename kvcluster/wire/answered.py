"""What is answered: the messages for clients, and how much of them has room.

An answer can always be sent: what has no room is left out, and it says so in its place. Else a
write in it would be done, and its client not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from kvcluster.config import Settings
from kvcluster.errors import AnswerFull, KvError
from kvcluster.model.entry import Entry
from kvcluster.model.merge import Pair
from kvcluster.wire.failures import failure_of
from kvcluster.wire.kinds import kind_of

from demo_pb2 import BatchResponse, DeleteResponse, GetResponse, PutResponse, ScanResponse
from demo_pb2 import Operation as OperationMessage

Answer: TypeAlias = PutResponse | GetResponse | DeleteResponse
Outcome: TypeAlias = Answer | KvError
"""What came of one operation."""
_PAIR_BYTES = 16
"""What a pair takes in a message beside its key and its value, by the format of that."""


def batch_response(asked: Iterable[OperationMessage], outcomes: Iterable[Outcome]) -> BatchResponse:
    """What came of many operations, in their order."""
    response = BatchResponse()
    for message, outcome in zip(asked, outcomes, strict=True):
        result = response.results.add()
        if isinstance(outcome, KvError):
            result.failure.MergeFrom(failure_of(outcome, writes=not message.HasField("get")))
        else:
            getattr(result, kind_of(outcome)).MergeFrom(outcome)
    return response


def within_room(outcomes: Sequence[Outcome], settings: Settings) -> list[Outcome]:
    """The same, with values left out that an answer has no room for; it says so in their place.

    So it can always be sent: else a write in it would be done, and its client not know.
    """
    used_bytes, limit_bytes = 0, settings.batch_bytes
    fitting = list[Outcome]()
    if _need_little(outcomes, min(limit_bytes, settings.answer_value_bytes)):
        return list(outcomes)
    for outcome in outcomes:
        size_bytes = len(_value_in(outcome).encode())
        if size_bytes > settings.answer_value_bytes:
            fitting.append(_too_large(size_bytes, settings))
        elif size_bytes and used_bytes and used_bytes + size_bytes > limit_bytes:
            full = f"the answer has no room over {limit_bytes:,} bytes; ask again"
            fitting.append(AnswerFull(full))
        else:
            used_bytes += size_bytes
            fitting.append(outcome)
    return fitting


def _need_little(outcomes: Sequence[Outcome], limit_bytes: int) -> bool:
    """Whether all values have room, at four bytes a character."""
    return 4 * sum(len(_value_in(outcome)) for outcome in outcomes) <= limit_bytes


def _value_in(outcome: Outcome) -> str:
    """The value that an outcome carries: what was read, or what is there instead."""
    if isinstance(outcome, GetResponse):
        return outcome.value
    return "" if isinstance(outcome, KvError) else outcome.mismatch.value


def refuse_if_too_large(value: str, settings: Settings) -> None:
    """Raise AnswerFull if no answer can carry a value: it was stored under larger limits."""
    if len(value) <= settings.answer_value_bytes // 4:  # a character takes 1 to 4 bytes
        return
    size_bytes = len(value.encode())
    if size_bytes > settings.answer_value_bytes:
        raise _too_large(size_bytes, settings)


def _too_large(size_bytes: int, settings: Settings) -> AnswerFull:
    return AnswerFull(
        f"the value is {size_bytes:,} bytes long, and an answer of this node carries"
        f" {settings.answer_value_bytes:,}; start it with a larger value_limit_bytes"
    )


def get_response(entry: Entry | None, node: str, expires_ms: int = 0) -> GetResponse:
    """The answer to a Get, from the data of `node`. None: the key was never seen."""
    if entry is None:
        return GetResponse(served_by=node)
    value, version = entry
    return GetResponse(
        found=value is not None,
        value=value or "",
        version=version,
        served_by=node,
        expires_ms=expires_ms,
    )


def scan_messages(pairs: Iterable[Pair], settings: Settings) -> Iterator[ScanResponse]:
    """Pairs in order, in as many messages as they need. Raises AnswerFull."""
    message, room_bytes = ScanResponse(), settings.batch_bytes
    for key, value, expires_ms in pairs:
        refuse_if_too_large(value, settings)
        size_bytes = pair_bytes(key, value)
        if message.pairs and size_bytes > room_bytes:
            yield message
            message, room_bytes = ScanResponse(), settings.batch_bytes
        message.pairs.add(key=key, value=value, expires_ms=expires_ms)
        room_bytes -= size_bytes
    if message.pairs:
        yield message


def pair_bytes(key: str, value: str) -> int:
    """What a pair takes in a message, rounded up."""
    return _PAIR_BYTES + sum(len(it) if it.isascii() else len(it.encode()) for it in (key, value))
