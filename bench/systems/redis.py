"""Redis: one that takes writes and two replicas, called by redis-py on asyncio.

Every write is `SET` and `WAIT 2` in one pipeline, on a connection of its own from a pool: `WAIT`
holds up whatever else its connection carries. With `appendfsync always` a replica acknowledges
after its fsync.

Put if unchanged is a script that compares and sets, in one way there and back: what a program would
do whose only wish is to be quick. It compares values, since Redis has no versions. A counter
that watches its key needs two ways, each with several commands at once; redis-py would take more.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

from bench.load.client import VALUE, LoadClient, Spec, give_way
from bench.measure.machine import first_line
from bench.systems.processes import SystemFailed
from bench.systems.system import System

_WAIT_MS = 5_000
_START_PATIENCE_S = 60.0
_IN_PIPELINE = 512
_PIPELINES_IN_FLIGHT = 4
_WORKS = ("loading", "async_loading", "rdb_bgsave_in_progress", "aof_rewrite_in_progress")
_PAGE = 1_000
_PUT_IF_IT_IS = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
_CONNECTIONS = 512
"""One for each client that calls at once: by default a hundred, and the next one is refused."""


class Redis(System):
    """Redis."""

    kind = "redis"
    name = "Redis"
    promise = "fsynced on all three (WAIT 2); nobody takes over by itself; scans have no order"
    needs_program = "redis-server"
    needs_packages = ("redis",)
    how_to_get = "apt install redis-server, and pip install '.[bench]'"

    @classmethod
    def version(cls) -> str:
        """By its own account."""
        words = first_line(["redis-server", "--version"]).split()
        return next((word[2:] for word in words if word.startswith("v=")), "")

    @property
    def spec(self) -> Spec:
        """The first takes writes."""
        return {"nodes": self.addresses, "replicas": [str(self.members - 1)]}

    def start(self) -> None:
        """Start all; whoever calls waits until the replicas are connected."""
        for number, port in enumerate(self.ports):
            command = self.command(number, port, fsync="always")
            command += ["--repl-diskless-sync-delay", "0"]
            if number:
                command += ["--replicaof", f"127.0.0.1 {self.ports[0]}"]
            self.processes.start(f"redis {number}", command)
        self.wait_for_ports(self.ports)

    def command(self, number: int, port: int, *, fsync: str) -> list[str]:
        """What starts one of them, in a folder of its own. `fsync`: when its file is synced."""
        folder = self.place.inner(f"redis-{number}").folder
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        return [*command, "--save", "", "--appendonly", "yes", "--appendfsync", fsync]


class Client(LoadClient):
    """redis-py, with a pool of connections."""

    def __init__(self, spec: Spec) -> None:
        import redis.asyncio  # of the extra; whoever measures something else need not have it

        super().__init__(spec)
        self._connect = redis.asyncio.Redis
        self._redis = self._connected(spec["nodes"][0])
        self._replicas = int(spec["replicas"][0])

    def _connected(self, address: str) -> Any:
        host, port = address.split(":")
        return self._connect(
            host=host, port=int(port), decode_responses=True, max_connections=_CONNECTIONS
        )

    async def open(self) -> None:
        """Wait until its replicas are connected and all have done with their files.

        After a start with many keys each writes them anew in the background, which is no more a
        part of what a put costs than a load of the data is.
        """
        deadline_s = time.monotonic() + _START_PATIENCE_S
        while not (await self._has_replicas() and await self._all_at_rest()):
            if time.monotonic() > deadline_s:
                raise SystemFailed(f"its replicas are not ready after {_START_PATIENCE_S:g} s")
            await asyncio.sleep(0.1)
        self._put_if_it_is: str = await self._redis.script_load(_PUT_IF_IT_IS)

    async def _has_replicas(self) -> bool:
        told = await self._redis.info("replication")
        return sum(_is_online(name, each) for name, each in told.items()) == self._replicas

    async def _all_at_rest(self) -> bool:
        for address in self.spec["nodes"]:
            async with self._connected(address) as node:
                told = await node.info("persistence")
            if any(told.get(work) for work in _WORKS):
                return False
        return True

    async def close(self) -> None:
        """Let go of every connection."""
        await self._redis.aclose()

    async def put(self, key: str) -> None:
        """SET, and WAIT for every replica."""
        await self._store([key])

    async def get(self, key: str) -> str | None:
        """A read of the one that takes writes."""
        value: str | None = await self._redis.get(key)
        return value

    async def get_local(self, key: str) -> str | None:
        """The same: it asks nobody."""
        return await self.get(key)

    async def put_if_unchanged(self, key: str) -> None:
        """The script, and WAIT."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.evalsha(self._put_if_it_is, 1, key, VALUE, VALUE)
            if not await self._acknowledged(pipeline):
                raise SystemFailed(f"{key} was changed by somebody else, or is not there")

    async def put_if_absent(self, key: str) -> None:
        """SET NX, and WAIT."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.set(key, VALUE, nx=True)
            if not await self._acknowledged(pipeline):
                raise SystemFailed(f"{key} was there before")

    async def add_one(self, key: str) -> None:
        """WATCH and a look; then a transaction, which is nothing if the key was written since."""
        async with self._borrowed() as connection:
            for failures in itertools.count(1):
                _, number = await _said(connection, ("WATCH", key), ("GET", key))
                put = ("SET", key, str(int(number or 0) + 1))
                wait = ("WAIT", self._replicas, _WAIT_MS)
                *_, done, replicas = await _said(connection, ("MULTI",), put, ("EXEC",), wait)
                if done is not None:
                    break
                await give_way(failures)
        self._check(replicas)

    @contextlib.asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Any]:
        """A connection for several commands of which it must remember the first."""
        connection = await self._redis.connection_pool.get_connection()
        try:
            yield connection
        except BaseException:
            await connection.disconnect()  # an answer may be on its way that nobody reads
            raise
        finally:
            await self._redis.connection_pool.release(connection)

    async def increment(self, key: str) -> None:
        """INCR, and WAIT."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.incr(key)
            await self._acknowledged(pipeline)

    async def number(self, key: str) -> int:
        """Of the one that takes writes."""
        return int(await self.get(key) or 0)

    async def put_many(self, keys: Iterable[str]) -> None:
        """Pipelines of 512 with a WAIT at their end, several in flight."""
        source = iter(keys)

        async def work() -> None:
            while some := list(itertools.islice(source, _IN_PIPELINE)):
                await self._store(some)

        await asyncio.gather(*(work() for _ in range(_PIPELINES_IN_FLIGHT)))

    async def _store(self, keys: list[str]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.set(key, VALUE)
            await self._acknowledged(pipeline)

    async def _acknowledged(self, pipeline: Any) -> Any:
        """Send what is in a pipeline, and WAIT; the answer to the first of it."""
        pipeline.execute_command("WAIT", self._replicas, _WAIT_MS)
        first, *_, replicas = await pipeline.execute()
        self._check(replicas)
        return first

    def _check(self, replicas: int) -> None:
        if replicas < self._replicas:
            raise SystemFailed(f"{replicas} of {self._replicas} replicas acknowledged")

    async def scan(self, prefix: str) -> int:
        """In no order: SCAN for keys, MGET for their values."""
        count = cursor = 0
        while True:
            cursor, keys = await self._redis.scan(cursor, match=f"{prefix}*", count=_PAGE)
            if keys:
                count += len(await self._redis.mget(keys))
            if not cursor:
                return count


async def _said(connection: Any, *commands: tuple[Any, ...]) -> list[Any]:
    """The answers to some commands that are sent at once."""
    await connection.send_packed_command(connection.pack_commands(commands))
    return [await connection.read_response() for _ in commands]


def _is_online(name: str, told: object) -> bool:
    """Whether a line of INFO is about a replica that has all that there is."""
    return name.startswith("slave") and isinstance(told, dict) and told.get("state") == "online"
