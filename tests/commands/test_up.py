"""`up`: a cluster in one terminal, with real servers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kvcluster.commands.demo.local_cluster import free_ports
from kvcluster.commands.launching import Launched, UpOrder
from kvcluster.view.health import ask_health

pytestmark = pytest.mark.processes
ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 60.0


class Up:
    """The program, and what it has said."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.ports = free_ports(3)
        command = [sys.executable, "-u", "client.py", "up", "--port", str(self.ports[0])]
        self.process = subprocess.Popen(
            [*command, "--dir", str(folder), *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"KV_NODES": ""} | environment,
        )
        self.lines: list[str] = []

    def until(self, word: str) -> str:
        """The next line with a word."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if word in line:
                return line
        raise AssertionError(f"it ended without {word!r}:\n{''.join(self.lines)}")

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Stop it; its exit code, and the rest of what it says."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=_PATIENCE_S)
        return self.process.returncode, rest


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """Three nodes that are about to start."""
    made = Up(tmp_path / "data")
    yield made
    if made.process.poll() is None:
        made.end(signal.SIGTERM)


def test_one_terminal_is_enough_for_a_cluster(up: Up, tmp_path: Path) -> None:
    """Each line says whose it is; Ctrl+C ends all of them in good order, and the data is there."""
    greeting = up.until("3 nodes serve")
    assert f"python client.py put city Huế --node {up.ports[0]}" in greeting
    assert {line.split(" | ")[0] for line in up.lines[:-1]} == set(map(str, up.ports))
    answers = ask_health([f"localhost:{port}" for port in up.ports], 5.0)
    assert all(answer.serving for answer in answers)
    command = [sys.executable, "client.py", "put", "city", "Huế", "--node", str(up.ports[1])]
    subprocess.run(command, cwd=ROOT, check=True, timeout=30, stdout=subprocess.DEVNULL)
    code, rest = up.end()
    assert code == 0, rest
    assert rest.count("goodbye") == 3
    for port in up.ports:
        file = tmp_path / "data" / f"data_node_{port}.json"
        assert json.loads(file.read_text("utf-8")) == {"city": "Huế"}


def test_ctrl_c_at_once_is_an_ordinary_end(tmp_path: Path) -> None:
    """Between the start of a node and the look at it, a node was forgotten and waited for."""
    for patience_s in (0.1, 0.25, 0.5):
        made = Up(tmp_path / "data")
        with contextlib.suppress(subprocess.TimeoutExpired):
            made.process.wait(patience_s)
        code, rest = made.end()
        assert code in (0, 130), rest
        assert "Traceback" not in rest
        assert "start it again" not in rest


@pytest.mark.parametrize("name", ["KVCLUSTER_NAME", "KVCLUSTER_METRICS"])
def test_what_is_for_one_node_is_not_given_to_three(tmp_path: Path, name: str) -> None:
    """Each would take the name of another, or the port of its metrics."""
    made = Up(tmp_path / "data", **{name: "1"})
    told = made.until("for one node")
    assert name in told
    assert made.process.wait(_PATIENCE_S) == 2


def test_a_node_is_known_before_an_interrupt_is_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that came while the process was made left it running, and nobody listening."""
    real = subprocess.Popen

    def interrupted(*words: Any, **more: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real([sys.executable, "-c", ""], stdout=more["stdout"])

    monkeypatch.setattr("kvcluster.commands.launching.subprocess.Popen", interrupted)
    with Launched(UpOrder(3, 1, None, tmp_path)) as nodes:
        with pytest.raises(KeyboardInterrupt):
            nodes.run()
        nodes.stop()  # which ends, since it hears the end of the one


def test_a_node_that_dies_is_told_and_the_others_go_on(up: Up) -> None:
    """With the words that start it again; the exit code remembers it."""
    up.until("3 nodes serve")
    subprocess.run(["pkill", "-KILL", "-f", f"server.py {up.ports[1]} "], check=True, timeout=30)
    told = up.until("was ended by signal 9")
    assert f"localhost:{up.ports[1]} was ended" in told
    assert f"server.py {up.ports[1]} --cluster localhost:{up.ports[0]}," in told
    up.until("is suspect; writes go on without it")
    code, rest = up.end()
    assert (code, rest.count("goodbye")) == (1, 2)


def test_a_taken_port_is_told_before_anything_is_started(up: Up, tmp_path: Path) -> None:
    """A second `up` where one runs: it would greet with the nodes of the first."""
    up.until("3 nodes serve")
    command = [sys.executable, "client.py", "up", "--port", str(up.ports[0])]
    second = subprocess.run(
        [*command, "--dir", str(tmp_path / "other")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
    )
    assert (second.returncode, second.stdout) == (2, "")
    assert (
        f"ports {up.ports[0]}, {up.ports[1]} and {up.ports[2]} are in use by a cluster"
        in second.stderr
    )
    assert not (tmp_path / "other").exists()


def test_a_terminal_that_is_closed_ends_all(up: Up) -> None:
    """SIGHUP, as Ctrl+C; a server that went on alone would hold the ports."""
    up.until("3 nodes serve")
    code, rest = up.end(signal.SIGHUP)
    assert (code, rest.count("goodbye")) == (0, 3)
    deadline_s = time.monotonic() + _PATIENCE_S
    while any(answer.serving for answer in ask_health([f"localhost:{up.ports[0]}"], 1.0)):
        assert time.monotonic() < deadline_s
