"""How many writes a cluster takes as clients are added: rounds grow, the cost of each shrinks."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import grpc

from kvcluster.commands.demo.local_cluster import LocalCluster, free_ports

from demo_pb2 import PutRequest
from demo_pb2_grpc import KeyValueStub

_CLIENTS = (1, 16, 64, 256)
_DURATION_S = 4.0


def main() -> None:
    """Measure and print."""
    print("Put of 100 bytes, durable on three nodes, clients on all of them")
    with (
        tempfile.TemporaryDirectory(prefix="kvcluster-bench-") as folder,
        LocalCluster(Path(folder), free_ports(3)) as cluster,
    ):
        for number in range(3):
            cluster.start(number)
        cluster.wait_until_ready()
        alone = 0.0
        for clients in _CLIENTS:
            times_s = asyncio.run(_load(cluster.nodes, clients))
            rate = len(times_s) / _DURATION_S
            alone = alone or rate
            median_ms = statistics.median(times_s) * 1e3
            print(
                f"  {clients:4} clients  {rate:8,.0f} a second  median {median_ms:7.2f} ms"
                f"   {rate / alone:5.1f} times one client"
            )


async def _load(nodes: tuple[str, ...], clients: int) -> list[float]:
    """Let clients write without pause; how long each write took, in seconds."""
    channels = [grpc.aio.insecure_channel(node) for node in nodes]
    stubs = [KeyValueStub(channel) for channel in channels]
    end_s = time.perf_counter() + _DURATION_S
    times_s: list[float] = []

    async def write(number: int) -> None:
        count = 0
        while (started_s := time.perf_counter()) < end_s:
            count += 1
            request = PutRequest(key=f"{number}/{count % 1000}", value="x" * 100)
            await stubs[number % len(stubs)].Put(request, timeout=10)
            times_s.append(time.perf_counter() - started_s)

    await asyncio.gather(*(write(number) for number in range(clients)))
    for channel in channels:
        await channel.close()
    return times_s
