"""One PostgreSQL on this machine, in a temporary folder, which tests may kill, freeze and restart.

It does not run as root: then it is started as the user that Debian makes for it. It ends with the
process of the tests, however that ends, and its children end with it.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

_USERS = ("postgres", "nobody")
_PATIENCE_S = 30.0


def program(name: str) -> str | None:
    """Where a program of PostgreSQL is: the newest of Debian's, or what is on the PATH."""
    places = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = sorted(places, key=lambda it: int(it.parts[4].split(".")[0]))
    return str(newest[-1]) if newest else shutil.which(name)


def _user() -> str:
    """As whom it runs; empty: as ourselves."""
    if os.getuid() != 0:
        return ""
    known = {it.pw_name for it in pwd.getpwall()}
    return next(name for name in _USERS if name in known)


def _prefix() -> list[str]:
    user = _user()
    drop = ["--reuid", user, "--regid", str(pwd.getpwnam(user).pw_gid), "--clear-groups"]
    return ["setpriv", *(drop if user else []), "--pdeathsig", "KILL"]


def run(name: str, *words: str) -> None:
    """Run one of its programs to the end, as the user of the server."""
    path = program(name)
    assert path
    done = subprocess.run(
        [*_prefix(), path, *words], cwd="/", capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


def give(path: Path) -> None:
    """Make a file or folder the server's."""
    if user := _user():
        shutil.chown(path, user, pwd.getpwnam(user).pw_gid)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


class PostgresServer:
    """One server; `folder` holds its data and its log."""

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        give(folder)
        self.data = folder / "data"
        self.log = folder / "log"
        self.port = free_port()
        self.settings = list(settings)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """As an address has it."""
        return f"127.0.0.1:{self.port}"

    def make(self, *, auth: str = "trust", password_file: Path | None = None) -> None:
        """Make its data."""
        words = ["-D", str(self.data), "-U", "kv", "-A", auth, "--no-sync", "-E", "UTF8"]
        words += ["--locale", "C"] + (["--pwfile", str(password_file)] if password_file else [])
        run("initdb", *words)

    def start(self) -> None:
        """Start it, and return once it answers."""
        path = program("postgres")
        assert path
        given = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1,localhost",
            f"unix_socket_directories={self.data.parent}",
            "fsync=off",
            "shared_buffers=32MB",
            "max_wal_senders=4",
            "wal_level=replica",
            "wal_receiver_timeout=5s",
            # What a standby sleeps that lost its primary; a promotion may have to wait it out.
            "wal_retrieve_retry_interval=100ms",
            "max_connections=60",
            *self.settings,
        ]
        words = [word for each in given for word in ("-c", each)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_prefix(), path, "-D", str(self.data), *words], stdout=log, stderr=log, cwd="/"
            )
        end_s = time.monotonic() + _PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < end_s, f"{self.name} does not start"
            time.sleep(0.05)

    def _answers(self) -> bool:
        """The last line of its file of the process says so, for a standby as well."""
        with contextlib.suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return len(lines) == 8 and lines[7].strip() in ("ready", "standby")
        return False

    def promote(self) -> None:
        """Make a standby the primary; returns at once."""
        run("pg_ctl", "-D", str(self.data), "promote", "-W")

    def freeze(self) -> None:
        """Stop every process of it, as a machine does that is suspended."""
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to every process of it, as a machine does that loses its power."""
        process = self._process
        if process is None:
            return
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        self._process = None
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _pids(self) -> list[int]:
        """The first one first: so it starts no other meanwhile."""
        assert self._process is not None
        first = self._process.pid
        children = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(stat.read_text().rpartition(")")[2].split()[1]) == first:
                    children.append(int(stat.parent.name))
        return [first, *children]
