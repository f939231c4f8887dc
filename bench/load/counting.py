"""Counting: many add to one number, and at the end it must be what they added.

Every addition is a look and a write on the condition that nothing came between, so all but one of
those that begin with the same number are in vain, unless somebody combines them. It matters who
they are: tasks of one client can be combined by that client, clients of their own only by a server.

The sum is checked in every turn. A system that is quick because it loses additions has not won.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from bench.load.client import LoadClient
from bench.load.jobs import Answer, Count
from bench.load.loops import call_on, measure
from bench.load.window import Window
from bench.systems.processes import PromiseBroken


async def count(client: LoadClient, job: Count, pids: Sequence[int]) -> Answer:
    """Let so many add one without pause. Raises PromiseBroken if the number is not the sum."""
    window = Window(pids)
    acknowledged = itertools.count()
    async with _adders(client, job) as adders:
        acts = [_counted(getattr(adder, job.act), acknowledged) for adder in adders]
        calls = [call_on(act, itertools.repeat(job.key), window) for act in acts]
        await asyncio.gather(measure(window, job), *calls)
    figures = window.figures()
    check(await client.number(job.key), next(acknowledged), window.errors)
    return figures


def check(number: int, acknowledged: int, failed: int) -> None:
    """Raises PromiseBroken if a number cannot have come from so many additions.

    One that failed may have been done. `number`: what is there at the end, of one that began at 0.
    """
    if not acknowledged <= number <= acknowledged + failed:
        but = f", and {failed:,} that failed" if failed else ""
        raise PromiseBroken(
            f"the counter is {number:,} after {acknowledged:,} acknowledged additions{but}"
        )


@contextlib.asynccontextmanager
async def _adders(client: LoadClient, job: Count) -> AsyncIterator[list[LoadClient]]:
    """Who adds: one client again and again, or clients of their own, which connect first."""
    if not job.apart:
        yield [client] * job.clients
        return
    adders = [type(client)(client.spec) for _ in range(job.clients)]
    try:
        await asyncio.gather(*(adder.open() for adder in adders))
        yield adders
    finally:
        await asyncio.gather(*(adder.close() for adder in adders), return_exceptions=True)


def _counted(
    add: Callable[[str], Awaitable[None]], acknowledged: itertools.count[int]
) -> Callable[[str], Awaitable[None]]:
    async def add_and_count(key: str) -> None:
        await add(key)
        next(acknowledged)

    return add_and_count
