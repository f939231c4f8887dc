"""Redis Cluster: three primaries, called by redis-py's RedisCluster on asyncio.

They have no replicas, and a write is acknowledged by the one that holds its slot, before any sync:
that is what a program gets that uses the driver as it comes. So a gateway beside it waits for no
second copy either (`copies=1`).

A scan asks each primary for its keys and then for their values, in pipelines. It has no order, and
what is written meanwhile may come twice: less than what a scan of ours is.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import time
from collections.abc import Iterable
from typing import Any

from bench.load.client import VALUE, LoadClient, Spec
from bench.systems.processes import Place, SystemFailed
from bench.systems.redis import Redis
from kvcluster.commands.demo.local_cluster import free_ports

_START_PATIENCE_S = 60.0
_IN_PIPELINE = 512
_PIPELINES_IN_FLIGHT = 4
_PAGE = 1_000


class RedisCluster(Redis):
    """Redis Cluster."""

    kind = "redis_cluster"
    name = "Redis Cluster"
    promise = (
        "in the memory of one of three primaries, fsynced within a second (everysec);"
        " no replicas; scans have no order"
    )

    def __init__(self, place: Place, members: int = 3) -> None:
        super().__init__(place, members)
        self._bus_ports = free_ports(members)

    @property
    def spec(self) -> Spec:
        """All take writes, each for its slots."""
        return {"nodes": self.addresses}

    def start(self) -> None:
        """Start all, and make a cluster of them; returns when each takes part in it."""
        for number, (port, bus) in enumerate(zip(self.ports, self._bus_ports, strict=True)):
            command = self.command(number, port, fsync="everysec")
            command += ["--cluster-enabled", "yes", "--cluster-port", str(bus)]
            self.processes.start(f"redis {number}", command)
        self.wait_for_ports(self.ports)
        told = _said("--cluster", "create", *self.addresses, "--cluster-yes")
        deadline_s = time.monotonic() + _START_PATIENCE_S
        while not all("cluster_state:ok" in _info(port) for port in self.ports):
            if time.monotonic() > deadline_s:
                raise SystemFailed(f"no cluster after {_START_PATIENCE_S:g} s: {told[-200:]}")
            time.sleep(0.1)


def _info(port: int) -> str:
    return _said("-p", str(port), "cluster", "info")


def _said(*words: str) -> str:
    """What redis-cli prints. Raises SystemFailed if it does not come to an end."""
    command = ["redis-cli", *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_START_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise SystemFailed(f"redis-cli {words[1]} took more than {_START_PATIENCE_S:g} s") from None
    return done.stdout + done.stderr


class Client(LoadClient):
    """RedisCluster, which knows where each slot is and has a pool of connections to each node."""

    def __init__(self, spec: Spec) -> None:
        from redis.asyncio.cluster import ClusterNode  # of the extra, see redis.py
        from redis.asyncio.cluster import RedisCluster as Cluster

        super().__init__(spec)
        places = [node.split(":") for node in spec["nodes"]]
        nodes = [ClusterNode(host, int(port)) for host, port in places]
        self._redis: Any = Cluster(startup_nodes=nodes, decode_responses=True)

    async def open(self) -> None:
        """Learn where the slots are."""
        await self._redis.initialize()
        await self.put("opened")

    async def close(self) -> None:
        """Let go of every connection."""
        await self._redis.aclose()

    async def put(self, key: str) -> None:
        """SET."""
        await self._redis.set(key, VALUE)

    async def get(self, key: str) -> str | None:
        """A read of the one that takes its writes."""
        value: str | None = await self._redis.get(key)
        return value

    async def put_many(self, keys: Iterable[str]) -> None:
        """Pipelines of 512, which the driver parts by node; several in flight."""
        source = iter(keys)

        async def work() -> None:
            while some := list(itertools.islice(source, _IN_PIPELINE)):
                pipeline = self._redis.pipeline()
                for key in some:
                    pipeline.set(key, VALUE)
                await pipeline.execute()

        await asyncio.gather(*(work() for _ in range(_PIPELINES_IN_FLIGHT)))

    async def scan(self, prefix: str) -> int:
        """In no order: SCAN at each node, and a pipeline of GETs for each thousand keys."""
        count, some = 0, list[str]()
        async for key in self._redis.scan_iter(match=f"{prefix}*", count=_PAGE):
            some.append(key)
            if len(some) == _PAGE:
                count += await self._values(some)
                some.clear()
        return count + await self._values(some)

    async def _values(self, keys: list[str]) -> int:
        """Read these; how many there were."""
        pipeline = self._redis.pipeline()
        for key in keys:
            pipeline.get(key)
        return sum(value is not None for value in await pipeline.execute()) if keys else 0
