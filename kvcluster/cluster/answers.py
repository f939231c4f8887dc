"""Answers: how the outcome of an operation reads on the wire.

One place, because an answer is made at the node that a client asked or, forwarded, at another.
"""

from __future__ import annotations

from kvcluster.cluster.coordinator import Done, Written
from kvcluster.cluster.failures import failure_of
from kvcluster.config import Settings
from kvcluster.errors import AnswerFull, KvError
from kvcluster.model.drafts import Kind
from kvcluster.model.entry import Entry, is_live

from demo_pb2 import DeleteResponse, GetResponse, PutResponse, Result


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


def refuse_if_too_large(value: str, settings: Settings) -> None:
    """Raise AnswerFull if no answer can carry a value: it was stored under larger limits."""
    limit_bytes = settings.answer_value_bytes
    if len(value) <= limit_bytes // 4:  # a character takes 1 to 4 bytes
        return
    size_bytes = len(value.encode())
    if size_bytes > limit_bytes:
        raise AnswerFull(
            f"the value is {size_bytes:,} bytes long, and an answer of this node carries"
            f" {limit_bytes:,}; start it with a larger value_limit_bytes"
        )


def result(kind: Kind, done: Done | KvError, node: str) -> Result:
    """What came of one operation of a batch that `node` coordinated, or that failed."""
    if isinstance(done, KvError):
        return Result(failure=failure_of(done, writes=kind is not Kind.GET))
    if done.written is None:
        return Result(get=get_response(done.seen, node))
    if kind is Kind.PUT:
        return Result(put=put_response(done.written, node))
    return Result(delete=delete_response(is_live(done.seen), done.written, node))
