"""Output that arrives whole and input that is read whole, whatever the streams are like."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvcluster.console.streams import BrokenOff, Inlet, Outlet, broken_off_by, in_no_time
from tests.client.fake_node import FakeCluster
from tests.console.odd_streams import PIPE_BYTES, ROOT, Pipe, running

_NUMBERS = range(2_000)
_PAIRS = {f"k{number:05}": "v" * 100 for number in _NUMBERS}
_VALUE = "x" * 900_001
_EVERY_KIND = ["get a", "scan", "status", "demo", "completion bash", "--help", "help put"]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """One."""
    pipe = Pipe()
    yield pipe
    pipe.close()


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["get big", "scan k", "export - --prefix k", "scan -o json k"])
def test_no_output_is_lost_in_a_pipe_that_does_not_wait(
    cluster: FakeCluster, pipe: Pipe, command: str, unbuffered: str
) -> None:
    """With PYTHONUNBUFFERED a value of 900,001 bytes ended after 65,536, with exit code 0."""
    cluster.store.update(_PAIRS, big=_VALUE)
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered, "KV_NODES": cluster.members}
    with running(*command.split(), stdout=pipe.writing, env=environment) as process:
        out = pipe.read_slowly().decode()
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Cannot" not in said
    if command == "get big":
        assert out == _VALUE
    elif command == "scan k":
        assert out.splitlines() == [f"{key}\t{value}" for key, value in _PAIRS.items()]
    else:
        pairs = [json.loads(line) for line in out.splitlines()]
        assert {pair["key"]: pair["value"] for pair in pairs} == _PAIRS


def test_no_complaint_is_lost_in_a_pipe_that_does_not_wait(
    pipe: Pipe, nobody: str, tmp_path: Path
) -> None:
    """Standard error is written by the same."""
    script = tmp_path / "script"
    script.write_text("".join(f"nonsense-{number}\n" for number in _NUMBERS))
    with (
        script.open() as lines,
        running("shell", "--node", nobody, stdin=lines, stderr=pipe.writing) as process,
    ):
        said = pipe.read_slowly().decode()
        process.communicate(timeout=20)
    assert process.returncode == 2
    assert said.count('There is no command "nonsense-') == len(_NUMBERS)


def test_a_value_is_read_whole_from_a_pipe_that_does_not_wait(
    cluster: FakeCluster, pipe: Pipe
) -> None:
    """A pause of its writer was taken for its end, and half of it was stored."""
    command = ("put", "note", "-", "--cluster", cluster.members)
    with running(*command, stdin=pipe.reading) as process:
        for part in (b"first, ", b"second"):
            pipe.write(part)
        pipe.close_writing()
        process.communicate(timeout=20)
    assert (process.returncode, cluster.store) == (0, {"note": "first, second"})


def test_a_command_is_read_whole_from_a_pipe_that_does_not_wait(
    cluster: FakeCluster, pipe: Pipe
) -> None:
    """Half a line may be a command as well: `delete user:1` of `delete user:12`."""
    cluster.store.update({"user:1": "kept", "user:12": "removed"})
    with running("shell", "--cluster", cluster.members, stdin=pipe.reading) as process:
        for part in (b"delete user:1", b"2\ndelete us", b"er:13\n"):
            pipe.write(part)
        pipe.close_writing()
        out, _ = process.communicate(timeout=20)
    assert (process.returncode, cluster.store) == (0, {"user:1": "kept"})
    assert [line.split(",")[0] for line in out.splitlines()] == ["deleted", "was not there"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["scan", "export -"])
def test_a_reader_that_reads_nothing_holds_nobody(
    cluster: FakeCluster, pipe: Pipe, command: str, number: signal.Signals
) -> None:
    """The program waited in a write, and its signals for the event loop, which waited with it."""
    cluster.store.update(_PAIRS)
    os.set_blocking(pipe.writing, True)
    arguments = (*command.split(), "--cluster", cluster.members)
    with running(*arguments, stdout=pipe.writing) as process:
        pipe.read_nothing()
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, "Interrupted.\n")


@pytest.mark.parametrize("command", ["get a", "scan", "put --help"])
def test_closed_output_is_no_success(cluster: FakeCluster, command: str) -> None:
    """Whoever counts on the exit code believes that there was nothing to print."""
    cluster.store["a"] = "1"
    ended = _in_a_shell(f"client.py {command} >&-", KV_NODES=cluster.members)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == "Cannot go on: standard output is closed.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", _EVERY_KIND)
def test_no_result_is_lost_on_a_full_disk(cluster: FakeCluster, command: str) -> None:
    """argparse loses its help without a word, and Python what is left at the end."""
    cluster.store["a"] = "1"
    ended = _in_a_shell(f"client.py {command} > /dev/full", KV_NODES=cluster.members)
    assert ended.returncode == 3
    assert ended.stderr == "Cannot go on: No space left on device.\n"


def test_the_health_check_says_that_its_lines_are_lost(cluster: FakeCluster) -> None:
    """A monitor would take it for healthy."""
    ended = _in_a_shell("health_check_client.py >&-", KV_NODES=cluster.members)
    assert (ended.returncode, ended.stderr) == (3, "Cannot go on: standard output is closed.\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_what_cannot_be_complained_of_is_no_success(cluster: FakeCluster) -> None:
    """An export to standard output says at the end whether it was whole."""
    cluster.store["a"] = "1"
    ended = _in_a_shell("client.py export - 2> /dev/full", KV_NODES=cluster.members)
    assert (ended.returncode, ended.stdout) == (3, '{"key":"a","value":"1"}\n')


def test_complaints_do_not_go_among_the_results(cluster: FakeCluster) -> None:
    """With standard error closed, `print` would take standard output for it."""
    ended = _in_a_shell("client.py get a 2>&-", KV_NODES=cluster.members)
    assert (ended.returncode, ended.stdout) == (1, "")


def _in_a_shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        f"{sys.executable} {command}",
        shell=True,
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
    )


def test_who_waits_for_room_is_broken_off_by_the_wish_to_end(pipe: Pipe) -> None:
    """Only then, and not while there is room."""
    file = io.BufferedWriter(Outlet(pipe.writing, "a pipe"), 4_096)
    with broken_off_by(lambda: True):
        file.write(b"there is room")
        file.flush()
        with pytest.raises(BrokenOff):
            file.write(b"x" * 2 * PIPE_BYTES)
    assert pipe.is_full()
    with in_no_time():
        file.close()


def test_a_thread_that_draws_is_not_broken_off_but_drops_what_it_draws(pipe: Pipe) -> None:
    """Nobody would catch it, and its traceback would be on the terminal."""
    file = io.BufferedWriter(Outlet(pipe.writing, "a pipe"), 4_096)
    raised: list[BaseException] = []

    def draw() -> None:
        try:
            file.write(b"x" * 2 * PIPE_BYTES)
            file.close()
        except BaseException as error:
            raised.append(error)

    with broken_off_by(lambda: True):
        thread = threading.Thread(target=draw)
        thread.start()
        thread.join(20)
    assert not thread.is_alive()
    assert not raised


def test_what_is_left_after_an_error_is_dropped(pipe: Pipe) -> None:
    """Python writes it once more at the end, and would complain of it then."""
    file = io.BufferedWriter(Outlet(None, "standard output"))
    file.write(b"lost")
    with pytest.raises(OSError, match="standard output is closed"):
        file.flush()
    file.close()


def test_who_waits_for_data_is_broken_off_by_the_wish_to_end(pipe: Pipe) -> None:
    """Also where data come without end."""
    os.write(pipe.writing, b"more")
    with broken_off_by(lambda: True), pytest.raises(BrokenOff):
        io.BufferedReader(Inlet(pipe.reading)).read()
    assert io.BufferedReader(Inlet(pipe.reading)).peek() == b"more"
