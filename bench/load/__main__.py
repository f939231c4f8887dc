"""The process that loads one system: `python -m bench.load KIND SPEC`.

`SPEC` is JSON, and says where the system is. Jobs come in on standard input, a line each, behind
the process numbers of the system; figures go out on standard output. The process ends when nobody
asks any more: when standard input is closed, also because whoever asked was killed.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from collections.abc import Sequence

from bench.load.bulk import bulk, scan
from bench.load.client import LoadClient
from bench.load.counting import count
from bench.load.jobs import Answer, Bulk, Closed, Count, Job, Scan, from_line
from bench.load.loops import closed, steady
from bench.systems.processes import PromiseBroken


async def serve(kind: str, spec: str) -> None:
    """Open a client, and do jobs until nobody asks."""
    client: LoadClient = importlib.import_module(f"bench.systems.{kind}").Client(json.loads(spec))
    try:
        await client.open()
    except Exception as error:
        _say(_failed(error))
        return
    _say({"ready": True})
    while line := await asyncio.to_thread(sys.stdin.readline):
        pids, _, job = line.partition(" ")
        _say(await _done(client, from_line(job), [int(pid) for pid in pids.split(",") if pid]))
    await client.close()


async def _done(client: LoadClient, job: Job, pids: Sequence[int]) -> Answer:
    # The client may be one of the system's own processes: this one, whose time is told apart.
    others = [pid for pid in pids if pid != os.getpid()]
    try:
        if isinstance(job, Closed):
            return await closed(client, job, others)
        if isinstance(job, Count):
            return await count(client, job, others)
        if isinstance(job, Bulk):
            return await bulk(client, job, others)
        if isinstance(job, Scan):
            return await scan(client, job, others)
        return await steady(client, job, others)
    except PromiseBroken as error:
        return {"broken": str(error)}
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> Answer:
    return {"failed": f"{type(error).__name__}: {error}"}


def _say(what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
