"""`client.py top` from the outside: where it cannot run it says so; where it can it ends well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kvcluster import dashboard
from kvcluster.console.screen import Exit
from tests.client.fake_node import FakeCluster
from tests.console.in_terminal import ROOT, in_terminal


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
    for name in ("app", "widgets"):
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


@pytest.mark.parametrize("ending", ["q", "rq", "+q", "r\x03", signal.SIGTERM])
def test_in_a_terminal_it_shows_the_cluster_and_ends_well(ending: str | signal.Signals) -> None:
    """Its parts would work in tests, and not together; or a look that is going on draws on a
    screen that has been taken away, and the terminal is left with a traceback.
    """
    cluster = FakeCluster(2)
    try:
        with in_terminal("--cluster", cluster.members, "top") as terminal:
            terminal.wait_for("2 of 2 nodes serve")
            if isinstance(ending, str):
                terminal.type(ending)
            else:
                terminal.process.send_signal(ending)
            terminal.wait_for(r"\x1b\[\?1049l")
            code = terminal.end()
        assert code == (Exit.DONE if isinstance(ending, str) else 128 + ending)
        assert "Traceback" not in terminal.seen
    finally:
        cluster.close()


@contextmanager
def as_a_web_server_starts_it(cluster: FakeCluster) -> Iterator[subprocess.Popen[bytes]]:
    """The dashboard on pipes, as `textual serve` has it for a browser, once it has drawn."""
    driver = {"TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver", "COLUMNS": "80"}
    process = subprocess.Popen(
        [sys.executable, "client.py", "top", "--cluster", cluster.members],
        cwd=ROOT,
        env=os.environ | driver,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    seen = b""
    try:
        assert process.stdout is not None
        while b"2 of 2 nodes serve" not in seen:
            part = os.read(process.stdout.fileno(), 65_536)
            assert part, f"it ended: {process.communicate()[1].decode()}"
            seen += part
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("said", "code"), [(b"D\x00\x00\x00\x01q", Exit.DONE), (b"", 128 + signal.SIGHUP)]
)
def test_in_a_browser_it_shows_the_cluster_and_ends_with_the_page(said: bytes, code: int) -> None:
    """There is no terminal, and it refused to run. A `q` ends it, and so does the server's end."""
    cluster = FakeCluster(2)
    try:
        with as_a_web_server_starts_it(cluster) as process:
            assert process.stdin is not None
            if said:
                process.stdin.write(said)
                process.stdin.flush()
                process.wait(20)
            _, complaints = process.communicate(timeout=20)  # which closes what it listens to
            assert (process.returncode, complaints) == (code, b"")
    finally:
        cluster.close()


def test_it_does_not_outlive_its_terminal() -> None:
    """Where whoever leads the session ignores SIGHUP it went on for ever, and asked the nodes."""
    cluster = FakeCluster(2)
    try:
        with in_terminal("top", "--interval", "60", "--cluster", cluster.members) as terminal:
            terminal.wait_for("2 of 2 nodes serve")
            terminal.hang_up()
            assert terminal.process.wait(20) == 128 + signal.SIGHUP
    finally:
        cluster.close()
