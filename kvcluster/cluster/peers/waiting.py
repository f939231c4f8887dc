"""Waiting: for shared work without owning it, and for an answer that may have become hopeless.

A client that gives up must not take down what others wait for as well: the group commit, the
batch to a peer. So nobody awaits a shared future directly, because cancelling the waiter would
cancel it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from kvcluster.errors import PeerBroke, TimedOut

T = TypeVar("T")


async def within(future: asyncio.Future[T], deadline_s: float, what: str) -> T:
    """The result of a shared future, by `deadline_s` of the loop's clock, or TimedOut."""
    if not future.done():
        remaining_s = deadline_s - asyncio.get_running_loop().time()
        await asyncio.wait([future], timeout=max(0.0, remaining_s))
        if not future.done():
            raise TimedOut(f"{what} took longer than the deadline allows")
    return future.result()


async def unless(hopeless: asyncio.Event, call: Coroutine[Any, Any, T]) -> T:
    """The answer to a call of our own, or PeerBroke as soon as there is no hope for it."""
    answer = asyncio.ensure_future(call)
    despair = asyncio.ensure_future(hopeless.wait())
    try:
        await asyncio.wait([answer, despair], return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise PeerBroke("it became silent")
        return answer.result()
    finally:
        answer.cancel()
        answer.add_done_callback(_seen)
        despair.cancel()


def _seen(task: asyncio.Task[Any]) -> None:
    """An error that came in the moment in which nobody waited any more is no reason to complain."""
    if not task.cancelled():
        task.exception()
