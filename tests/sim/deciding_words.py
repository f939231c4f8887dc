"""What clients of decided keys say to nodes, and what nodes show them; on the wire."""

from __future__ import annotations

from typing import Any

from kvcluster.model.condition import Condition, Holds
from kvcluster.model.entry import Version
from kvcluster.model.operation import Kind
from tests.linear.tried import Shown, Tried

from demo_pb2 import Condition as ConditionMessage
from demo_pb2 import DeleteRequest, GetRequest, Operation, PutRequest

KEYS = ("decided0", "decided1")
"""The keys of these clients."""


def request_of(key: str, tried: Tried) -> Any:
    """An operation as its own call; every read is linearizable."""
    if tried.kind is Kind.GET:
        return GetRequest(key=key, linearizable=True)
    if tried.kind is Kind.DELETE:
        return DeleteRequest(key=key, condition=_condition(tried.condition))
    return PutRequest(key=key, value=tried.value, condition=_condition(tried.condition))


def asks_of(key: str, tried: Tried) -> Operation:
    """The same as one of a batch."""
    return Operation(**{tried.kind.value: request_of(key, tried)})


def shown_of(answer: Any) -> Shown:
    """What an answer, or a mismatch in it, shows of a key."""
    return Shown(answer.value if answer.found else None, Version(answer.version))


def _condition(condition: Condition | None) -> ConditionMessage | None:
    if condition is None:
        return None
    if condition.what in {Holds.VERSION, Holds.VALUE}:
        return ConditionMessage(**{condition.what.value: condition.operand})  # type: ignore[arg-type]
    return ConditionMessage(**{condition.what.value: True})  # type: ignore[arg-type]
