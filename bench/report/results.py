"""Results: what a run measured, as it is kept in docs/performance.json.

The file holds every figure of every round, so that a table can be made anew without measuring anew.
A run may have measured some of the cases only; each case names the run it is from, and a later run
replaces the cases that it measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.cases import CASES

Document = dict[str, Any]
"""{"runs": {MOMENT: facts}, "cases": {NAME: {"run": MOMENT, "samples": [...]}}}"""

_DIGITS = 5


@dataclass(frozen=True)
class Sample:
    """What one round gave for one row of a case, in the unit of the case."""

    case: str
    row: str
    number: int
    value: float
    figures: dict[str, float] = field(default_factory=dict)
    """What else was measured: see `bench/load/window.py`."""


@dataclass(frozen=True)
class Skipped:
    """A row that is missing, and why."""

    row: str
    why: str


def document(moment: str, facts: Document, samples: Iterable[Sample]) -> Document:
    """A document about one run."""
    cases: Document = {}
    for sample in samples:
        figures = {name: _short(value) for name, value in sample.figures.items()}
        line = {"row": sample.row, "round": sample.number, "value": _short(sample.value), **figures}
        cases.setdefault(sample.case, {"run": moment, "samples": []})["samples"].append(line)
    return {"runs": {moment: facts}, "cases": cases}


def merged(before: Document, after: Document) -> Document:
    """A document with the cases of a newer one in the place of its own."""
    cases = {**before.get("cases", {}), **after["cases"]}
    ordered = {case.name: cases[case.name] for case in CASES if case.name in cases}
    used = {each["run"] for each in ordered.values()}
    runs = {**before.get("runs", {}), **after["runs"]}
    return {"runs": {at: runs[at] for at in sorted(runs) if at in used}, "cases": ordered}


def samples_of(results: Document, case: str) -> list[Sample]:
    """What was measured of a case; nothing if it was not."""
    lines = results["cases"].get(case, {"samples": []})["samples"]
    known = {"row", "round", "value"}
    return [
        Sample(
            case,
            line["row"],
            line["round"],
            line["value"],
            {name: value for name, value in line.items() if name not in known},
        )
        for line in lines
    ]


def run_of(results: Document, case: str) -> Document:
    """The facts about the run that a case is from."""
    facts: Document = results["runs"][results["cases"][case]["run"]]
    return facts


def read(path: Path) -> Document:
    """What is kept in a file; nothing if there is none."""
    if not path.exists():
        return {"runs": {}, "cases": {}}
    results: Document = json.loads(path.read_text("utf-8"))
    return results


def write(path: Path, results: Document) -> None:
    """Keep it: a line a sample, so that a change shows what has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_text(results), encoding="utf-8")


def _text(results: Document) -> str:
    cases = []
    for name, case in results["cases"].items():
        lines = ",\n".join(f"   {json.dumps(sample)}" for sample in case["samples"])
        head = f'  {json.dumps(name)}: {{"run": {json.dumps(case["run"])}, "samples": ['
        cases.append(f"{head}\n{lines}\n  ]}}")
    runs = json.dumps(results["runs"], indent=1, ensure_ascii=False).replace("\n", "\n ")
    together = ",\n".join(cases)
    return f'{{\n "runs": {runs},\n "cases": {{\n{together}\n }}\n}}\n'


def _short(value: float) -> float:
    """As many digits as mean anything."""
    return float(f"{value:.{_DIGITS}g}")
