"""Names that machines have otherwise: what `localhost` is, and a name that comes and goes."""

from __future__ import annotations

import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.processes.harness import ROOT

_UNSHARE = ("unshare", "--mount", "--net")


@cache
def reason_not_to() -> str:
    """Why this machine can give nobody names of his own; empty if it can."""
    try:
        command = [*_UNSHARE, "mount", "--bind", "/etc/hosts", "/etc/hosts"]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"cannot run {command[0]} here: {error}"
    return ""


@cache
def has_ipv6() -> bool:
    """Whether the system has it, switched on."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def play(folder: Path, *scene: str) -> None:
    """Play a scene of odd_machine.py; the test is skipped where none can be played."""
    if why := reason_not_to():
        pytest.skip(why)
    done = subprocess.run(
        [*_UNSHARE, sys.executable, "-m", "tests.processes.odd_machine", str(folder), *scene],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("held\n")


@pytest.mark.parametrize(
    "hosts",
    [
        ["127.0.0.1 localhost"],
        ["::1 localhost"],
        ["::1 localhost ip6-localhost", "127.0.0.1 localhost"],
        ["127.0.1.1 localhost", "127.0.0.1 localhost"],
    ],
    ids=["only IPv4", "only IPv6", "IPv6 first", "two of IPv4"],
)
def test_nodes_serve_on_whatever_localhost_is(tmp_path: Path, hosts: list[str]) -> None:
    """A node listens on each of its addresses, so every client finds it, whichever it tries."""
    if hosts == ["::1 localhost"] and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    play(tmp_path, "serve", *hosts)


def test_a_node_whose_name_vanished_is_found_when_it_returns(tmp_path: Path) -> None:
    """As that of a container does; gRPC asks again for a name only after up to two minutes."""
    play(tmp_path, "vanish")
