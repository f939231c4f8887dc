"""Real servers for tests: started, killed, frozen and looked at, and always cleaned up.

Nothing here sleeps for a guess: `eventually` looks again until a condition holds or a deadline
has passed, and then says what it saw last.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import grpc

from kvcluster.config import Settings
from kvcluster.errors import KvError
from kvcluster.wire.dial import options_of_nodes

from demo_pb2 import (
    SERVING,
    DeleteRequest,
    DeleteResponse,
    GetRequest,
    GetResponse,
    HealthCheckRequest,
    HealthCheckResponse,
    PutRequest,
    PutResponse,
    StatusRequest,
    StatusResponse,
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
        except (grpc.RpcError, KvError, OSError, ValueError) as error:
            last = error
        if time.monotonic() > end_s:
            raise AssertionError(f"not within {deadline_s} s: {what} (last: {last!r})")
        time.sleep(0.02)


def wall_time() -> str:
    """The time as the logs of servers spell it."""
    return datetime.now().isoformat(" ", "milliseconds")


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


class Startable(Protocol):
    """What a fixture starts, and cleans up whatever happens."""

    def start(self) -> None:
        """Start, and return once it is ready."""

    def clean_up(self) -> None:
        """End every process."""


S = TypeVar("S", bound=Startable)


@contextmanager
def started(made: S) -> Iterator[S]:
    """Start something, and clean it up in the end."""
    try:
        made.start()
        yield made
    finally:
        made.clean_up()


class Server:
    """One `server.py` process, which may be started again on the same files."""

    def __init__(
        self,
        port: int,
        members: str,
        data_dir: Path,
        options: Sequence[str] = (),
        program: Sequence[str] = (),
    ) -> None:
        """`program`: what to run instead of `server.py`."""
        self.port = port
        self.name = f"localhost:{port}"
        self.keep_data_in(data_dir)
        self.log_path = data_dir / f"server_{port}.log"
        self.options = list(options)
        self.members = members
        self.environment: dict[str, str] = {}
        self._program = list(program) or [str(ROOT / "server.py")]
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: grpc.Channel | None = None

    def keep_data_in(self, folder: Path) -> None:
        """Where its data is from the next start on; its log stays where it is."""
        self.data_dir = folder
        self.json_path = folder / f"data_node_{self.port}.json"
        self.wal = folder / f"data_node_{self.port}.wal"

    def start(self, *options: str, prefix: Sequence[str] = (), speak_to: int | None = None) -> None:
        """Start the process; does not wait. `speak_to`: a descriptor that gets its log instead."""
        command = [*prefix, sys.executable, *self._program, str(self.port)]
        command += ["--cluster", self.members, *self.where]
        with self.log_path.open("ab") as log:
            out = log if speak_to is None else speak_to
            self._process = subprocess.Popen(
                [*command, *self.options, *options],
                stdout=out,
                stderr=out,
                cwd=ROOT,
                env={**os.environ, **self.environment},
            )

    @property
    def where(self) -> list[str]:
        """The options that say where its data is."""
        return ["--data-dir", str(self.data_dir)]

    @property
    def stub(self) -> Any:
        """A client's stub for this server."""
        return KeyValueStub(self.channel)

    @property
    def channel(self) -> grpc.Channel:
        """A client's way to this server."""
        if self._channel is None:
            self._channel = grpc.insecure_channel(self.name, options_of_nodes(Settings()))
        return self._channel

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

    def status(self) -> StatusResponse:
        """Everything that the server says of itself."""
        response: StatusResponse = self.stub.Status(StatusRequest(), timeout=2)
        return response

    def peer_states(self) -> set[int]:
        """What the server thinks of its peers."""
        return {peer.state for peer in self.health().peers}

    def thinks(self, of: Server) -> int:
        """What the server thinks of one peer: a PeerState.State."""
        return next(peer.state for peer in self.health().peers if peer.node == of.name)

    def wait_serving(self, deadline_s: float = 20.0) -> None:
        """Return once the server answers reads."""

        def serves() -> bool:
            if self._process is not None and self._process.poll() is not None:
                end = "\n".join(self.log().splitlines()[-10:])
                raise AssertionError(f"{self.name} ended with {self._process.returncode}:\n{end}")
            return self.health().status == SERVING

        eventually(serves, f"{self.name} serves", deadline_s)

    @property
    def running(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP, and SIGCONT whatever happens."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

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

    def lose_folder(self) -> None:
        """Everything it had on disk is gone."""
        self.json_path.unlink(missing_ok=True)
        shutil.rmtree(self.wal, ignore_errors=True)

    def log(self, since: int = 0) -> str:
        """Everything it has printed; from a place on, if one is given."""
        return self.log_path.read_text()[since:]

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
