"""The command line of the benchmark, and other checkouts beside this one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench.options import parse
from bench.scale import FULL, QUICK
from bench.systems.processes import ROOT
from bench.trees import NoSuchTree, variants


def test_nothing_said_means_everything_at_full_length() -> None:
    """Every case and every system."""
    options = parse([])
    assert options.scale == FULL
    assert "puts-256" in options.cases
    assert "etcd" in options.kinds


def test_what_is_said_holds() -> None:
    """In the order of the tables, however it was typed."""
    options = parse(["--quick", "--only", "bulk,put-one", "--rounds", "7", "--keys", "50000"])
    assert options.cases == ["put-one", "bulk"]
    assert (options.scale.rounds, options.scale.many_keys) == (7, 50_000)
    assert options.scale.seconds == QUICK.seconds


def test_a_case_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that there are."""
    with pytest.raises(SystemExit):
        parse(["--only", "puts-65"])
    assert "puts-65 is none of put-one" in capsys.readouterr().err


def test_another_tree_is_a_folder_or_a_commit(tmp_path: Path) -> None:
    """A commit is copied out, without its history."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, check=False)
    if head.returncode:
        pytest.skip("this is no checkout of git")
    folder, commit, setting = variants([f"here={ROOT}", "HEAD"], ["rounds_in_flight=2"], tmp_path)
    assert (folder.row, folder.tree) == ("ours@here", ROOT)
    assert commit.row == "ours@HEAD"
    assert (commit.tree / "server.py").exists()
    assert not (commit.tree / "tests").exists()
    assert setting.settings == ("rounds_in_flight=2",)


def test_what_is_neither_is_told(tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(NoSuchTree, match="neither a checkout of ours nor a commit"):
        variants(["nowhere-at-all"], [], tmp_path)
