"""`up`: a whole cluster in one terminal, for a first look and for who writes a program against it.

Each node is a process of its own, as in three terminals, so it may be killed, stopped and frozen
like any other, and the rest goes on. What they log comes here line by line, each with the port of
its node in its own colour. Ctrl+C ends all of them at once and in good order; so do `kill` and a
terminal that is closed. What was stored stays in the folder, and is there again at the next `up`.

They are in sessions of their own: or Ctrl+C would reach them beside us, and a second one, meant to
hurry us, would kill them in the middle of their goodbyes. They are told to end by SIGTERM, which a
node takes as Ctrl+C; one that is still being loaded ends by it without a word.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from kvcluster import doorstep
from kvcluster.commands.demo.local_cluster import SERVER, is_free
from kvcluster.console import program
from kvcluster.console.program import typed
from kvcluster.console.screen import (
    Exit,
    columns,
    complain,
    counted,
    file_name,
    folded,
    is_for_people,
    listed,
    say,
    show,
)
from kvcluster.model.members import DEFAULT_CLUSTER
from kvcluster.view.health import ask_health, ask_until, settled

_COLOURS = (36, 35, 33, 32, 34, 96, 95, 93, 92)
"""Of ANSI: one for each node, none of them red."""
_LINES_BYTES = 64 * 1024
_LOOK_S = 0.5
_STOP_PATIENCE_S = 30.0
_PORTS_END = 65_536
_FOR_ONE_NODE = ("KVCLUSTER_NAME", "KVCLUSTER_METRICS")
"""What the environment may say to a server, and cannot say to several on one machine."""


@dataclass(frozen=True)
class UpOrder:
    """What the command line asks for."""

    nodes: int
    port: int
    replicas: int | None
    folder: Path

    @property
    def ports(self) -> range:
        """Where the nodes listen."""
        return range(self.port, self.port + self.nodes)

    @property
    def members(self) -> str:
        """The value of --cluster."""
        return ",".join(f"localhost:{port}" for port in self.ports)

    def words(self, port: int) -> list[str]:
        """What starts a node, behind the name of Python."""
        words = [str(SERVER), str(port), "--cluster", self.members, "--data-dir", str(self.folder)]
        return [*words, "--replicas", str(self.replicas)] if self.replicas else words


def run(order: UpOrder, refuse: Callable[[str], NoReturn]) -> int:
    """Start the nodes, and show what they say until they have ended; return the exit code."""
    if order.ports.stop > _PORTS_END:
        refuse(f"{order.nodes} ports from {order.port} on are too many: the last is 65535")
    if order.replicas and order.replicas > order.nodes:
        refuse(f"--replicas {order.replicas} is more than there are nodes ({order.nodes})")
    said = [name for name in _FOR_ONE_NODE if os.environ.get(name)]
    if said and order.nodes > 1:
        refuse(f"the environment has {listed(said, 'and')}, and that is for one node; unset it")
    if taken := [port for port in order.ports if not is_free(port)]:
        refuse(f"{_in_use(taken)}; --port takes others")
    try:
        order.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(f"the folder {file_name(str(order.folder))} cannot be made: {error.strerror}")
    doorstep.enter(serves=True)
    program.treat_all_alike()
    with Launched(order) as nodes:
        try:
            nodes.run()
        except KeyboardInterrupt:
            complain("")
            nodes.stop()
        return nodes.code


def _in_use(ports: list[int]) -> str:
    answers = ask_health([f"localhost:{port}" for port in ports], _LOOK_S)
    who = "a cluster that runs already" if any(it.said for it in answers) else "another program"
    names = listed([str(port) for port in ports], "and")
    which = f"port {names} is" if len(ports) == 1 else f"ports {names} are"
    return f"{which} in use by {who}"


class Launched:
    """The processes. Used as a context, it leaves none running."""

    def __init__(self, order: UpOrder) -> None:
        self.code = int(Exit.DONE)
        self._order = order
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._texts = selectors.DefaultSelector()
        self._rests: dict[int, bytes] = {}
        """The last line of each, while it has no end."""
        self._greeted = self._stopping = False

    def __enter__(self) -> Launched:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()
        self._texts.close()

    def run(self) -> None:
        """Start all, and show what they say until the last one has ended."""
        for port in self._order.ports:
            self._start(port)
        while self._running:
            self._show()
            if not self._greeted:
                self._greet()
        complain("No node runs any more.")

    def stop(self) -> None:
        """End all of them in good order; a second Ctrl+C ends them at once."""
        self._stopping = True
        for process in self._running.values():
            process.terminate()
        try:
            while self._running:
                self._show()
        except KeyboardInterrupt:
            complain("They are ended at once.")
            self.code = Exit.INTERRUPTED

    def _start(self, port: int) -> None:
        with program.postponed():
            process = subprocess.Popen(
                [sys.executable, *self._order.words(port), "--log-format", "short"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            assert process.stdout is not None
            os.set_blocking(process.stdout.fileno(), False)
            self._texts.register(process.stdout, selectors.EVENT_READ, port)
            self._running[port] = process

    def _show(self) -> None:
        """Print what came, after waiting for it a while."""
        for key, _ in self._texts.select(_LOOK_S):
            port = int(key.data)
            pipe = key.fileobj
            assert not isinstance(pipe, int)
            data = os.read(pipe.fileno(), _LINES_BYTES)
            for line in self._lines(port, data):
                _show_line(port, line)
            if not data:
                self._ended(port, pipe)

    def _lines(self, port: int, data: bytes) -> Iterator[str]:
        *lines, rest = (self._rests.get(port, b"") + data).split(b"\n")
        if not data and rest:
            lines, rest = [rest], b""
        self._rests[port] = rest
        return (line.decode("utf-8", "replace") for line in lines)

    def _ended(self, port: int, pipe: object) -> None:
        self._texts.unregister(pipe)  # type: ignore[arg-type]
        process = self._running.pop(port)
        code = process.wait(_STOP_PATIENCE_S)
        assert process.stdout is not None
        process.stdout.close()
        if self._stopping and code == -signal.SIGTERM:
            return  # it had not begun
        if code:
            self.code = Exit.NOT_SO
            how = f"ended with code {code}" if code > 0 else f"was ended by signal {-code}"
            again = f" To start it again: python {shlex.join(self._order.words(port))}"
            complain(f"localhost:{port} {how}.{'' if self._stopping else again}")

    def _greet(self) -> None:
        """Say once that it can be used."""
        nodes = [f"localhost:{port}" for port in self._running]
        answers = ask_until(nodes, settled, timeout_s=_LOOK_S, patience_s=0)
        if len(nodes) == self._order.nodes and all(answer.serving for answer in answers):
            self._greeted = True
            serve = f"{counted(len(nodes), 'node')} {'serves' if len(nodes) == 1 else 'serve'}"
            say(f"{serve}. In another terminal: {_example(self._order)}   (Ctrl+C here ends all)")


def _example(order: UpOrder) -> str:
    where = "" if order.members == DEFAULT_CLUSTER else f" --node {order.port}"
    return f"{typed()} put city Huế{where}"


def _show_line(port: int, line: str) -> None:
    """A line of a node, behind its name; on a narrow terminal several."""
    name, lines = f"{port} | ", [line]
    if is_for_people():
        lines = folded(line, columns() - len(name)).split("\n")
        name = f"\x1b[{_COLOURS[port % len(_COLOURS)]}m{port} |\x1b[0m "
    for each in lines:
        show(f"{name}{each}\n")
    sys.stdout.flush()
