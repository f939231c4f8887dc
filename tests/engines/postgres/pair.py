"""A primary and its synchronous standby: no commit is acknowledged that only one of them has."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from kvcluster.engines.address import parse_engine
from kvcluster.engines.catalogue import engine_at
from kvcluster.engines.contract import Engine
from kvcluster.errors import NotReady
from tests.engines.postgres.server import PostgresServer, run
from tests.engines.postgres.servers import temporary_folder

_PATIENCE_S = 20.0


class PostgresPair:
    """Both of them; `standby` follows `primary` until it is promoted."""

    def __init__(self) -> None:
        self.folder = temporary_folder()
        self.primary = PostgresServer(self.folder / "first")
        self.standby = PostgresServer(self.folder / "second")

    async def start(self) -> None:
        """Start both, and make commits wait for the standby."""
        await asyncio.to_thread(self._start)
        await self.tell(self.primary, "ALTER SYSTEM SET synchronous_standby_names = 'second'")
        await self.tell(self.primary, "SELECT pg_reload_conf()")
        await self.until_in_step()

    def _start(self) -> None:
        self.primary.make()
        self.primary.start()
        source = f"host=127.0.0.1 port={self.primary.port} user=kv application_name=second"
        words = ["-D", str(self.standby.data), "-d", source, "-R", "-X", "stream", "-c", "fast"]
        run("pg_basebackup", *words, "--no-sync")
        self.standby.start()

    async def until_in_step(self) -> None:
        """Return once the standby is what commits wait for."""
        await self.until("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", 1)

    async def until(self, sql: str, value: Any) -> None:
        """Return once the primary says so."""
        end_s = time.monotonic() + _PATIENCE_S
        while (told := await self.tell(self.primary, sql)) != value:
            assert time.monotonic() < end_s, f"{sql}: {told}"
            await asyncio.sleep(0.05)

    async def tell(self, server: PostgresServer, sql: str) -> Any:
        """Carry out a statement at one of them; its first value."""
        connection = await asyncpg.connect(
            host="127.0.0.1", port=server.port, user="kv", database="postgres", ssl=False, timeout=9
        )
        try:
            return await connection.fetchval(sql, timeout=9)
        finally:
            connection.terminate()

    def engine(self, *servers: PostgresServer, table: str = "kvcluster") -> Engine:
        """One that knows of these; of both, if none is named."""
        hosts = ",".join(it.name for it in servers or (self.primary, self.standby))
        return engine_at(parse_engine(f"postgresql://kv@{hosts}/postgres?table={table}", {}))

    def stop(self) -> None:
        """Kill both, and remove their data."""
        self.primary.kill()
        self.standby.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@asynccontextmanager
async def running_pair() -> AsyncIterator[PostgresPair]:
    """One that is gone afterwards."""
    pair = PostgresPair()
    try:
        await pair.start()
        yield pair
    finally:
        pair.stop()


@asynccontextmanager
async def open_engine(engine: Engine) -> AsyncIterator[Engine]:
    """An engine that is ready, and is probed each second, as a gateway does it."""
    loop = asyncio.get_running_loop()

    async def probe() -> None:
        while True:
            await asyncio.sleep(1)
            with suppress(NotReady):
                await engine.probe(loop.time() + 2)

    await engine.open()
    probing = None
    try:
        await engine.probe(loop.time() + 15)
        probing = asyncio.ensure_future(probe())
        yield engine
        assert not probing.done(), probing.exception()
    finally:
        if probing is not None:
            probing.cancel()
        await engine.close()
