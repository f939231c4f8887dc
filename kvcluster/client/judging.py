"""Judging: what follows from the replies to a call, for each operation that was in it.

An operation is *done*, *failed* for good, or to be asked *again*, elsewhere or here. The rules, for
what was refused:

- an argument is wrong, or who asks may not: failed, everywhere it would be;
- a read: again, somebody else may know;
- a write of which nothing was written for certain: again;
- a write that may have happened: failed as unknown, unless its caller allowed a retry. A retry may
  land over what another client has written meanwhile, and undo it.

And one rule for company. Operations on one key happen in their order, so a write is not tried again
once a later one on its key was carried out, or may have been: it would land over its successor. It
fails, truthfully. A read behind a write that is tried again is asked again as well, and so is a
write with a condition that did not hold there: it has read, and written nothing.

A write with a condition is not tried again once it may have happened, whatever its caller allows.

All of it is pure. Whether a retry is affordable is not decided here (`retrying.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kvcluster.client.failure import FailureKind, Refusal
from kvcluster.client.parcel import Reply, is_mismatch
from kvcluster.client.pending import Answer, Pending
from kvcluster.client.values import objection
from kvcluster.errors import CERTAIN, KvError

from demo_pb2 import PutRequest

_SUPERSEDED = "; it is not tried again, since a later write of its key went through or may have"


@dataclass(slots=True)
class Judgement:
    """What follows. Each operation of the call is in exactly one of the two lists."""

    concluded: list[tuple[Pending, Answer | KvError]] = field(default_factory=list)
    again: list[Pending] = field(default_factory=list)
    """In their order."""
    elsewhere: bool = False
    """They are to be asked of another node if there is one; else of the same, at once."""
    why_bad: str = ""
    """Why the node would refuse other operations as well; empty if it would not."""


def judge(operations: Sequence[Pending], replies: Sequence[Reply], node: str) -> Judgement:
    """What follows from these replies of a node, in the order of the operations.

    What is certain to stay unknown, and who refused why, is noted in the operations.
    """
    pairs = list(zip(operations, replies, strict=True))
    verdicts = _verdicts(pairs, node)
    judgement = Judgement()
    rewritten: set[str] = set()
    """Keys of which a write is tried again, so that what was read behind it is not valid."""
    for operation, reply in pairs:
        wrote = operation.writes and not is_mismatch(reply)
        if operation in verdicts and (wrote or operation.key not in rewritten):
            judgement.concluded.append((operation, verdicts[operation]))
        else:
            judgement.again.append(operation)
            if operation.writes:
                rewritten.add(operation.key)
        if isinstance(reply, Refusal) and not reply.is_final:
            judgement.elsewhere |= not reply.answer_full
            if reply.about_the_node:
                judgement.why_bad = reply.reason
    # Without any progress the same node would be asked for ever.
    judgement.elsewhere |= not judgement.concluded
    return judgement


def _verdicts(pairs: Sequence[tuple[Pending, Reply]], node: str) -> dict[Pending, Answer | KvError]:
    """How operations end; those that are to be asked again are not in it."""
    verdicts: dict[Pending, Answer | KvError] = {}
    settled: set[str] = set()
    """Keys of which a later write was carried out or may have been, and is not tried again."""
    for operation, reply in reversed(pairs):
        operation.asked = ""
        verdict = _verdict(operation, reply, node, superseded=operation.key in settled)
        if verdict is not None:
            verdicts[operation] = verdict
        certain = is_mismatch(reply) or (isinstance(reply, Refusal) and reply.nothing_written)
        if operation.writes and not certain and (verdict is not None or operation.over):
            settled.add(operation.key)
    return verdicts


def _verdict(
    operation: Pending, reply: Reply, node: str, *, superseded: bool
) -> Answer | KvError | None:
    """How it ends; None: it is to be asked again."""
    if not isinstance(reply, Refusal):
        return reply
    operation.reasons[node] = reply.reason
    if operation.writes and not reply.nothing_written:
        operation.perhaps_written = True
        operation.version = reply.version
    if reply.is_final and not operation.perhaps_written:
        return reply.error(_objection(operation, reply) + (CERTAIN if operation.writes else ""))
    if not operation.writes:
        return None
    if superseded:
        return operation.refused(_SUPERSEDED)
    if operation.perhaps_written and not operation.retry_unknown:
        return operation.refused("")
    return None


def _objection(operation: Pending, refusal: Refusal) -> str:
    """What is wrong with an argument, as its giver knows it."""
    if isinstance(operation.request, PutRequest) and refusal.kind is FailureKind.BAD_REQUEST:
        return objection(operation.request.value, refusal.reason, refusal.value_limit_bytes)
    return refusal.reason
