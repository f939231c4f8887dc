"""The examples run, and show what they say."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.client.deciding_node import DecidingCluster
from tests.tree import ROOT

SHOWN = {
    "counter.py": ["800 added for certain, 0 perhaps: the counter says 800"],
    "election.py": ["  An does piece 3", "  Bình does piece 3", "nobody leads"],
    "lock.py": [
        "the second worker writes: True",
        "the first goes on, and writes: False",
        "did the first still hold it? False",
        "the report was written by the second",
    ],
}


@pytest.mark.parametrize("example", SHOWN)
def test_an_example_shows_what_it_says(deciders: DecidingCluster, example: str) -> None:
    """People copy them, so they must not be wrong."""
    ended = subprocess.run(
        [sys.executable, ROOT / "examples" / example, deciders.members],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PATH": ""},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert set(SHOWN[example]) <= set(ended.stdout.splitlines()), ended.stdout


def test_every_example_is_tried() -> None:
    """One that is added is one more."""
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(SHOWN)
