"""`client.py top` from the outside: where it cannot run it says so; where it can it ends well."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kvcluster import dashboard
from kvcluster.terminal.screen import Exit
from tests.client.fake_node import FakeCluster

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0


def test_without_a_terminal_it_says_what_to_use(capsys: pytest.CaptureFixture[str]) -> None:
    """A script would get a screen full of escape sequences, or hang."""
    assert dashboard.run(("localhost:1",), timeout_s=1, interval_s=1) == Exit.BAD_USAGE
    output = capsys.readouterr()
    assert output.out == ""
    assert "needs a terminal" in output.err
    assert "status --watch" in output.err


def test_without_textual_it_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who installed the library alone would get a traceback."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "textual", None)
    for name in ("app", "parts", "prompts"):
        monkeypatch.delitem(sys.modules, f"kvcluster.dashboard.{name}", raising=False)
    assert dashboard.run(("localhost:1",), timeout_s=1, interval_s=1) == Exit.BAD_USAGE
    assert "pip install textual" in capsys.readouterr().err


def test_a_dashboard_that_breaks_does_not_end_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script, or the shell's prompt, would be told that all went well."""

    class Broken:
        return_code = 1

        def __init__(self, *_: object) -> None: ...

        def run(self, *, mouse: bool) -> None: ...

    for stream in (sys.stdin, sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr("kvcluster.dashboard.app.Dashboard", Broken)
    assert dashboard.run(("localhost:1",), timeout_s=1, interval_s=1) == 1


@pytest.mark.parametrize("ending", [None, signal.SIGTERM])
def test_in_a_terminal_it_shows_the_cluster_and_ends_well(ending: signal.Signals | None) -> None:
    """Its parts would work in tests, and not together; or the terminal be left unusable."""
    cluster = FakeCluster(2)
    screen, terminal = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "client.py", "--cluster", cluster.members, "top"],
        cwd=ROOT,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
    )
    os.close(terminal)
    try:
        _read_until(screen, b"2 of 2 nodes serve")
        if ending is None:
            os.write(screen, b"q")
        else:
            program.send_signal(ending)
        _read_until(screen, b"\x1b[?1049l")
        assert program.wait(DEADLINE_S) == (128 + ending if ending else Exit.DONE)
    finally:
        program.kill()
        program.wait()
        os.close(screen)
        cluster.close()


def _read_until(screen: int, text: bytes) -> None:
    """Read what the program draws until this was there."""
    seen, deadline = b"", time.monotonic() + DEADLINE_S
    while text not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([screen], [], [], 1)[0]:
            seen += os.read(screen, 65536)
