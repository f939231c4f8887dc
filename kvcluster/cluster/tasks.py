"""Background tasks: what runs beside the calls, and what happens when one of them ends.

A background task that ends by an error is not restarted: nobody knows what it left half done.
`failed` resolves, and the process stops with a message. That is how a failed fsync stops a node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """The background tasks of one node. Make it inside the running event loop."""

    failed: asyncio.Future[None]
    """Fails when a task does: the process must stop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.failed = self._loop.create_future()

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
