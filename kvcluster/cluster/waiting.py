"""Waiting for shared work, up to a deadline, without owning it.

A client that gives up must not take down what others wait for as well: the group commit, the
batch to a peer. So nobody awaits a shared future directly, because cancelling the waiter would
cancel it.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from kvcluster.errors import TimedOut

T = TypeVar("T")


async def within(future: asyncio.Future[T], deadline_s: float, what: str) -> T:
    """The result of a shared future, by `deadline_s` of the loop's clock, or TimedOut."""
    if not future.done():
        remaining_s = deadline_s - asyncio.get_running_loop().time()
        await asyncio.wait([future], timeout=max(0.0, remaining_s))
        if not future.done():
            raise TimedOut(f"{what} took longer than the deadline allows")
    return future.result()
