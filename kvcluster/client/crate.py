"""A crate: many pairs or keys that travel as one, without an object for each.

Of a put_many nearly every pair has the same fate: it waits with its neighbours, travels with them,
and is stored. So they are kept as a list of keys beside a list of texts, from which the message is
made at once, with one timer for all and one look through the answer. The object, the timer and the
bookkeeping of an operation of its own (`pending.py`) took two thirds of the client's time. Puts go
as they are, in the two columns of a PutMany; those that expire go in a batch.

Only that happy way goes a crate, once, to the node at hand. It is *unpacked*, and its pairs become
operations in the same place and state, which go on by all rules of the others, when

- it cannot hold its keys: one stands in it twice, or is on its way with somebody else
  (`waiting_line.py`);
- there is no node at hand, or one that is too old to know PutMany, or does not say that it knows
  lives, or the node is silent for a second (gets are hedged then);
- the first of its deadlines has come;
- the answer is anything but "done" for each and every one of them, or the client is closed.

So what a failure means, what is tried again and what is unknown is decided in one place, as ever.

Rejected: to unpack only what failed. It saves time where little does, and there would be a second
state of a crate, half done, in everything that can happen to one.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kvcluster.client.pending import Pending

from demo_pb2 import BatchRequest, BatchResponse, Block, PutManyRequest, PutManyResponse


class Freight(enum.Enum):
    """What is in a crate, by the name of its field in an Operation and in a Result."""

    PUT = "put"
    GET = "get"
    DELETE = "delete"


@dataclass(eq=False, slots=True)
class Crate:
    """Puts of one put_many, or the like. Its owner fills it until it is closed."""

    kind: Freight
    settle: Callable[[Crate, list[Any]], None]
    """Told when all of it is done, with the answers in their order (but see `answers_in`)."""
    unpack: Callable[[Crate], list[Pending]]
    """Makes operations of it, in their order, which its owner keeps instead of it."""
    ttl_ms: int = 0
    """How long what is put lives from then on; 0: for ever."""
    keys: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """The values of puts, as they are stored; of others nothing."""
    deadlines_s: list[float] = field(default_factory=list)
    """By the event loop's clock, from the first to the last."""
    size_bytes: int = 0
    closed: bool = False
    """Somebody stands behind it in the line, or it has left: what would come in is too late."""
    over: bool = False
    """Its owner does not want to know any more."""
    asked: str = ""
    """The node that it was sent to and that has not answered yet."""
    timer: asyncio.TimerHandle | None = None
    """Has it unpacked at the first of its deadlines."""

    def add(self, key: str, text: str, size_bytes: int, deadline_s: float) -> None:
        """Put one more in. `text`: unused but for puts."""
        self.keys.append(key)
        if self.kind is Freight.PUT:
            self.texts.append(text)
        self.deadlines_s.append(deadline_s)
        self.size_bytes += size_bytes

    @property
    def needs_columns(self) -> bool:
        """Whether only a node that knows PutMany can take it. Columns have no place for lives."""
        return self.kind is Freight.PUT and not self.ttl_ms

    def message(self) -> BatchRequest | PutManyRequest:
        """What is sent to a node."""
        if self.needs_columns:
            return PutManyRequest(block=Block(keys=self.keys, values=self.texts))
        batch = BatchRequest()
        if self.kind is Freight.PUT:
            for key, value in zip(self.keys, self.texts, strict=True):
                put = batch.operations.add().put
                put.key, put.value, put.ttl_ms = key, value, self.ttl_ms
            return batch
        for key in self.keys:
            getattr(batch.operations.add(), self.kind.value).key = key
        return batch

    def answers_in(self, answer: object) -> list[Any] | None:
        """The answers, if each of them is there and says "done"; else None. Those to puts are only
        looked at here, and those to columns are fewer.

        What has failed has none of this kind, and an answer names the node that gave it. An empty
        message must be read neither as "no such key" nor as "done".
        """
        answers: list[Any]
        if isinstance(answer, PutManyResponse) and answer.first_version:
            answers = [answer, *(exception.result.put for exception in answer.exceptions)]
        elif isinstance(answer, BatchResponse) and len(answer.results) == len(self.keys):
            kind = self.kind.value
            answers = [getattr(result, kind) for result in answer.results]
        else:
            return None
        return answers if all(it.served_by for it in answers) else None
