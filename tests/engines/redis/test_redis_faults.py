"""Faults of a real cluster under load: killed, frozen, moved, full, and too few copies.

The shard that is hurt has two replicas, so it can be written with two copies when its primary is
gone. A reader may see a value that goes back: Redis shows what no replica has yet, and the traits
say so; how often is printed.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from kvcluster.engines.address import parse_engine
from kvcluster.engines.contract import WriteDone, WriteOutcome
from kvcluster.engines.redis.redis_engine import RedisEngine
from kvcluster.engines.redis.redis_layout import BUCKET_SLOTS, RedisLayout, bucket_of
from kvcluster.errors import DiskIsFull, NotReady, OutcomeUnknown
from kvcluster.model.operation import Kind, Operation
from tests.engines.load import GrowingLoad
from tests.engines.redis.servers import RedisServer, RedisServers, lacking
from tests.processes.harness import eventually

pytestmark = pytest.mark.processes
LONGEST_GAP_S = 12.0


@pytest.fixture(scope="module")
def servers() -> Iterator[RedisServers]:
    """Three primaries; the first has two replicas."""
    if reason := lacking():
        pytest.fail(reason) if os.environ.get("ENGINES") == "must" else pytest.skip(reason)
    made = RedisServers(replicas=4)
    yield made
    made.stop()


@asynccontextmanager
async def engine_on(servers: RedisServers, name: str, **options: str) -> AsyncIterator[RedisEngine]:
    """An engine with a prefix of its own."""
    text, environment = servers.place(name)
    more = "".join(f"&{option}={value}" for option, value in options.items())
    engine = RedisEngine(parse_engine(text + more, environment))
    try:
        await engine.probe(soon_s(10))
        yield engine
    finally:
        await engine.close()


def load_on(engine: RedisEngine, keys: list[str]) -> GrowingLoad:
    """A writer for each key, as long as the load lasts."""
    return GrowingLoad(engine, [[key] for key in keys], may_go_back=True, probes=True)


def soon_s(seconds: float = 3.0) -> float:
    """A deadline."""
    return asyncio.get_running_loop().time() + seconds


def keys_of(servers: RedisServers, server: RedisServer, count: int = 6) -> list[str]:
    """Keys in slots of a primary, as another sees it."""
    other = next(it for it in servers.servers if it is not server and it.process)
    rows = other.ask("CLUSTER", "SLOTS")
    ranges = [(row[0], row[1]) for row in rows if row[2][1] == server.port]
    found = []
    for number in range(10_000):
        slot = BUCKET_SLOTS[bucket_of(f"k{number}".encode())]
        if any(first <= slot <= last for first, last in ranges):
            found.append(f"k{number}")
    return found[:count]


def primary_of(servers: RedisServers, keys: list[str]) -> RedisServer:
    """Who has the slot of these keys now."""
    slot = BUCKET_SLOTS[bucket_of(keys[0].encode())]
    for row in servers.servers[-1].ask("CLUSTER", "SLOTS"):
        if row[0] <= slot <= row[1]:
            return servers.server(f"127.0.0.1:{row[2][1]}")
    raise AssertionError(f"nobody serves slot {slot}")


async def one(engine: RedisEngine, key: str, value: str, left_s: float = 3.0) -> WriteOutcome:
    """Put one."""
    (outcome,) = await engine.write([Operation(Kind.PUT, key, value)], soon_s(left_s))
    return outcome


async def until_replaced(servers: RedisServers, server: RedisServer) -> None:
    """Return when the others have another primary."""
    await asyncio.to_thread(
        eventually, lambda: not servers.is_primary(server), f"{server.name} is replaced"
    )


async def test_a_primary_is_killed_under_load(servers: RedisServers) -> None:
    """A write that was acknowledged and is gone; a gap that lasts until somebody looks."""
    keys = keys_of(servers, servers.primaries[0])
    async with engine_on(servers, "killed") as engine:
        async with load_on(engine, keys) as load:
            await load.succeed(50)
            victim = primary_of(servers, keys)
            victim.kill()
            await until_replaced(servers, victim)
            await load.succeed(50)
            victim.start()
            await asyncio.to_thread(servers.wait_whole)
            await load.succeed(50)
        await load.check()
    print(f"\nkilled: {load.report()}")
    assert load.key_gap_s < LONGEST_GAP_S


async def test_a_primary_is_frozen_under_load(servers: RedisServers) -> None:
    """It thaws, and believes for a moment that it is the primary still."""
    keys = keys_of(servers, primary_of(servers, keys_in_first()))
    async with engine_on(servers, "frozen") as engine:
        async with load_on(engine, keys) as load:
            await load.succeed(50)
            victim = primary_of(servers, keys)
            victim.signal(signal.SIGSTOP)
            try:
                await until_replaced(servers, victim)
                await load.succeed(50)
            finally:
                victim.signal(signal.SIGCONT)
            await load.succeed(50)
            await asyncio.to_thread(servers.wait_whole)
            await load.succeed(50)
        await load.check()
    print(f"\nfrozen: {load.report()}")
    assert load.key_gap_s < LONGEST_GAP_S


def keys_in_first() -> list[str]:
    """A key of the shard with two replicas: that of the lowest slots."""
    return [key for key in map(str, range(1_000)) if bucket_of(key.encode()) == 0]


async def test_too_few_copies_are_unknown_and_one_is_told_as_one(servers: RedisServers) -> None:
    """A frozen replica confirms nothing; who asks for one copy is told how many have it."""
    last = servers.primaries[2]
    key = keys_of(servers, last)[0]
    replica = next(it for it in servers.servers if _replicates(it, last))
    async with engine_on(servers, "few") as strict, engine_on(servers, "few", copies="1") as lax:
        outcome = await one(lax, key, "0")
        assert isinstance(outcome, WriteDone)
        assert (outcome.acknowledged, outcome.replicas) == (1, 2)
        outcome = await one(strict, key, "1")
        assert isinstance(outcome, WriteDone)
        assert (outcome.acknowledged, outcome.replicas) == (2, 2)
        replica.signal(signal.SIGSTOP)
        try:
            outcome = await one(strict, key, "2", 0.5)
            assert isinstance(outcome, OutcomeUnknown)
            assert str(outcome) == "Redis Cluster: 1 of 2 copies confirmed it in time"
        finally:
            replica.signal(signal.SIGCONT)
    async with engine_on(servers, "few", copies="5") as greedy:
        outcome = await one(greedy, key, "3")
        assert isinstance(outcome, NotReady)
        (content,) = await greedy.read([key], soon_s(), linearizable=False)
        assert getattr(content, "value", None) == "2", "it was refused, and is there"
    await asyncio.to_thread(servers.wait_whole)


def _replicates(server: RedisServer, primary: RedisServer) -> bool:
    role = server.ask("ROLE")
    return bool(role[0] == b"slave" and role[2] == primary.port)


async def test_a_full_memory_refuses_puts_and_takes_deletes(servers: RedisServers) -> None:
    """Before anything of the script ran, or a value might stand without its place in the order."""
    async with engine_on(servers, "full") as engine:
        await one(engine, "k", "1")
        try:
            for server in servers.servers:
                server.ask("CONFIG", "SET", "maxmemory", "1")
            refused = await one(engine, "k", "2")
            assert isinstance(refused, DiskIsFull), refused
            (content,) = await engine.read(["k"], soon_s(), linearizable=False)
            assert getattr(content, "value", None) == "1"
            (gone,) = await engine.write([Operation(Kind.DELETE, "k")], soon_s())
            assert isinstance(gone, WriteDone)
            assert gone.found
        finally:
            for server in servers.servers:
                server.ask("CONFIG", "SET", "maxmemory", "0")


async def test_a_bucket_moves_to_another_primary_under_load(servers: RedisServers) -> None:
    """MOVED, ASK and TRYAGAIN are all refusals: nothing is lost, and nothing is done twice."""
    source, target = servers.primaries[1], servers.primaries[2]
    key = keys_of(servers, source)[0]
    async with engine_on(servers, "moved") as engine:
        async with load_on(engine, [key]) as load:
            await load.succeed(20)
            await asyncio.to_thread(_move, servers, source, target, key, "moved")
            await load.succeed(20)
        await load.check()
        page = await engine.page("", "", 10, keys_only=True, deadline_s=soon_s())
        assert [it[0] for it in page.pairs] == [key]
    print(f"\nmoved: {load.report()}")


def _move(
    servers: RedisServers, source: RedisServer, target: RedisServer, key: str, prefix: str
) -> None:
    """As redis-cli does it: key by key, then everybody is told."""
    slot = str(RedisLayout(prefix).place(key.encode())[0])
    ids = [it.ask("CLUSTER", "MYID").decode() for it in (source, target)]
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
    while names := source.ask("CLUSTER", "GETKEYSINSLOT", slot, "1"):
        source.ask("MIGRATE", "127.0.0.1", str(target.port), names[0].decode(), "0", "2000")
    for server in (target, source):
        server.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
