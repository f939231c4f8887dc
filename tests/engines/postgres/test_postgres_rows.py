"""Rows, versions and copies: what must hold of them whatever happens at the same time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from kvcluster.engines.address import parse_engine
from kvcluster.engines.catalogue import engine_at
from kvcluster.engines.contract import Engine, Mismatched, WriteDone
from kvcluster.engines.postgres import postgres_reading, postgres_writing
from kvcluster.engines.postgres.postgres_copies import PostgresCopies, copies_of
from kvcluster.engines.postgres.postgres_rows import number_of, version_of_number
from kvcluster.model.condition import Condition
from kvcluster.model.decision import Content
from kvcluster.model.entry import Version
from kvcluster.model.operation import Kind, Operation
from tests.engines.postgres.servers import PostgresServers

TABLE = "rows"


@pytest.fixture
async def engine(servers: PostgresServers) -> AsyncIterator[Engine]:
    """One whose table is empty."""
    made = engine_at(parse_engine(*servers.place(TABLE)))
    await made.open()
    try:
        await made.probe(asyncio.get_running_loop().time() + 10)
        await told(servers, f"TRUNCATE {TABLE}")
        yield made
    finally:
        await made.close()


async def told(servers: PostgresServers, sql: str) -> object:
    """What the server says to a statement."""
    admin = await asyncpg.connect(
        f"postgresql://kv@{servers.server.name}/postgres",
        ssl=False,
        server_settings={"statement_timeout": "0"},
    )
    try:
        return await admin.fetchval(sql)
    finally:
        admin.terminate()


async def scans(servers: PostgresServers) -> object:
    """How often all of the table was read. A session tells at its end what it has done; so once
    all have ended.
    """
    others = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    end_s = asyncio.get_running_loop().time() + 20
    while await told(servers, others):
        assert asyncio.get_running_loop().time() < end_s, "a session does not end"
        await asyncio.sleep(0.05)
    return await told(
        servers, f"SELECT seq_scan FROM pg_stat_user_tables WHERE relname = '{TABLE}'"
    )


@pytest.mark.parametrize(
    ("waits", "streaming", "copies"),
    [
        ("on ", 0, (1, 1)),
        ("on ", 2, (3, 1)),
        ("on second", 1, (2, 2)),
        ("on second", 0, (2, 2)),
        ("on *", 3, (4, 2)),
        ("on a, b", 2, (3, 2)),
        ("remote_apply FIRST 2 (a, b, c)", 3, (4, 3)),
        ("remote_write any 2(a,b)", 2, (3, 3)),
        ('on 2 ("a b", c)', 2, (3, 3)),
        ("local second", 1, (2, 1)),
        ("off second", 1, (2, 1)),
    ],
)
def test_a_copy_counts_if_a_commit_waits_for_it(
    waits: str, streaming: int, copies: PostgresCopies
) -> None:
    """Else a failover would lose what was said to have two."""
    assert copies_of(waits, streaming) == copies


def test_a_version_is_twelve_bytes_in_order() -> None:
    """And one that is not ours is no row's."""
    versions = [version_of_number(it) for it in (1, 255, 256, 1 << 40, (1 << 63) - 1)]
    assert versions == sorted(versions)
    assert [number_of(it) for it in versions] == [1, 255, 256, 1 << 40, (1 << 63) - 1]
    assert number_of(Version(b"\xff" * 12)) == number_of(Version(bytes(11) + b"\x01")) == -1


