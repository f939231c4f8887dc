"""Answers: how the outcome of an operation reads on the wire, and how it is read again.

One place, because an answer is made at the node that a client asked or, forwarded, at another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from kvcluster.cluster.coordinator import Done, Written
from kvcluster.cluster.failures import error_in, failure_of
from kvcluster.config import Settings
from kvcluster.errors import AnswerFull, KvError
from kvcluster.model.entry import Entry, is_live
from kvcluster.model.operation import Kind

from demo_pb2 import BatchResponse, DeleteResponse, GetResponse, PutResponse, Result
from demo_pb2 import Operation as OperationMessage

Answer: TypeAlias = PutResponse | GetResponse | DeleteResponse
Outcome: TypeAlias = Answer | KvError
"""What came of one operation."""


def outcome_of(kind: Kind, done: Done | KvError, node: str) -> Outcome:
    """What came of an operation that `node` carried out."""
    if isinstance(done, KvError):
        return done
    if done.written is None:
        return get_response(done.seen, node)
    if kind is Kind.PUT:
        return put_response(done.written, node)
    return delete_response(is_live(done.seen), done.written, node)


def outcome_in(result: Result) -> Outcome:
    """What another node says came of an operation."""
    name = result.WhichOneof("result")
    if name is None or name == "failure":
        return error_in(result.failure)
    answer: Answer = getattr(result, name)
    return answer


def batch_response(asked: Iterable[OperationMessage], outcomes: Iterable[Outcome]) -> BatchResponse:
    """What came of many operations, in their order."""
    response = BatchResponse()
    for message, outcome in zip(asked, outcomes, strict=True):
        result = response.results.add()
        if isinstance(outcome, KvError):
            result.failure.MergeFrom(failure_of(outcome, writes=not message.HasField("get")))
        elif isinstance(outcome, PutResponse):
            result.put.MergeFrom(outcome)
        elif isinstance(outcome, GetResponse):
            result.get.MergeFrom(outcome)
        else:
            result.delete.MergeFrom(outcome)
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
        size_bytes = len(outcome.value.encode()) if isinstance(outcome, GetResponse) else 0
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
    lengths = (len(outcome.value) for outcome in outcomes if isinstance(outcome, GetResponse))
    return 4 * sum(lengths) <= limit_bytes


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


def put_response(written: Written, node: str) -> PutResponse:
    """The answer to a Put that `node` coordinated."""
    return PutResponse(
        version=written.version,
        replicas=written.replicas,
        acknowledged=written.acknowledged,
        served_by=node,
    )


def delete_response(found: bool, written: Written, node: str) -> DeleteResponse:
    """The answer to a Delete that `node` coordinated."""
    return DeleteResponse(
        found=found,
        version=written.version,
        replicas=written.replicas,
        acknowledged=written.acknowledged,
        served_by=node,
    )


def get_response(entry: Entry | None, node: str) -> GetResponse:
    """The answer to a Get, from the data of `node`. None: the key was never seen."""
    if entry is None:
        return GetResponse(served_by=node)
    value, version = entry
    return GetResponse(found=value is not None, value=value or "", version=version, served_by=node)
