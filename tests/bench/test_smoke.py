"""A whole run, of two cases and of ours alone: far too short for its figures to mean anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.report import results
from bench.systems.processes import ROOT


@pytest.mark.processes
def test_a_small_run_measures_and_leaves_nothing_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Servers, their callers, rounds, the table, the file; with another checkout beside it."""
    kept = tmp_path / "results.json"
    short = ["--quick", "--rounds", "1", "--seconds", "0.2", "--results", str(kept)]
    only = ["--only", "put-one,gets-64", "--systems", "ours", "--tree", f"twin={ROOT}"]
    assert main([*short, *only]) == 0
    told = capsys.readouterr().out
    assert "put, one after the other" in told
    assert "ours beside ours@twin" in told
    for case in ("put-one", "gets-64"):
        found = results.samples_of(results.read(kept), case)
        assert [sample.row for sample in found] == ["ours", "ours@twin"]
        assert all(sample.value > 0 and not sample.figures["errors"] for sample in found)
    assert not [command for command in _running() if "kvcluster-bench-" in command]


@pytest.mark.processes
def test_what_a_majority_decides_is_measured(tmp_path: Path) -> None:
    """No condition fails where each client writes keys of its own, and a counter is their sum."""
    cases = ["cond-puts-64", "absent-put-one", "lin-get-one", "count-8", "count-8-apart"]
    found = _small_run(tmp_path, cases)
    for case in cases:
        (sample,) = results.samples_of(found, case)
        assert sample.value > 0, case
        assert not sample.figures["errors"], case


def _small_run(folder: Path, cases: list[str]) -> results.Document:
    """What is kept of a run of ours alone, in one round."""
    kept = folder / "results.json"
    short = ["--quick", "--rounds", "1", "--seconds", "0.2", "--results", str(kept)]
    assert main([*short, "--only", ",".join(cases), "--systems", "ours"]) == 0
    return results.read(kept)


def _running() -> list[str]:
    """The command lines of this process's children and theirs, where Linux tells them."""
    own = os.getpid()
    processes = Path("/proc").glob("[0-9]*/stat")
    commands = []
    for stat in processes:
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == own:
                commands.append((stat.parent / "cmdline").read_text())
        except OSError:
            continue
    return commands
