"""What the benchmark starts, it ends; and what does not come up is told."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from bench.contest import Contest
from bench.scale import QUICK
from bench.systems.processes import Place, Processes, SystemFailed


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_processes_end_with_those_who_started_them(tmp_path: Path) -> None:
    """A server that is left running would spoil every later figure."""
    processes = Processes(Place(tmp_path).made())
    pid = processes.start("sleeper", [sys.executable, "-c", "import time; time.sleep(99)"]).pid
    assert processes.pids == [pid]
    processes.close()
    assert not _is_there(pid)


def test_a_process_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    """Or a person would have to look for a log in a folder that is gone."""
    processes = Processes(Place(tmp_path).made())
    process = processes.start("unlucky", [sys.executable, "-c", "raise SystemExit('no luck')"])
    process.wait()
    with pytest.raises(SystemFailed, match="unlucky ended with 1: no luck"):
        processes.raise_if_ended()
    processes.close()


def test_a_system_that_fails_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    """Once, however often it fails."""
    contest = Contest(tmp_path, QUICK, cases=["bulk"], kinds=["ours"])
    for _ in range(2):
        with contest.skipping("etcd", "bulk"):
            raise SystemFailed("no leader")
    assert [(each.row, each.why) for each in contest.skipped] == [("etcd", "bulk: no leader")]


def test_a_driver_hears_that_nobody_asks_any_more(tmp_path: Path) -> None:
    """It ends by its standard input, too, where no signal can reach it."""
    processes = Processes(Place(tmp_path).made())
    program = "import sys; sys.stdin.read()"
    process = processes.start("reader", [sys.executable, "-c", program], stdin=-1, stdout=-1)
    assert process.stdin is not None
    process.stdin.close()
    begun_s = time.monotonic()
    process.wait(10)
    assert time.monotonic() - begun_s < 10
    processes.close()
