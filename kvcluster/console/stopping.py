"""Ctrl+C as a wish, for work that ends in good order: what is on its way arrives, then it stops.

The first signal sets an event and breaks nothing off; the work looks at it, or waits for it beside
whatever else it waits for. The second means *now*. Without this, asyncio would break off whatever
stands at the moment, and nobody could say how far it had come.

The handler itself marks the wish, and does not leave that to the event loop: where the loop stands
still, since a pipe takes no more, the wish is what ends the waiting (streams.py).

From then on asyncio complains of nothing. What is broken off may still report, in its own time, to
whom it was working for; that is no news for the person who wished it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from types import FrameType
from typing import Any, TypeVar

from kvcluster.console import streams

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")


class Wish(asyncio.Event):
    """Set when the end is wished for; that is known at once, and in every thread."""

    came = False

    def is_set(self) -> bool:
        """Whether somebody wished it."""
        return self.came

    def set(self) -> None:
        """Wish it."""
        self.came = True
        super().set()


@contextlib.contextmanager
def wishes() -> Iterator[Wish]:
    """While the body runs: the event that the first Ctrl+C sets. The second ends the body."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    wish = Wish()

    def come(number: int, frame: FrameType | None) -> None:
        again, wish.came = wish.came, True
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        loop.call_soon_threadsafe(task.cancel if again else wish.set)

    before = {number: signal.signal(number, come) for number in _SIGNALS}
    try:
        with streams.broken_off_by(wish.is_set):
            yield wish
    except asyncio.CancelledError:
        if wish.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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


async def unless_wished(
    opened: AbstractAsyncContextManager[T], work: Callable[[T, Wish], Coroutine[Any, Any, int]]
) -> int:
    """The exit code of work with what is opened, a client say; KeyboardInterrupt at the wish."""
    with wishes() as wish:
        async with opened as it:
            code = await unless(wish, work(it, wish))
    if code is None or wish.is_set():
        raise KeyboardInterrupt
    return code
