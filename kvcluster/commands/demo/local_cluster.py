"""Servers on this machine, on free ports, with their data in one folder.

They run as a user would start them: `python server.py PORT`, one process each. Each has a session
of its own, so that Ctrl+C in the terminal ends them through `close` and in no other way; and
`close` ends them whatever state they are in. Used as a context, it leaves nothing running.
"""

from __future__ import annotations

import contextlib
import errno
import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kvcluster.console import program
from kvcluster.view.health import Health, ask_until, settled

_PACKAGE = Path(__file__).resolve().parents[2]
ROOT = _PACKAGE.parent

_START_PATIENCE_S = 30.0
_STOP_PATIENCE_S = 10.0
_LOOK_TIMEOUT_S = 2.0
_LOG_LINES = 15  # of a server that died, for the person who wants to know why

# Below the ports that systems give to outgoing connections, or one of those could take a port
# between our look at it and the server's start.
PORTS = range(20_000, 30_000)
_given: deque[int] = deque(maxlen=100)
"""The last ports that were given: whoever got one may not listen yet, or not any more."""


def _program() -> Path:
    """The server: at the top of a checkout, and in the package where that was installed."""
    installed = _PACKAGE / "programs" / "server.py"
    return installed if installed.exists() else ROOT / "server.py"


SERVER = _program()


class ClusterFailed(Exception):
    """A server did not come up, or did not stop as it should. The text tells it all."""


class LocalCluster:
    """Servers by number: 0, 1, 2. They share a folder, and nothing else."""

    def __init__(
        self,
        folder: Path,
        ports: Sequence[int],
        *,
        server: Path = SERVER,
        options: Sequence[str] = (),
    ) -> None:
        self._server = server
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._log_starts: dict[int, int] = {}
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.ports = tuple(ports)
        self.options = tuple(options)
        self.nodes = tuple(f"localhost:{port}" for port in ports)

    def __enter__(self) -> LocalCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def members(self) -> str:
        """The value of --cluster."""
        return ",".join(self.nodes)

    def data_file(self, number: int) -> Path:
        """The JSON file of a node."""
        return self.folder / f"data_node_{self.ports[number]}.json"

    def text(self, number: int) -> str:
        """The JSON file of a node as it is; empty while there is none."""
        with contextlib.suppress(FileNotFoundError):
            return self.data_file(number).read_text("utf-8")
        return ""

    def data(self, number: int) -> dict[str, str] | None:
        """What the JSON file of a node holds; None while there is none, or if it is no JSON."""
        try:
            pairs: dict[str, str] = json.loads(self.text(number))
        except ValueError:
            return None
        return pairs

    def start(self, number: int) -> None:
        """Start a node; it is not ready yet."""
        command = [sys.executable, str(self._server), str(self.ports[number])]
        command += ["--cluster", self.members, "--data-dir", str(self.folder)]
        command += ["--log-format", "short"]  # a person looks on, as at a terminal
        command += self.options
        with self._log_file(number).open("ab") as log, program.postponed():
            self._log_starts[number] = log.tell()
            self._processes[number] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Return when every node that was started serves and knows the others to be alive."""
        nodes = [self.nodes[number] for number in sorted(self._processes)]

        def good(answers: Sequence[Health]) -> bool:
            self._raise_if_one_ended()
            return all(answer.serving for answer in answers) and settled(answers)

        patience_s = _START_PATIENCE_S
        answers = ask_until(nodes, good, timeout_s=_LOOK_TIMEOUT_S, patience_s=patience_s)
        if not good(answers):
            late = [answer.address for answer in answers if not answer.serving] or nodes
            raise ClusterFailed(
                f"{' and '.join(late)} did not come up within {patience_s:g} s\n"
                + self._last_lines(self.nodes.index(late[0]))
            )

    def log_lines(self, number: int, word: str) -> list[str]:
        """The lines with a word in what a node logged since it was last started."""
        log = self._log_file(number).read_bytes()[self._log_starts[number] :]
        lines = log.decode("utf-8", "replace").splitlines()
        return [line for line in lines if word in line.split()]

    def stop(self, number: int) -> int:
        """Stop a node as Ctrl+C does; return its exit code."""
        process = self._processes[number]
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(_STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise ClusterFailed(
                f"{self.nodes[number]} did not stop within {_STOP_PATIENCE_S:g} s\n"
                + self._last_lines(number)
            ) from None
        del self._processes[number]
        return code

    def close(self) -> None:
        """End every process, gently first. A second Ctrl+C does not leave any of them behind."""
        with program.postponed():
            for process in self._processes.values():
                process.send_signal(signal.SIGINT)
            deadline = time.monotonic() + _STOP_PATIENCE_S
            for process in self._processes.values():
                try:
                    process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            self._processes.clear()

    def _raise_if_one_ended(self) -> None:
        for number, process in self._processes.items():
            if process.poll() is not None:
                raise ClusterFailed(
                    f"{self.nodes[number]} ended by itself, with exit code {process.returncode}\n"
                    + self._last_lines(number)
                )

    def _log_file(self, number: int) -> Path:
        return self.folder / f"server_{self.ports[number]}.log"

    def _last_lines(self, number: int) -> str:
        log = self._log_file(number).read_text("utf-8", "replace").splitlines()
        return "\n".join(["its log ends with:", *(f"    {line}" for line in log[-_LOG_LINES:])])


def free_ports(count: int) -> list[int]:
    """Ports in a row that nobody listens on, on any address of localhost, nor is about to."""
    firsts = PORTS[: len(PORTS) - count + 1]
    for first in random.sample(firsts, len(firsts)):
        ports = list(range(first, first + count))
        if not set(ports).intersection(_given) and all(map(is_free, ports)):
            _given.extend(ports)
            return ports
    raise ClusterFailed(f"there are no {count} free ports in a row on this machine")


def is_free(port: int) -> bool:
    """Whether nobody listens on a port, on any address of localhost."""
    found = socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)
    return all(_can_be_bound(family, address) for family, _, _, _, address in found)


def _can_be_bound(family: int, address: Any) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        # An address that this machine does not have (IPv6, often) is in nobody's way.
        return error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True
