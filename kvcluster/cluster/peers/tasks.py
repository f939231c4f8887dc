"""Background tasks: what runs beside the calls, and what happens when one of them ends.

A background task that ends by an error is not restarted: nobody knows what it left half done.
`failed` resolves, and the process stops with a message. That is how a failed fsync stops a node.

Two tasks look at the node itself. The watch looks ten times a second whether this process was away:
stopped, suspended, or paused with its machine (model/pauses.py). The other writes down how late it
is, where nobody writes anything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from kvcluster.cluster.peers import Peering
from kvcluster.cluster.peers.gate import Gate
from kvcluster.cluster.peers.timekeeper import Timekeeper
from kvcluster.config import Settings
from kvcluster.errors import OutcomeUnknown
from kvcluster.model.clock import COUNTER_BITS
from kvcluster.model.readiness import Status
from kvcluster.storage.store import Store


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


async def remember_time(store: Store, gate: Gate, time: Timekeeper, settings: Settings) -> None:
    """Write the time down for ever, unless what the disk held at the start is recent enough.

    After a power cut a machine without a clock of its own knows the time from its disk only
    (model/clock.py). Each frame of the journal carries it. But a node to which nobody wrote for
    days would take the clocks of its busy neighbours for absurd, and they would wait for somebody
    to set its clock. So it writes a frame now and then that says nothing else, and at once when its
    clock was set far ahead: it looks around then, and serves anew. Only while it serves: before,
    its own clock may be the one that is wrong.
    """
    written = store.clock_found
    while True:
        while gate.status is not Status.SERVING:
            await asyncio.wait([gate.changed])
        if time.kept() - written > int(settings.clock_keep_s * 1000) << COUNTER_BITS:
            now = time.kept()
            try:
                await store.write_time()
            except OutcomeUnknown:  # a full disk
                await asyncio.sleep(settings.checkpoint_retry_s)
                continue
            written = now
        await asyncio.wait([gate.changed], timeout=settings.clock_keep_s / 2)


async def keep_watch(
    peering: Peering, gate: Gate, refuse_waiting: Callable[[str], None], settings: Settings
) -> None:
    """Look at every peer's silence, and at this process itself, for ever.

    If more time passed between two looks than should have, the world has moved on meanwhile: what
    waited inside is refused, the silence of others says nothing, and every peer is heard again
    before anything is answered.
    """
    gate.look()  # what passed before this was the start
    while True:
        await asyncio.sleep(settings.tick_interval_s)
        if gate.look():
            refuse_waiting("this node was stopped")
            peering.peers.listen_anew()
            peering.heartbeats.poke_all()
        else:
            peering.peers.look()
