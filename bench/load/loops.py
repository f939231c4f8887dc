"""Load: so many calls at a time, or calls at fixed moments.

The closed loop asks what a system can do for so many patient clients. The open one asks how long
nobody was answered: its calls come whether those before them are answered or not, as those of
other people's programs do.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence

from bench.load.client import LoadClient
from bench.load.jobs import PREFIX, Answer, Closed, Count, Steady
from bench.load.window import Window
from bench.measure.statistics import longest_gap

_REST_S = 0.01
"""After a call that failed, so that a dead system is not asked a million times."""
_LAST_ANSWERS_S = 1.0


async def closed(client: LoadClient, job: Closed, pids: Sequence[int]) -> Answer:
    """Let so many clients call without pause."""
    window = Window(pids)
    if job.act == "threaded_put":
        await asyncio.to_thread(_closed_in_threads, client.threaded_put(), job, window)
    else:
        act: Callable[[str], Awaitable[object]] = getattr(client, job.act)
        clients = [call_on(act, keys_of(number, job), window) for number in range(job.clients)]
        await asyncio.gather(measure(window, job), *clients)
    return window.figures()


async def measure(window: Window, job: Closed | Count) -> None:
    """Open the window when nothing is cold any more, and close it in time."""
    await asyncio.sleep(job.warm_s)
    window.open()
    await asyncio.sleep(job.seconds)
    window.close()


async def call_on(
    act: Callable[[str], Awaitable[object]], keys: Iterator[str], window: Window
) -> None:
    """One client: it calls until the window is over."""
    clock, times_s = time.perf_counter, window.times_s
    while not window.is_over:
        key = next(keys)
        begun_s = clock()
        try:
            await act(key)
        except Exception as error:
            window.failed(error)
            await asyncio.sleep(_REST_S)
            continue
        if window.is_open:
            times_s.append(clock() - begun_s)


def keys_of(number: int, job: Closed) -> Iterator[str]:
    """The keys of one client, at random from its part: no two clients ever write the same."""
    if not job.keys:
        yield from (f"{job.prefix}{each}" for each in itertools.count(number, job.clients))
    part = max(1, job.keys // job.clients)
    draw = random.Random(f"{number}/{time.time_ns()}").random
    while True:
        yield f"{job.prefix}{number + job.clients * int(draw() * part)}"


def _closed_in_threads(put: Callable[[str], None], job: Closed, window: Window) -> None:
    def call_on(number: int) -> None:
        keys = keys_of(number, job)
        while not window.is_over:
            key = next(keys)
            begun_s = time.perf_counter()
            try:
                put(key)
            except Exception as error:
                window.failed(error)
                time.sleep(_REST_S)
                continue
            if window.is_open:
                window.times_s.append(time.perf_counter() - begun_s)

    threads = [threading.Thread(target=call_on, args=(number,)) for number in range(job.clients)]
    for thread in threads:
        thread.start()
    time.sleep(job.warm_s)
    window.open()
    time.sleep(job.seconds)
    window.close()
    for thread in threads:
        thread.join()


async def steady(client: LoadClient, job: Steady, pids: Sequence[int]) -> Answer:
    """Put at fixed moments; the longest time in which none ended well is among the figures."""
    window = Window(pids)
    ends_s: list[float] = []
    victim = job.victims[await client.in_use()] if job.victims else None

    async def put(number: int) -> None:
        begun_s = time.perf_counter()
        try:
            await client.put(f"{PREFIX}{random.randrange(job.keys)}")
        except Exception as error:
            window.failed(error)
        else:
            ends_s.append(time.perf_counter())
            window.times_s.append(ends_s[-1] - begun_s)

    begin_s = time.perf_counter()
    killed = False
    puts = []
    window.open()
    for number in range(int(job.seconds / job.every_s)):
        await asyncio.sleep(max(0.0, begin_s + number * job.every_s - time.perf_counter()))
        if victim and not killed and time.perf_counter() - begin_s >= job.kill_after_s:
            os.kill(victim, signal.SIGKILL)
            killed = True
        puts.append(asyncio.create_task(put(number)))
    end_s = time.perf_counter()
    window.close()
    _, unanswered = await asyncio.wait(puts, timeout=_LAST_ANSWERS_S)
    for task in unanswered:
        task.cancel()
    return {**window.figures(), "gap_s": longest_gap(ends_s, begin_s, end_s)}
