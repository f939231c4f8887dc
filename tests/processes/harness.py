"""Real servers for tests: started, killed, frozen and looked at, and always cleaned up.

Nothing here sleeps for a guess: `eventually` looks again until a condition holds or a deadline
has passed, and then says what it saw last.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import grpc

from kvcluster.client.local_cluster import free_ports
from kvcluster.cluster.channels import channel_options
from kvcluster.config import Settings

from demo_pb2 import (
    SERVING,
    DeleteRequest,
    DeleteResponse,
    GetRequest,
    GetResponse,
    HealthCheckRequest,
    HealthCheckResponse,
    PeerState,
    PutRequest,
    PutResponse,
)
from demo_pb2_grpc import KeyValueStub

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


def eventually(look: Callable[[], T], what: str, deadline_s: float = 20.0) -> T:
    """Look again and again until something true comes back."""
    end_s = time.monotonic() + deadline_s
    while True:
        last: object
        try:
            seen = last = look()
            if seen:
                return seen
        except (grpc.RpcError, OSError, ValueError) as error:
            last = error
        if time.monotonic() > end_s:
            raise AssertionError(f"not within {deadline_s} s: {what} (last: {last!r})")
        time.sleep(0.02)


def run_script(
    name: str, *arguments: str, timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run one of the top-level scripts to its end."""
    return subprocess.run(
        [sys.executable, str(ROOT / name), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


class Server:
    """One `server.py` process, which may be started again on the same files."""

    def __init__(
        self, port: int, members: str, data_dir: Path, options: Sequence[str] = ()
    ) -> None:
        self.port = port
        self.name = f"localhost:{port}"
        self.data_dir = data_dir
        self.json_path = data_dir / f"data_node_{port}.json"
        self.wal = data_dir / f"data_node_{port}.wal"
        self.log_path = data_dir / f"server_{port}.log"
        self.options = list(options)
        self._members = members
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: grpc.Channel | None = None

    def start(self, *options: str, prefix: Sequence[str] = ()) -> None:
        """Start the process; does not wait."""
        command = [*prefix, sys.executable, str(ROOT / "server.py"), str(self.port)]
        command += ["--cluster", self._members, "--data-dir", str(self.data_dir)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self.options, *options], stdout=log, stderr=log
            )

    @property
    def stub(self) -> Any:
        """A client's stub for this server."""
        if self._channel is None:
            self._channel = grpc.insecure_channel(self.name, channel_options(Settings()))
        return KeyValueStub(self._channel)

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def put(self, key: str, value: str, timeout_s: float = 5) -> PutResponse:
        """Put through this server."""
        response: PutResponse = self.stub.Put(PutRequest(key=key, value=value), timeout=timeout_s)
        return response

    def get(self, key: str, timeout_s: float = 5) -> GetResponse:
        """Get from this server."""
        response: GetResponse = self.stub.Get(GetRequest(key=key), timeout=timeout_s)
        return response

    def delete(self, key: str, timeout_s: float = 5) -> DeleteResponse:
        """Delete through this server."""
        response: DeleteResponse = self.stub.Delete(DeleteRequest(key=key), timeout=timeout_s)
        return response

    def health(self) -> HealthCheckResponse:
        """What the server says of itself."""
        response: HealthCheckResponse = self.stub.CheckHealth(HealthCheckRequest(), timeout=1)
        return response

    def peer_states(self) -> set[int]:
        """What the server thinks of its peers."""
        return {peer.state for peer in self.health().peers}

    def wait_serving(self, deadline_s: float = 20.0) -> None:
        """Return once the server answers reads."""

        def serves() -> bool:
            if self._process is not None and self._process.poll() is not None:
                end = "\n".join(self.log().splitlines()[-10:])
                raise AssertionError(f"{self.name} ended with {self._process.returncode}:\n{end}")
            return self.health().status == SERVING

        eventually(serves, f"{self.name} serves", deadline_s)

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9, and wait until it is dead."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, timeout_s: float = 20) -> int:
        """Wait for the end; the exit code."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def interrupt(self) -> int:
        """Ctrl+C; the exit code."""
        self.signal(signal.SIGINT)
        return self.wait()

    def log(self) -> str:
        """Everything it has printed."""
        return self.log_path.read_text()

    def json(self) -> dict[str, str]:
        """What a person sees in the JSON file."""
        loaded: dict[str, str] = json.loads(self.json_path.read_text())
        return loaded

    def clean_up(self) -> None:
        """End the process, frozen or not."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(20)


class Cluster:
    """Some servers that know each other."""

    def __init__(self, folder: Path, count: int = 3, options: Sequence[str] = ()) -> None:
        ports = free_ports(count)
        self.members = ",".join(f"localhost:{port}" for port in ports)
        self.servers = [Server(port, self.members, folder, options) for port in ports]

    def __iter__(self) -> Iterator[Server]:
        return iter(self.servers)

    def __getitem__(self, index: int) -> Server:
        return self.servers[index]

    def start(self) -> None:
        """Start every server and wait until all serve and see each other."""
        for server in self.servers:
            server.start()
        self.wait_whole()

    def wait_whole(self) -> None:
        """Return once every server serves and every peer gets its writes."""
        for server in self.servers:
            server.wait_serving()
        for server in self.servers:
            eventually(
                lambda server=server: server.peer_states() <= {PeerState.ALIVE},  # type: ignore[misc]
                f"{server.name} sees all its peers",
            )

    def clean_up(self) -> None:
        """End everything."""
        for server in self.servers:
            server.clean_up()
