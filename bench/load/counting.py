"""Counting: many add to one number, and at the end it must be what they added.

Every addition is a look and a write on the condition that nothing came between, so all but one of
those that begin with the same number are in vain, unless somebody combines them. It matters who
they are: tasks of one client can be combined by that client, clients of their own only by a server.

The sum is checked in every turn. A system that is quick because it loses additions has not won.
Nor has one that is quick because it serves one of them and lets the others wait, since nobody is in
his way then. So it is told, too, how many got anything done at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from bench.load.client import LoadClient
from bench.load.jobs import Answer, Count
from bench.load.loops import call_on, measure
from bench.load.window import Window
from bench.systems.processes import PromiseBroken


async def count(client: LoadClient, job: Count, pids: Sequence[int]) -> Answer:
    """Let so many add one without pause. Raises PromiseBroken if the number is not the sum."""
    window = Window(pids)
    async with _clients(client, job) as clients:
        adders = [_Adder(each, job.act, window) for each in clients]
        calls = [call_on(adder.add, itertools.repeat(job.key), window) for adder in adders]
        await asyncio.gather(measure(window, job), *calls)
    figures = window.figures()
    acknowledged = sum(adder.acknowledged for adder in adders)
    check(await client.number(job.key), acknowledged, window.errors)
    return {**figures, "served": sum(adder.is_served for adder in adders)}


def check(number: int, acknowledged: int, failed: int) -> None:
    """Raises PromiseBroken if a number cannot have come from so many additions.

    One that failed may have been done. `number`: what is there at the end, of one that began at 0.
    """
    if not acknowledged <= number <= acknowledged + failed:
        but = f", and {failed:,} that failed" if failed else ""
        raise PromiseBroken(
            f"the counter is {number:,} after {acknowledged:,} acknowledged additions{but}"
        )


@dataclass
class _Adder:
    """One of those who add."""

    client: LoadClient
    act: str
    window: Window
    acknowledged: int = 0
    is_served: bool = False
    """Whether it got anything done before the window was over."""

    async def add(self, key: str) -> None:
        await getattr(self.client, self.act)(key)
        self.acknowledged += 1
        self.is_served = self.is_served or not self.window.is_over


@contextlib.asynccontextmanager
async def _clients(client: LoadClient, job: Count) -> AsyncIterator[list[LoadClient]]:
    """Who adds: one client again and again, or clients of their own, which connect first."""
    if not job.apart:
        yield [client] * job.clients
        return
    clients = [type(client)(client.spec) for _ in range(job.clients)]
    try:
        await asyncio.gather(*(each.open() for each in clients))
        yield clients
    finally:
        await asyncio.gather(*(each.close() for each in clients), return_exceptions=True)
