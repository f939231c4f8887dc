"""A log that nobody reads: the node goes on, says what it lacks, and ends when it is told to."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kvcluster.commands.demo.local_cluster import free_ports
from tests.processes.harness import ROOT, Server

_END_S = 10.0
_CTRL_S, _CTRL_Q = b"\x13", b"\x11"
_CLOSED = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")

Place = contextlib.AbstractContextManager[int]
"""Where a log goes: a descriptor."""


@contextlib.contextmanager
def full_pipe() -> Iterator[int]:
    """A pipe that is full already, and whose reader has other things to do."""
    end, fd = os.pipe()
    os.set_blocking(fd, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, b"\n" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, b"\n")
    os.set_blocking(fd, True)
    yield fd
    os.close(end)
    os.close(fd)


@contextlib.contextmanager
def left_pipe() -> Iterator[int]:
    """A pipe whose reader has ended."""
    end, fd = os.pipe()
    os.close(end)
    yield fd
    os.close(fd)


@contextlib.contextmanager
def full_disk() -> Iterator[int]:
    """A file for which there is no room."""
    fd = os.open("/dev/full", os.O_WRONLY)
    yield fd
    os.close(fd)


@contextlib.contextmanager
def stopped_terminal() -> Iterator[int]:
    """A terminal in which a person pressed Ctrl+S, to read what there is."""
    screen, fd = pty.openpty()
    os.write(screen, _CTRL_S)
    yield fd
    os.close(screen)
    os.close(fd)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One node, all its cluster, not yet started."""
    (port,) = free_ports(1)
    made = Server(port, f"localhost:{port}", tmp_path)
    yield made
    made.clean_up()


def assert_serves_and_ends(server: Server) -> None:
    """It takes a write, and a SIGTERM."""
    server.wait_serving()
    server.put("k", "v")
    server.signal(signal.SIGTERM)
    assert server.wait(_END_S) == 0
    assert server.json() == {"k": "v"}


@pytest.mark.parametrize("place", [full_pipe, stopped_terminal, left_pipe, full_disk])
def test_a_node_whose_log_nobody_reads_serves_and_ends(
    server: Server, place: Callable[[], Place]
) -> None:
    """An unread pipe, Ctrl+S, a reader who has ended, a full disk: none of them is the node's."""
    with place() as fd:
        server.start(speak_to=fd)
        assert_serves_and_ends(server)


def test_a_node_that_was_started_without_standard_files_serves_and_ends(server: Server) -> None:
    """The journal must not become its standard error."""
    server.start(prefix=_CLOSED)
    server.wait_serving()
    if sys.platform == "linux":
        assert {str(Path(f"/proc/{server.pid}/fd/{fd}").readlink()) for fd in range(3)} == {
            os.devnull
        }
    assert_serves_and_ends(server)


def test_what_was_written_while_nobody_read_is_read_later(server: Server) -> None:
    """Ctrl+Q: all lines are there, in their order, up to the last."""
    screen, fd = pty.openpty()
    os.write(screen, _CTRL_S)
    server.start(speak_to=fd)
    server.wait_serving()
    for number in range(20):
        server.put(f"key {number}", "v")
    os.write(screen, _CTRL_Q)
    server.signal(signal.SIGTERM)
    text = b""
    with contextlib.suppress(OSError):  # the last who held the other end has closed it
        os.close(fd)
        while part := os.read(screen, 4096):
            text += part
    os.close(screen)
    assert server.wait(_END_S) == 0
    lines = text.decode().splitlines()
    assert [line.split("'")[1] for line in lines if "PUT" in line] == [
        f"key {number}" for number in range(20)
    ]
    assert f"{server.name} listens on" in lines[0]
    assert lines[-1].endswith("goodbye")
    assert "LOG" not in text.decode()


_BUG = """
import server, sys, warnings
from kvcluster.server import service

def node(*_, **__):
    warnings.warn("watch out", UserWarning)
    raise TypeError("of ours")

service.Node = node
sys.exit(server.main(sys.argv[1:]))
"""


def crash(server: Server, stderr: int, *options: str) -> subprocess.CompletedProcess[str]:
    """A node with a bug, that ends with a traceback."""
    arguments = [str(server.port), "--cluster", server.members, "--data-dir", str(server.data_dir)]
    return subprocess.run(
        [sys.executable, "-c", _BUG, *arguments, *options],
        stderr=stderr,
        text=True,
        timeout=_END_S,
        cwd=ROOT,
        check=False,
    )


def test_the_traceback_of_a_crash_is_read(server: Server) -> None:
    """It is the last that Python says."""
    done = crash(server, subprocess.PIPE)
    assert done.returncode == 1
    assert "  CRITICAL  BUG  this process ends\nTraceback (most recent" in done.stderr
    assert done.stderr.endswith("TypeError: of ours\n")


def test_in_json_everything_is_an_object(server: Server) -> None:
    """Also what is no event: a refusal, a warning of Python, a crash with its traceback."""
    server.start("--log-format", "json")
    server.wait_serving()
    server.put("k", "v")
    assert server.interrupt() == 0
    server.json_path.write_text("[]")
    server.start("--log-format", "json")
    assert server.wait(_END_S) == 2
    crashed = crash(server, subprocess.PIPE, "--log-format", "json").stderr
    told = [json.loads(line) for line in (server.log() + crashed).splitlines()]
    assert {"time", "level", "event", "message"} == set.intersection(*map(set, told))
    assert ["PUT", "'k' (1 byte), on 1 of 1 replicas"] in [
        [each["event"], each["message"]] for each in told
    ]
    refused, warned, bug = told[-3:]
    assert (refused["level"], refused["event"]) == ("critical", "STOP")
    assert "must be one flat JSON object" in refused["message"]
    assert (warned["level"], warned["event"]) == ("warning", "PYTHON")
    assert "watch out" in warned["message"]
    assert bug["event"] == "BUG"
    assert bug["traceback"].endswith("TypeError: of ours")


@pytest.mark.parametrize("place", [full_pipe, stopped_terminal, full_disk])
def test_a_crash_that_nobody_reads_is_an_end(server: Server, place: Callable[[], Place]) -> None:
    """With its exit code."""
    with place() as fd:
        assert crash(server, fd).returncode == 1


@pytest.mark.parametrize("place", [full_pipe, stopped_terminal])
def test_a_refusal_that_nobody_reads_is_an_end(server: Server, place: Callable[[], Place]) -> None:
    """With its exit code, which is what systemd goes by."""
    server.json_path.write_text("[]")
    with place() as fd:
        server.start(speak_to=fd)
        assert server.wait(_END_S) == 2
