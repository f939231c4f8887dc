"""The PostgreSQL of the suite: one server, and a table for each place."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.engines.postgres.server import PostgresServer, give, program

_NEEDED = ("initdb", "postgres", "pg_ctl", "pg_basebackup")


def lacking() -> str:
    """What must be installed; empty: nothing."""
    missing = [name for name in _NEEDED if program(name) is None]
    if missing:
        return f"no {', '.join(missing)}: apt-get install postgresql"
    return "" if shutil.which("setpriv") else "no setpriv: apt-get install util-linux"


def temporary_folder() -> Path:
    """A folder that a server can reach, whoever it runs as."""
    folder = Path(tempfile.mkdtemp(prefix="kvcluster-postgres-"))
    give(folder)
    return folder


class PostgresServers:
    """One server."""

    def __init__(self) -> None:
        self._folder = temporary_folder()
        self.server = PostgresServer(self._folder / "one")
        try:
            self.server.make()
            self.server.start()
        except BaseException:
            self.stop()
            raise

    def place(self, name: str) -> tuple[str, dict[str, str]]:
        """A table of its own."""
        return f"postgresql://kv@{self.server.name}/postgres?table={name}", {}

    def stop(self) -> None:
        """Kill it, and remove its data."""
        self.server.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def start() -> PostgresServers:
    """Start it."""
    return PostgresServers()
