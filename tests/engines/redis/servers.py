"""Real clusters of Redis for tests: three primaries with a replica each, in a temporary folder.

They are put together by hand (ADDSLOTSRANGE, MEET, REPLICATE), which needs no redis-cli and takes
two seconds. Every server dies with this process: the kernel is told so where it starts, or a test
run that was killed would leave six of them behind.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.engines.address import PASSWORD
from tests.processes.harness import eventually

_PRIMARIES = 3
_NODE_TIMEOUT_MS = 1_000


def lacking() -> str:
    """What must be installed; empty: nothing."""
    return "" if _program() else "Redis is not here: apt-get install redis-server"


def start() -> RedisServers:
    """A cluster that serves."""
    return RedisServers()


def _program() -> str | None:
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/bin", "/usr/local/bin"))
    return shutil.which("redis-server", path=places) or shutil.which("valkey-server", path=places)


def _bound_to_us() -> list[str]:
    """What stands in front of a command so that the kernel ends it with this process."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


@dataclass
class RedisServer:
    """One process. `options`: of its configuration."""

    port: int
    folder: Path
    options: Mapping[str, str]
    password: str = ""
    tls: ssl.SSLContext | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """As Redis announces it."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return when it answers. In the main thread: it ends with its thread."""
        self.folder.mkdir(exist_ok=True)
        words = [word for name, value in self.options.items() for word in (f"--{name}", value)]
        program = _program()
        assert program
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_bound_to_us(), program, *words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually(lambda: self.ask("PING") == b"PONG", f"{self.name} answers")

    def ask(self, *words: str) -> Any:
        """One command, on a connection of its own; an error is raised as a ValueError."""
        with socket.create_connection(("127.0.0.1", self.port), 2) as plain:
            plain.settimeout(2)
            door = self.tls.wrap_socket(plain, server_hostname="127.0.0.1") if self.tls else plain
            stream = door.makefile("rwb")
            if self.password:
                _say(stream, ("AUTH", self.password))
            return _say(stream, words)

    def signal(self, number: int) -> None:
        """SIGSTOP freezes it, SIGCONT lets it go on."""
        assert self.process
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def _say(stream: Any, words: Sequence[str]) -> Any:
    stream.write(b"*%d\r\n" % len(words))
    for word in words:
        data = word.encode()
        stream.write(b"$%d\r\n%s\r\n" % (len(data), data))
    stream.flush()
    return _answer(stream)


def _answer(stream: Any) -> Any:
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("the server hung up")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise ValueError(rest.decode())
    if kind == b"+":
        return rest
    if kind == b"$":
        return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return [_answer(stream) for _ in range(int(rest))]
    return int(rest)


class RedisServers:
    """A cluster, or with `clustered` off one server. `extra`: options for all of them. Replicas are
    dealt out to the primaries in turn.
    """

    def __init__(
        self,
        *,
        primaries: int = _PRIMARIES,
        replicas: int = _PRIMARIES,
        clustered: bool = True,
        extra: Mapping[str, str] | None = None,
        password: str = "",
        tls: ssl.SSLContext | None = None,
        query: str = "",
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kvcluster-redis-"))
        self._password, self._query = password, query
        options = dict(extra or {})
        if clustered:
            options |= {"cluster-enabled": "yes", "cluster-node-timeout": str(_NODE_TIMEOUT_MS)}
        self.servers = [
            RedisServer(port, self.folder / str(port), _options(port, options), password, tls)
            for port in free_ports(primaries + replicas)
        ]
        self.primaries = self.servers[:primaries]
        """Who they were in the beginning."""
        try:
            for server in self.servers:
                server.start()
            if clustered:
                self._join()
                self.wait_whole()
        except BaseException:
            self.stop()
            raise

    def place(self, name: str) -> tuple[str, dict[str, str]]:
        """An --engine with a prefix of its own."""
        hosts = ",".join(server.name for server in self.primaries)
        text = f"redis://{hosts}?prefix={name}{self._query}"
        return text, {PASSWORD: self._password} if self._password else {}

    def stop(self) -> None:
        """Kill all, and remove their data."""
        for server in self.servers:
            server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def server(self, name: str) -> RedisServer:
        """By its name."""
        return next(server for server in self.servers if server.name == name)

    def is_primary(self, server: RedisServer) -> bool:
        """Whether the others see it so; asked of one that is not it."""
        other = next(it for it in self.servers if it is not server and it.process)
        return any(f"127.0.0.1:{row[2][1]}" == server.name for row in other.ask("CLUSTER", "SLOTS"))

    def wait_whole(self) -> None:
        """Return when all see each other, every shard has its replica, and slots are served."""

        def whole() -> bool:
            for server in self.servers:
                rows = server.ask("CLUSTER", "SLOTS")
                nodes = {bytes(node[2]) for row in rows for node in row[2:]}
                if len(nodes) < len(self.servers) or any(len(row) < 4 for row in rows):
                    raise ValueError(f"{server.name} sees {rows}")
                if b"cluster_state:ok" not in server.ask("CLUSTER", "INFO"):
                    raise ValueError(f"{server.name} is down")
            return True

        eventually(whole, "the cluster is whole", 40)

    def _join(self) -> None:
        first, count = self.servers[0], len(self.primaries)
        for at, server in enumerate(self.primaries):
            low, high = at * 16_384 // count, (at + 1) * 16_384 // count - 1
            server.ask("CLUSTER", "ADDSLOTSRANGE", str(low), str(high))
        for at, server in enumerate(self.servers):
            server.ask("CLUSTER", "SET-CONFIG-EPOCH", str(at + 1))
        for server in self.servers[1:]:
            server.ask(
                "CLUSTER", "MEET", "127.0.0.1", str(first.port), first.options["cluster-port"]
            )
        for at, server in enumerate(self.servers[count:]):
            primary = self.primaries[at % count].ask("CLUSTER", "MYID").decode()

            def known(server: RedisServer = server, primary: str = primary) -> bool:
                return primary in server.ask("CLUSTER", "NODES").decode()

            eventually(known, f"{server.name} knows its primary")
            server.ask("CLUSTER", "REPLICATE", primary)


def _options(port: int, extra: Mapping[str, str]) -> dict[str, str]:
    """Cluster buses are 10,000 above a port by default, which may be no port at all."""
    common = {
        "bind": "127.0.0.1",
        "port": str(port),
        "save": "",
        "appendonly": "no",
        "repl-diskless-sync-delay": "0",
        "repl-ping-replica-period": "1",
    }
    made = {**common, **extra}
    if made.get("port") == "0":
        made["tls-port"] = str(port)
    if "cluster-enabled" in made:
        made["cluster-port"] = str(free_ports(1)[0])
    return made
