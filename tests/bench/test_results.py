"""What is kept of a run can be read again, and a later run replaces only what it measured."""

from __future__ import annotations

from pathlib import Path

from bench.report import results
from tests.bench.made_up import FACTS, made_up


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    """Every figure of every round, and the facts."""
    written = made_up("puts-64", ours=[20.0, 21.0], etcd=[10.0])
    results.write(tmp_path / "kept" / "results.json", written)
    assert results.read(tmp_path / "kept" / "results.json") == written
    assert [sample.value for sample in results.samples_of(written, "puts-64")] == [20.0, 21.0, 10.0]


def test_a_later_run_replaces_its_cases_and_leaves_the_others() -> None:
    """A run that nothing is left of is forgotten."""
    before = results.merged(made_up("put-one", ours=[4.0]), made_up("bulk", ours=[16.0]))
    (sample,) = results.samples_of(made_up("bulk", ours=[32.0]), "bulk")
    after = results.merged(before, results.document("2026-12-24 12:00 UTC", FACTS, [sample]))
    assert list(after["cases"]) == ["put-one", "bulk"]
    assert [sample.value for sample in results.samples_of(after, "bulk")] == [32.0]
    assert [after["cases"][case]["run"][:10] for case in after["cases"]] == [
        "2026-11-30",
        "2026-12-24",
    ]
    again = results.merged(after, made_up("bulk", ours=[64.0]))
    assert list(again["runs"]) == ["2026-11-30 12:00 UTC"]
