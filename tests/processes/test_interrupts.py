"""Ctrl+C at the moments at which nobody expects it: no traceback, whatever it falls into."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvcluster.commands.demo.local_cluster import free_ports
from tests.processes.harness import ROOT, Server, eventually

_PATIENCE_S = 20.0
_SERVER = ("server.py", "50051")
_CLIENT = ("client.py", "get", "k")
_HEALTH = ("health_check_client.py", "localhost:50051")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One node, all its cluster, not yet started."""
    (port,) = free_ports(1)
    made = Server(port, f"localhost:{port}", tmp_path)
    yield made
    made.clean_up()


@pytest.mark.parametrize(
    ("command", "module"),
    [
        (_SERVER, "kvcluster.doorstep"),
        (_SERVER, "asyncio"),
        (_SERVER, "google.protobuf"),
        (_SERVER, "kvcluster.node"),
        (_CLIENT, "argparse"),
        (_HEALTH, "argparse"),
        (_HEALTH, "google.protobuf"),
    ],
)
def test_interrupt_while_a_program_is_loaded_is_a_silent_end(
    command: tuple[str, ...], module: str, tmp_path: Path
) -> None:
    """It came into the middle of an import, and was a page of traceback."""
    name, *arguments = command
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", str(ROOT / name), *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:  # one for each module, when it has been loaded
            if line.split("|")[-1].strip() == module:
                process.send_signal(signal.SIGINT)
                break
        _, rest = process.communicate(timeout=_PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 130, rest
    assert all(line.startswith("import time:") for line in rest.splitlines()), rest


def test_interrupt_while_the_files_are_opened_is_an_end(server: Server) -> None:
    """It was heard only when a large store had been written anew, seconds later."""
    pairs = {f"key {number:06}": "v" for number in range(100_000)}
    server.json_path.write_text(json.dumps(pairs))
    server.start()
    eventually(lambda: "written by hand" in server.log(), "it has read the file")
    assert server.interrupt() == 130
    assert "listens on" not in server.log()
    assert "Traceback" not in server.log()
    server.start()
    server.wait_serving()
    assert server.health().keys == len(pairs)


def test_interrupt_in_the_last_moment_is_no_traceback(server: Server) -> None:
    """The loop was closed, and with it went who would have taken the signal."""
    server.start()
    server.wait_serving()
    server.signal(signal.SIGTERM)
    eventually(lambda: "goodbye" in server.log(), "it says goodbye")
    while server.running:
        server.signal(signal.SIGINT)
    assert server.wait() in (0, 130, -signal.SIGINT)
    assert "Traceback" not in server.log()
