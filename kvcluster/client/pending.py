"""Operations: one put, get or delete on its way, from the call to the one answer it gets.

An operation outlives calls to nodes: it may wait in the line, travel with others, be refused and
travel again. Whoever asked for it is told exactly once, by `conclude`, and after that it is `over`:
what still comes back for it is of no interest to anybody.

The one thing that must never be lost on the way is whether a write *may* have happened. It may
while a node is `asked`, and for ever after once a node's answer left it open (`perhaps_written`),
however certain later refusals are.

Nothing here touches the event loop; `tell` and `timer` are given by whoever does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from kvcluster.client.answers import Version
from kvcluster.client.given import checked_key, checked_text
from kvcluster.errors import KvError, OutcomeUnknown, Unavailable

from demo_pb2 import (
    Condition,
    DeleteRequest,
    DeleteResponse,
    GetRequest,
    GetResponse,
    PutRequest,
    PutResponse,
)

Request: TypeAlias = PutRequest | GetRequest | DeleteRequest
Answer: TypeAlias = PutResponse | GetResponse | DeleteResponse

NOTHING: Mapping[str, str] = MappingProxyType({})
"""What was said by nobody."""
ENVELOPE_BYTES = 16
"""What an operation takes on the wire beside its key and its value; rounded up."""


@dataclass(eq=False, slots=True)
class Pending:
    """One put, get or delete."""

    request: Request
    key: str
    size_bytes: int
    writes: bool
    timeout_s: float
    """What the caller allowed, for sentences."""
    retry_unknown: bool
    tell: Callable[[Answer | KvError], None]
    demanding: bool = False
    """An older node would ignore a part of it: it is sent only to one that says it `decides`."""
    conditional: bool = False
    """It is a write with a condition. It is never tried again once it may have been carried out:
    then nobody knows what the condition would be judged on."""
    deadline_s: float = 0.0
    """By the event loop's clock, from its start on."""
    timer: asyncio.TimerHandle | None = None
    """Ends it at its deadline."""
    over: bool = False
    """Whoever asked was told, or does not want to know any more."""
    holds_key: bool = False
    """It was taken out of the line and has not ended, so others on its key wait."""
    asked: str = ""
    """The node that it was sent to and that has not answered yet."""
    perhaps_written: bool = False
    version: bytes = b""
    """The one that it has if it was written, where a node has said so of an unknown outcome."""
    hedged: bool = False
    """A read that is asked of a second node as well; that one goes on if this one fails."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Why it was not done, by the node that said so last."""

    def __post_init__(self) -> None:
        assert not (self.conditional and self.retry_unknown)

    def conclude(self, outcome: Answer | KvError) -> None:
        """Tell whoever asked; only the first time counts."""
        if not self.over:
            self.abandon()
            self.tell(outcome)

    def abandon(self) -> None:
        """Whoever asked does not want to know any more."""
        self.over = True
        if self.timer is not None:
            self.timer.cancel()

    def too_late(self, said: Mapping[str, str]) -> KvError:
        """What its deadline means for it, now. `said`: what nodes said that it never reached."""
        within = f"within {self.timeout_s:g} s"
        silent = {self.asked: f"no answer {within}"} if self.asked else {}
        return self._error(f" {within}", {**said, **self.reasons, **silent}, "")

    def refused(self, why: str, said: Mapping[str, str] = NOTHING) -> KvError:
        """What it means that it is not tried again. `why`: the end of a sentence, or empty."""
        return self._error("", {**said, **self.reasons}, why)

    def _error(self, within: str, reasons: dict[str, str], why: str) -> KvError:
        told = told_of(reasons) + why
        error: KvError
        if self.writes and (self.asked or self.perhaps_written):
            error = OutcomeUnknown(f"the write may have happened, or not{told}")
            error.version = Version(self.version)
        else:
            certain = "; nothing was written" if self.writes else ""
            error = Unavailable(f"no node could do it{within}{told}{certain}")
        error.reasons = reasons
        return error


def told_of(reasons: Mapping[str, str]) -> str:
    """What nodes said, in brackets behind a sentence; empty if none said anything."""
    told = "; ".join(f"{node}: {reason}" for node, reason in reasons.items())
    return f" ({told})" if told else ""


class Lifespan(NamedTuple):
    """How long a key lives that is put: one of the two or, for ever, none."""

    ttl_ms: int = 0
    """From now on."""
    expires_ms: int = 0
    """Until then, in milliseconds since 1970."""


FOR_EVER = Lifespan()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller allows for an operation."""

    timeout_s: float
    retry_unknown: bool = False


Tell: TypeAlias = Callable[[Answer | KvError], None]


def to_put(
    key: str,
    value: str,
    terms: Allowance,
    tell: Tell,
    *,
    condition: Condition | None = None,
    life: Lifespan = FOR_EVER,
) -> Pending:
    """A put. Raises BadRequest for what no node would take, whatever its settings."""
    size_bytes = checked_key(key) + checked_text("value", value)
    request = PutRequest(key=key, value=value, condition=condition)
    if life.ttl_ms:
        request.ttl_ms = life.ttl_ms
    elif life.expires_ms:
        request.expires_ms = life.expires_ms
    return _made(request, size_bytes, terms, tell, condition, demanding=life != FOR_EVER)


def to_get(key: str, terms: Allowance, tell: Tell, *, linearizable: bool = False) -> Pending:
    """A get. Raises BadRequest as `to_put` does."""
    size_bytes = checked_key(key)
    request = GetRequest(key=key, linearizable=linearizable)
    return _made(request, size_bytes, terms, tell, demanding=linearizable)


def to_delete(
    key: str, terms: Allowance, tell: Tell, *, condition: Condition | None = None
) -> Pending:
    """A delete. Raises BadRequest as `to_put` does."""
    size_bytes = checked_key(key)
    return _made(DeleteRequest(key=key, condition=condition), size_bytes, terms, tell, condition)


def _made(
    request: Request,
    size_bytes: int,
    terms: Allowance,
    tell: Tell,
    condition: Condition | None = None,
    *,
    demanding: bool = False,
) -> Pending:
    conditional = condition is not None
    return Pending(
        request=request,
        key=request.key,
        size_bytes=ENVELOPE_BYTES + size_bytes + (condition.ByteSize() if condition else 0),
        writes=not isinstance(request, GetRequest),
        timeout_s=terms.timeout_s,
        retry_unknown=terms.retry_unknown and not conditional,
        tell=tell,
        demanding=demanding or conditional,
        conditional=conditional,
    )