async def test_writes_of_one_key_form_a_chain(engine: Engine, servers: PostgresServers) -> None:
    """Many that compare and set, delete and create the same keys in batches that cross: of each
    version at most one write was the next, and its version is larger.
    """
    keys = [f"k{number}" for number in range(6)]
    loop = asyncio.get_running_loop()
    steps: list[tuple[str, Version | None, Version]] = []

    async def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(40):
            chosen = rng.sample(keys, 3)
            contents = await engine.read(chosen, loop.time() + 9, linearizable=False)
            batch, before = [], []
            for key, content in zip(chosen, contents, strict=True):
                assert isinstance(content, Content)
                version = content.version if content.value is not None else None
                condition = Condition.version(version) if version else Condition.absent()
                deletes = version is not None and rng.random() < 0.4
                kind = Kind.DELETE if deletes else Kind.PUT
                batch.append(Operation(kind, key, "" if deletes else str(seed), condition))
                before.append(version)
            outcomes = await engine.write(batch, loop.time() + 9)
            for operation, version, outcome in zip(batch, before, outcomes, strict=True):
                assert isinstance(outcome, WriteDone | Mismatched), outcome
                if isinstance(outcome, WriteDone):
                    steps.append((operation.key, version, Version(outcome.version)))
                    assert outcome.found == (operation.kind is Kind.DELETE)

    await asyncio.gather(*[work(seed) for seed in range(8)])
    used = [(key, before) for key, before, _ in steps if before is not None]
    assert len(used) == len(set(used)), "two were the next of one version"
    made = {(key, after) for key, _, after in steps}
    assert len(made) == len(steps), "two have one version"
    assert set(used) <= made
    assert all(before is None or before < after for _, before, after in steps)
    assert len(steps) > 100


async def test_a_version_grows_across_deletes_and_whoever_is_first(engine: Engine) -> None:
    """Plain puts and deletes of one key by many at once: what is read last has the largest."""
    loop = asyncio.get_running_loop()
    versions: list[bytes] = []

    async def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(30):
            kind = Kind.DELETE if rng.random() < 0.5 else Kind.PUT
            (outcome,) = await engine.write([Operation(kind, "k", "v")], loop.time() + 9)
            assert isinstance(outcome, WriteDone)
            versions.append(outcome.version)

    await asyncio.gather(*[work(seed) for seed in range(6)])
    (last,) = await engine.write([Operation(Kind.PUT, "k", "last")], loop.time() + 9)
    assert isinstance(last, WriteDone)
    assert last.version > max(versions)


@pytest.mark.parametrize("kind", [Kind.PUT, Kind.DELETE])
@pytest.mark.parametrize("condition", [None, Condition.exists()])
async def test_a_version_is_of_the_time_at_which_the_row_is_held(
    engine: Engine, servers: PostgresServers, kind: Kind, condition: Condition | None
) -> None:
    """One that was taken before the wait for another writer would be older than his."""
    loop = asyncio.get_running_loop()
    await engine.write([Operation(Kind.PUT, "k", "v")], loop.time() + 9)
    admin = await asyncpg.connect(f"postgresql://kv@{servers.server.name}/postgres", ssl=False)
    try:
        async with admin.transaction():
            await admin.fetch(f"SELECT FROM {TABLE} FOR UPDATE")
            call = engine.write([Operation(kind, "k", "", condition)], loop.time() + 9)
            task = asyncio.ensure_future(call)
            ask = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            end_s = loop.time() + 9
            while await told(servers, ask) != 1:
                assert loop.time() < end_s
            theirs = await admin.fetchval(
                f"UPDATE {TABLE} SET version = nextval('{TABLE}_version') RETURNING version"
            )
        (outcome,) = await task
        assert isinstance(outcome, WriteDone)
        assert number_of(Version(outcome.version)) > theirs
    finally:
        admin.terminate()


