"""A call on its way, and the process that it leads to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from kvcluster.node import Node
from tests.sim.loop import Life

Handle = Callable[[Node, Any], Awaitable[Any]]


@dataclass(eq=False)
class Call:
    """A request on its way, and who waits for the answer."""

    caller: str
    callee: str
    method: str
    request: bytes
    parse: Callable[[bytes], Any]
    handle: Handle
    answer: asyncio.Future[tuple[Callable[[bytes], Any], bytes]]
    sent_s: float
    proof: str = ""
    """By the secret of the cluster, where there is one."""
    given_up: bool = False
    lost: bool = False
    """Lost with its connection; it may have arrived before."""
    running: asyncio.Task[None] | None = None
    """Once its handler has begun."""

    def again(self) -> Call:
        """The same request again; nobody waits for its answer."""
        return replace(self, answer=asyncio.get_running_loop().create_future())

    def fail(self, error: Exception) -> None:
        """Tell the caller why there is no answer, if it still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # seen: nobody need wait for it

    def succeed(self, answer: tuple[Callable[[bytes], Any], bytes]) -> None:
        """Give the caller its answer, if it still waits."""
        if not self.answer.done():
            self.answer.set_result(answer)


@dataclass(eq=False)
class Process:
    """A process that can be reached."""

    life: Life
    node: Node
    calls: dict[Call, None] = field(default_factory=dict)
