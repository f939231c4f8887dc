"""Many keys at once: put in bulk, and read back in one scan."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.load.client import LoadClient
from bench.load.jobs import Answer, Bulk, Scan
from bench.load.window import Window


async def bulk(client: LoadClient, job: Bulk, pids: Sequence[int]) -> Answer:
    """Put so many new keys; the figures are for each key."""
    keys = [f"{job.prefix}{number}" for number in range(job.count)]
    window = Window(pids)
    window.open()
    begun_s = time.perf_counter()
    await client.put_many(keys)
    window.times_s.append(time.perf_counter() - begun_s)
    window.close()
    return window.figures(job.count)


async def scan(client: LoadClient, job: Scan, pids: Sequence[int]) -> Answer:
    """Read so many pairs. Raises ValueError if there are more or fewer."""
    window = Window(pids)
    window.open()
    begun_s = time.perf_counter()
    count = await client.scan(job.prefix)
    window.times_s.append(time.perf_counter() - begun_s)
    window.close()
    if count != job.count:
        raise ValueError(f"a scan gave {count:,} pairs of {job.count:,}")
    return window.figures(job.count)
