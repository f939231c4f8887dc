"""Tasks: work beside the calls, what happens when it ends, and how to wait for it.

A background task that ends by an error is not restarted: nobody knows what it left half done.
`failed` resolves, and the process stops with a message. That is how a failed fsync stops a node.

A client that gives up must not take down what others wait for as well: the group commit, the batch
to a peer. So nobody awaits a shared future directly, because cancelling the waiter would cancel it.
And who waits for a peer's answer waits no longer than there is hope for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from kvcluster.errors import PeerBroke, TimedOut

T = TypeVar("T")


class Tasks:
    """The background tasks of one node. Make it inside the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.failed: asyncio.Future[None] = self._loop.create_future()
        """Fails when a task does: the process must stop."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run something in the background."""
        task = self._loop.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def kill(self) -> None:
        """End every task where it stands, as the end of the process would."""
        self._stopping = True
        while self._running:
            for task in self._running:
                task.cancel()
            # Again if need be: before Python 3.12 wait_for may swallow a cancellation.
            await asyncio.wait(list(self._running), timeout=0.05)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled() or task.exception() is None:
            return
        if not self.failed.done() and not self._stopping:
            self.failed.set_exception(task.exception() or RuntimeError(task.get_name()))


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
