"""Ctrl+C as a wish, for work that ends in good order: what is on its way arrives, then it stops.

The first signal sets an event and breaks nothing off; the work looks at it, or waits for it beside
whatever else it waits for. The second means *now*. Without this, asyncio would break off whatever
stands at the moment, and nobody could say how far it had come.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")


@contextlib.contextmanager
def wishes() -> Iterator[asyncio.Event]:
    """While the body runs: the event that the first Ctrl+C sets. The second ends the body."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    wish = asyncio.Event()

    def come() -> None:
        if wish.is_set():
            task.cancel()
        wish.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, come)
    try:
        yield wish
    except asyncio.CancelledError:
        if wish.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def unless(wish: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of the work, or None if the wish came first; the work is cancelled then.

    Work that goes round and round looks at the wish by itself as well: before Python 3.12 a
    cancellation could get lost in `asyncio.wait_for`, whoever called that.
    """
    working = asyncio.ensure_future(work)
    wished = asyncio.ensure_future(wish.wait())
    try:
        await asyncio.wait({working, wished}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, wished):
            task.cancel()
        await asyncio.wait({working, wished})
