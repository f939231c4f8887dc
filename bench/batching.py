"""What batching brings: concurrent puts of AsyncClient against the same number of plain calls.

One cluster, one node asked, both ways in turn within one run, so that whatever the machine does
meanwhile happens to both.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc

from kvcluster import AsyncClient
from kvcluster.commands.demo.local_cluster import LocalCluster, free_ports

from demo_pb2 import PutRequest
from demo_pb2_grpc import KeyValueStub

_PUTTERS = (1, 16, 64, 256, 1000)
_TURNS, _TURN_S = 4, 1.0

Put = Callable[[str, str], Awaitable[object]]


def main() -> None:
    """Measure and print."""
    print("Put of 100 bytes, durable on three nodes, all through one node")
    with (
        tempfile.TemporaryDirectory(prefix="kvcluster-bench-") as folder,
        LocalCluster(Path(folder), free_ports(3)) as cluster,
    ):
        for number in range(3):
            cluster.start(number)
        cluster.wait_until_ready()
        asyncio.run(_compare(cluster.nodes[0]))


async def _compare(node: str) -> None:
    async with AsyncClient(node, timeout_s=30) as client, grpc.aio.insecure_channel(node) as way:
        stub = KeyValueStub(way)

        async def plainly(key: str, value: str) -> None:
            await stub.Put(PutRequest(key=key, value=value), timeout=30)

        for putters in _PUTTERS:
            ways: list[Put] = [plainly, client.put]
            counts = [0, 0]
            for _ in range(_TURNS):
                for number, put in enumerate(ways):
                    counts[number] += await _load(put, putters)
            plain, batched = (count / (_TURNS * _TURN_S) for count in counts)
            print(
                f"  {putters:4} at once  plain calls {plain:7,.0f} a second"
                f"   AsyncClient {batched:7,.0f}   ratio {batched / plain:.1f}"
            )


async def _load(put: Put, putters: int) -> int:
    """Let so many put without pause; how many puts were done."""
    end_s = time.perf_counter() + _TURN_S
    done = 0

    async def work(number: int) -> None:
        nonlocal done
        turn = 0
        while time.perf_counter() < end_s:
            turn += 1
            await put(f"{number}/{turn % 1000}", "x" * 100)
            done += 1

    await asyncio.gather(*(work(number) for number in range(putters)))
    return done


if __name__ == "__main__":
    main()
