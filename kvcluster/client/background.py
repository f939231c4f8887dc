"""Background: one event loop in a thread, shared by all synchronous clients of the process.

So a call from any thread is a call into that loop: what threads ask for at the same time travels
together there, as if one asynchronous program had asked. One loop for all of them and not one for
each, since gRPC's asyncio half has a single thread that serves every loop of a process.

The thread is a daemon. A program that forgets to close its client still ends.

A fork copies the memory and not the thread, and gRPC does not survive it either. So the child is
told, instead of waiting for ever for a loop that nobody runs.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from kvcluster.errors import BadRequest

_FORKED = (
    "this process was forked after a client was used in it, and gRPC does not survive that;"
    ' start processes with subprocess, or with multiprocessing\'s "spawn"'
)

T = TypeVar("T")


class Background:
    """An event loop that runs in a thread of its own."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="kvcluster", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have something done in the loop, and wait for it. Ctrl+C cancels it there."""
        future = self.start(work)
        try:
            return future.result()
        finally:
            future.cancel()  # which does nothing if it is done

    def call(self, work: Callable[[], None]) -> None:
        """Have something done in the loop that waits for nothing, and do not wait for it."""
        self._loop.call_soon_threadsafe(work)

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Have something done in the loop, and do not wait. Raises BadRequest after a fork."""
        why = ""
        if os.getpid() != self._pid:
            why = _FORKED
        elif threading.current_thread() is self._thread:
            why = "a client was called from its own event loop, which would wait for itself"
        if why:
            work.close()
            raise BadRequest(why)
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


_lock = threading.Lock()
_background: Background | None = None


def background() -> Background:
    """The one of this process, made at the first call."""
    global _background  # noqa: PLW0603  # one a process is what it is for
    with _lock:
        if _background is None:
            _background = Background()
        return _background
