"""PostgreSQL: one primary with its own defaults, called by asyncpg with a pool.

A write is acknowledged once the journal of that one server is fsynced. It has no standby: what
waits for one is told by no driver, and costs ours the same.

In its favour: the pool does not ask the server to reset a connection that is given back, as it does
by default, which would cost each call a way there and back. Statements are prepared, once for each
connection. Keys are ordered by bytes, as ours are.

It does not run as root: then it runs as the user that its package makes, who cannot look into the
folder of a run. So its data has a folder beside that, which goes when the run does.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.load.client import VALUE, LoadClient
from bench.measure.machine import first_line
from bench.systems.processes import Place, Processes, SystemFailed
from bench.systems.system import System

_USER = "postgres"
_CONNECTIONS = 10
_START_PATIENCE_S = 60.0
_IN_STATEMENT = 1_000
_STATEMENTS_IN_FLIGHT = 4
_PAGE = 1_000
_TABLE = 'CREATE TABLE IF NOT EXISTS pairs (key text COLLATE "C" PRIMARY KEY, value text NOT NULL)'
_OR_REPLACE = "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_PUT = f"INSERT INTO pairs VALUES ($1, $2) {_OR_REPLACE}"
_PUT_MANY = f"INSERT INTO pairs SELECT key, $2 FROM unnest($1::text[]) AS key {_OR_REPLACE}"
_GET = "SELECT value FROM pairs WHERE key = $1"
_SCAN = "SELECT key, value FROM pairs WHERE key > $1 AND key < $2 ORDER BY key LIMIT $3"
_LAST = "\U0010ffff"


class Postgresql(System):
    """PostgreSQL."""

    kind = "postgresql"
    name = "PostgreSQL"
    promise = "fsynced on one primary; no standby; reads see every acknowledged write"
    needs_program = "postgres"
    needs_packages = ("asyncpg",)
    how_to_get = "apt install postgresql, and pip install '.[bench]'"
    stop_by = signal.SIGINT
    """It does not wait for its clients to go."""

    def __init__(self, place: Place, members: int = 1) -> None:
        super().__init__(place, members)
        self._folder = tempfile.mkdtemp(prefix="kvcluster-bench-postgresql-")
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        if os.getuid() == 0:
            shutil.chown(self._folder, _USER, _USER)
        self.processes = Processes(Place(Path(self._folder)))

    @classmethod
    def missing(cls) -> str:
        """What others may lack, and for root somebody to run as."""
        if os.getuid() == 0 and not (shutil.which("setpriv") and _has_user()):
            return f"setpriv or the user {_USER} missing, as whom root runs it: {cls.how_to_get}"
        return super().missing()

    @classmethod
    def program(cls) -> str | None:
        """The newest of those that Debian keeps off the path, or the one on it."""
        places = Path("/usr/lib/postgresql").glob("*/bin/postgres")
        newest = max(places, key=lambda each: float(each.parts[4]), default=None)
        return str(newest) if newest else super().program()

    @classmethod
    def version(cls) -> str:
        """By its own account."""
        words = first_line([cls.program() or cls.needs_program, "--version"]).split()
        return words[2] if len(words) > 2 else ""

    @property
    def pids(self) -> list[int]:
        """The first process, and those that it has made, one a connection among them."""
        return [each for pid in self.processes.pids for each in (pid, *_children(pid))]

    def start(self) -> None:
        """Make its data, start it; returns when it takes connections."""
        data = f"{self._folder}/data"
        if not Path(data).exists():
            self._run("initdb", "-D", data, "-U", "kv", "-A", "trust", "-E", "UTF8", "--locale=C")
        command = [*_as_user(), self._tool("postgres"), "-D", data, "-p", str(self.ports[0])]
        command += ["-c", "listen_addresses=127.0.0.1", "-k", self._folder]
        self.processes.start(_USER, command)
        deadline_s = time.monotonic() + _START_PATIENCE_S
        while not self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.ports[0])):
            self.processes.raise_if_ended()
            if time.monotonic() > deadline_s:
                raise SystemFailed(f"not ready after {_START_PATIENCE_S:g} s")
            time.sleep(0.05)

    def _run(self, name: str, *words: str) -> bool:
        """Run one of its tools to its end; whether it went well."""
        command = [*_as_user(), self._tool(name), *words]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, check=False)
        return done.returncode == 0

    def _tool(self, name: str) -> str:
        """Where it is: beside the server."""
        return str(Path(self.program() or self.needs_program).with_name(name))


def _has_user() -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(_USER))
    return False


def _as_user() -> list[str]:
    """Words before a command that must not run as root. Who changes the user of a process must ask
    Linux anew to end it with us.
    """
    if os.getuid() != 0:
        return []
    return ["setpriv", "--reuid", _USER, "--regid", _USER, "--clear-groups", "--pdeathsig", "KILL"]


def _children(pid: int) -> list[int]:
    """Process numbers, where Linux tells them."""
    with contextlib.suppress(OSError):
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    return []


async def _leave(_: object) -> None:
    """How a connection is reset that is given back: not at all."""


class Client(LoadClient):
    """asyncpg, with ten connections."""

    async def open(self) -> None:
        """Connect all of them, and make the table."""
        import asyncpg  # of the extra; whoever measures something else need not have it

        self._pool: Any = await asyncpg.create_pool(
            f"postgresql://kv@{self.spec['nodes'][0]}/postgres",
            min_size=_CONNECTIONS,
            max_size=_CONNECTIONS,
            reset=_leave,
        )
        await self._pool.execute(_TABLE)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._pool.close()

    async def put(self, key: str) -> None:
        """A statement that is a transaction of its own."""
        await self._pool.execute(_PUT, key, VALUE)

    async def get(self, key: str) -> str | None:
        """A look at the table."""
        value: str | None = await self._pool.fetchval(_GET, key)
        return value

    async def put_many(self, keys: Iterable[str]) -> None:
        """A thousand rows in a statement, several in flight."""
        source = iter(keys)

        async def work() -> None:
            while some := list(itertools.islice(source, _IN_STATEMENT)):
                await self._pool.execute(_PUT_MANY, some, VALUE)

        await asyncio.gather(*(work() for _ in range(_STATEMENTS_IN_FLIGHT)))

    async def scan(self, prefix: str) -> int:
        """In order, a thousand at a time, each page from where the one before it ended."""
        count, after = 0, prefix
        while rows := await self._pool.fetch(_SCAN, after, prefix + _LAST, _PAGE):
            count += len([(row["key"], row["value"]) for row in rows])
            after = rows[-1]["key"]
        return count