async def test_a_deleted_row_goes_in_the_end(
    engine: Engine, servers: PostgresServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays for a while for the order of versions; for ever it would fill the disk."""
    loop = asyncio.get_running_loop()
    puts = [Operation(Kind.PUT, f"k{number:04}", "v") for number in range(2_500)]
    await engine.write(puts, loop.time() + 9)
    deletes = [Operation(Kind.DELETE, it.key) for it in puts[1:]]
    await engine.write(deletes, loop.time() + 9)
    assert await engine.count(loop.time() + 9) == 1
    assert await engine.sweep(loop.time() + 9) == 0
    assert await told(servers, f"SELECT count(*) FROM {TABLE}") == 2_500
    monkeypatch.setattr(postgres_reading, "TOMBSTONE_MS", -1)
    assert await engine.sweep(loop.time() + 9) == 2_499
    assert await told(servers, f"SELECT key FROM {TABLE}") == b"k0000"


async def test_batches_take_their_locks_in_one_order(
    engine: Engine, servers: PostgresServers
) -> None:
    """Else each pair of batches that cross would wait a second for the server to see it."""
    loop = asyncio.get_running_loop()
    keys = [f"k{number:03}" for number in range(60)]
    before = await told(servers, "SELECT deadlocks FROM pg_stat_database WHERE datname='postgres'")

    async def work(seed: int) -> None:
        rng = random.Random(seed)
        for turn in range(15):
            order = rng.sample(keys, len(keys))
            condition = Condition.exists() if turn % 2 and seed % 2 else None
            batch = [Operation(Kind.PUT, key, str(turn), condition) for key in order]
            await engine.write(batch, loop.time() + 9)

    await asyncio.gather(*[work(seed) for seed in range(6)])
    after = await told(servers, "SELECT deadlocks FROM pg_stat_database WHERE datname='postgres'")
    assert before == after


async def test_a_server_that_would_lose_commits_is_told_not_to(
    engine: Engine, servers: PostgresServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor to end statements in the middle."""
    heard: list[str] = []

    def listen(waits: str, streaming: int) -> PostgresCopies:
        heard.append(waits)
        return copies_of(waits, streaming)

    monkeypatch.setattr(postgres_writing, "copies_of", listen)
    await told(servers, "ALTER ROLE kv SET synchronous_commit = off")
    await told(servers, "ALTER ROLE kv SET statement_timeout = '1ms'")
    fresh = engine_at(parse_engine(*servers.place(TABLE)))
    loop = asyncio.get_running_loop()
    try:
        await fresh.probe(loop.time() + 5)
        puts = [Operation(Kind.PUT, f"k{number}", "v" * 1_000) for number in range(2_000)]
        outcomes = await fresh.write(puts, loop.time() + 9)
        assert all(isinstance(it, WriteDone) for it in outcomes)
        assert heard == ["on "]
    finally:
        await told(servers, "ALTER ROLE kv RESET ALL")
        await fresh.close()


async def test_a_cancelled_call_keeps_no_place(engine: Engine) -> None:
    """After a hundred of them a pool of eight would be empty."""
    loop = asyncio.get_running_loop()
    for number in range(100):
        call = engine.write([Operation(Kind.PUT, f"k{number % 3}", "v")], loop.time() + 9)
        task = asyncio.ensure_future(call)
        for _ in range(number % 7):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    calls = [
        engine.write([Operation(Kind.PUT, f"k{number}", "v")], loop.time() + 9)
        for number in range(30)
    ]
    outcomes = await asyncio.gather(*calls)
    assert all(isinstance(it, WriteDone) for (it,) in outcomes)


async def test_a_page_reads_no_more_than_it_gives(engine: Engine, servers: PostgresServers) -> None:
    """A plan that reads the whole table for a page, or for a key, is fast until it is large."""
    loop = asyncio.get_running_loop()
    for start in range(0, 10_000, 1_000):
        puts = [Operation(Kind.PUT, f"k{number:05}", "v") for number in range(start, start + 1_000)]
        await engine.write(puts, loop.time() + 9)
    await engine.close()
    before = await scans(servers)
    reader = engine_at(parse_engine(*servers.place(TABLE)))
    await reader.open()
    await reader.probe(loop.time() + 9)
    for number in range(20):
        page = await reader.page(
            "k", f"k{number:05}", 10, keys_only=False, deadline_s=loop.time() + 9
        )
        assert len(page.pairs) == 10
        await reader.read([f"k{number:05}"], loop.time() + 9, linearizable=False)
    await reader.sweep(loop.time() + 9)
    await reader.close()
    assert await scans(servers) == before
