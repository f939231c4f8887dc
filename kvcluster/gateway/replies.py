"""Replies: what came of an operation on an engine, as its client is answered.

A client cannot tell from an answer what is beneath: the messages are those of a node.
"""

from __future__ import annotations

from typing import Any

from kvcluster.engines.contract import Mismatched, ReadOutcome, WriteDone, WriteOutcome
from kvcluster.errors import KvError
from kvcluster.model.operation import Kind
from kvcluster.wire.answered import Answer, Outcome

from demo_pb2 import DeleteResponse, GetResponse, Mismatch, PutResponse


def reply_to_write(kind: Kind, outcome: WriteOutcome, gateway: str) -> Outcome:
    """The answer to a put or a delete that `gateway` had carried out."""
    if isinstance(outcome, KvError):
        return outcome
    answer: Any = PutResponse if kind is Kind.PUT else DeleteResponse
    response: Answer
    if isinstance(outcome, Mismatched):
        there = outcome.there
        found = there.value is not None
        mismatch = Mismatch(found=found, value=there.value or "", version=there.version or b"")
        mismatch.expires_ms = there.expires_ms if found else 0
        response = answer(mismatch=mismatch, served_by=gateway)
        return response
    response = _done(answer, outcome, gateway)
    if isinstance(response, DeleteResponse):
        response.found = outcome.found
    return response


def _done(answer: Any, done: WriteDone, gateway: str) -> Answer:
    made: Answer = answer(
        version=done.version,
        replicas=done.replicas,
        acknowledged=done.acknowledged,
        served_by=gateway,
    )
    return made


def reply_to_read(outcome: ReadOutcome, gateway: str) -> Outcome:
    """The answer to a get."""
    if isinstance(outcome, KvError):
        return outcome
    return GetResponse(
        found=outcome.value is not None,
        value=outcome.value or "",
        version=outcome.version or b"",
        served_by=gateway,
        expires_ms=outcome.expires_ms if outcome.value is not None else 0,
    )
