"""`make demo`, whole: it shows what it promises, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.processes


def _start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kvcluster.commands.demo.tour"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def test_the_tour_holds_and_leaves_nothing(tmp_path: Path) -> None:
    """Every stop, on real servers."""
    process = _start(tmp_path)
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 0, out
    assert "✗" not in out
    assert out.count("the three files  as expected: equal") == 2
    assert "stored, 2 of 3 replicas" in out
    assert "DEAD" in out
    assert "SYNC  caught up with" in out
    assert "stored, 2 of 2 replicas, forwarded to localhost:" in out
    assert "The servers are stopped and their folder is removed." in out
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_tour_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl+C while its servers run: they end, and their folder goes."""
    process = _start(tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("All three serve"):
            break
    process.send_signal(signal.SIGINT)
    out = process.stdout.read()
    assert process.wait(30) == 130
    assert "Traceback" not in out
    assert list(tmp_path.iterdir()) == []
