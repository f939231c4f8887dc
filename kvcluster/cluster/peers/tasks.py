"""Tasks: work beside the calls, what happens when it ends, and how to wait for it.

A background task that ends by an error is not restarted: nobody knows what it left half done.
`failed` resolves, and the process stops with a message. That is how a failed fsync stops a node.

A client that gives up must not take down what others wait for as well: the group commit, the batch
to a peer. So nobody awaits a shared future directly, because cancelling the waiter would cancel it.
And who waits for a peer's answer waits no longer than there is hope for it. Both ways of waiting
take one future and no task: each write and each forwarded call comes through here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, NoReturn, TypeVar

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


async def failing(error: Exception) -> NoReturn:
    """To be spawned by a callback, for an error in it to end the node as that of a task does."""
    raise error


async def within(future: asyncio.Future[T], deadline_s: float, what: str) -> T:
    """The result of a shared future, by `deadline_s` of the loop's clock, or TimedOut."""
    if not future.done():
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        timer = loop.call_at(deadline_s, _wake, woken)

        def wake(_: object) -> None:
            _wake(woken)

        future.add_done_callback(wake)
        try:
            await woken
        finally:
            timer.cancel()
            future.remove_done_callback(wake)
        if not future.done():
            raise TimedOut(f"{what} took longer than the deadline allows")
    return future.result()


class Bell:
    """Wakes one who waits, as often as it rings; between two looks of his it rings once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken: asyncio.Future[bool] = self._loop.create_future()

    def ring(self, _: object = None) -> None:
        """There is something to look at."""
        if not self._woken.done():
            self._woken.set_result(True)

    async def rings_by(self, deadline_s: float) -> bool:
        """Return once it has rung since the last time, or at a time of the loop's clock; whether it
        has.
        """
        timer = self._loop.call_at(deadline_s, self._end)
        try:
            return await self._woken
        finally:
            timer.cancel()
            self._woken = self._loop.create_future()

    def _end(self) -> None:
        if not self._woken.done():
            self._woken.set_result(False)


class Silence:
    """Whether somebody is silent. When that becomes so, all who wait for an answer are woken."""

    def __init__(self) -> None:
        self._lasts = False
        self._waiting: dict[asyncio.Future[None], None] = {}

    def is_set(self) -> bool:
        """Whether it lasts."""
        return self._lasts

    def set(self) -> None:
        """It begins."""
        self._lasts = True
        for woken in self._waiting:
            _wake(woken)

    def clear(self) -> None:
        """It is over."""
        self._lasts = False

    async def or_done(self, answer: asyncio.Future[Any]) -> None:
        """Return once there is an answer, or no hope for one."""
        woken = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: _wake(woken))
        if self._lasts:
            _wake(woken)
        self._waiting[woken] = None
        try:
            await woken
        finally:
            del self._waiting[woken]


async def unless(silence: Silence, call: Awaitable[T]) -> T:
    """The answer to a call of our own, or PeerBroke as soon as there is no hope for it."""
    answer = asyncio.ensure_future(call)
    try:
        await silence.or_done(answer)
        if not answer.done():
            raise PeerBroke("it became silent")
        return answer.result()
    finally:
        answer.cancel()
        answer.add_done_callback(_seen)


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def _seen(answer: asyncio.Future[Any]) -> None:
    """An error that came in the moment in which nobody waited any more is no reason to complain."""
    if not answer.cancelled():
        answer.exception()
