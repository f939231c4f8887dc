"""docs/performance.md: its tables are filled in from the results, its sentences are a person's.

What stands between `<!-- begin NAME -->` and `<!-- end NAME -->` belongs to the benchmark. A block
is one of those below; one that the page does not have is simply not shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.cases import BY_NAME, is_met
from bench.report.figures import between, figure, number, ratio
from bench.report.results import Document
from bench.report.summary import doubts, goals, is_ours, lines, measured, verdict, what
from bench.systems.processes import ROOT

PAGE = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "docs" / "performance.json"

TABLES = {
    "one": ("put-one", "get-one"),
    "at once": ("puts-64", "puts-256", "gets-64", "gets-256", "gets-64-local", "threads-64"),
    "decided": (
        "cond-put-one",
        "cond-puts-64",
        "absent-put-one",
        "absent-puts-64",
        "lin-get-one",
        "lin-gets-64",
    ),
    "counted": (
        "count-1",
        "count-8",
        "count-64",
        "count-8-apart",
        "count-64-apart",
        "served-64-apart",
    ),
    "raw": ("raw-put-64", "raw-get-64"),
    "bulk": ("bulk", "scan"),
    "engines": (
        "engine-put-one",
        "engine-get-one",
        "engine-puts-64",
        "engine-gets-64",
        "engine-bulk",
        "engine-scan",
    ),
    "killed": ("gap", "puts-64-one-dead"),
    "size": ("many-put-one", "many-puts-64", "many-puts-256", "many-gets-64"),
    "single": ("start", "memory"),
    "upkeep": ("upkeep", "pause"),
    "catching up": ("catch-up", "catch-up-size", "refetch", "refetch-size"),
}
_BLOCK = re.compile(r"(<!-- begin ([a-z ]+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def filled(text: str, results: Document) -> str:
    """The page with its blocks made anew. Raises KeyError for a block that nobody knows."""
    return _BLOCK.sub(lambda found: f"{found[1]}{_block(found[2], results)}\n{found[3]}", text)


def write(page: Path, results: Document) -> None:
    """Make the blocks of a page anew."""
    page.write_text(filled(page.read_text("utf-8"), results), encoding="utf-8")


def _block(name: str, results: Document) -> str:
    makers: dict[str, Callable[[Document], Iterator[str]]] = {
        "goals": _goals,
        "systems": _systems,
        "runs": _runs,
    }
    if name in makers:
        return "\n".join(makers[name](results))
    return "\n".join(_table(TABLES[name], results))


def _table(cases: Sequence[str], results: Document) -> Iterator[str]:
    known = {case.name for case in measured(results)}
    for case in (BY_NAME[name] for name in cases if name in known):
        better = "less" if case.unit.less else "more"
        per = f"processor, µs a {case.per}" if case.per else ""
        yield f"**{what(case, results)}**, {case.unit.name}, {better} is better\n"
        yield f"| | median | spread | ours / it | goal | {per} |"
        yield "|---|--:|--:|--:|---|--:|"
        for line in lines(results, case):
            cells = [
                f"**{line.row}**" if is_ours(line.row) else line.row,
                figure(line.value.median, case.unit),
                between(line.value, case.unit),
                ratio(line.ratio) if line.ratio else "",
                verdict(case, line),
                _processor(line.system_us, line.client_us) if case.per else "",
            ]
            yield _row(cells)
        for row, why in case.lacking:
            yield _row([f"{row}: {why}", "–", "", "", "", ""])
        yield ""


def _processor(system_us: float | None, client_us: float | None) -> str:
    parts = [number(each) for each in (system_us, client_us) if each is not None]
    return " + ".join(parts)


def _goals(results: Document) -> Iterator[str]:
    for moment, facts in results["runs"].items():
        if why := doubts(facts):
            yield f"*The run of {moment} is {why}.*\n"
    yield "| | beside it | goal | now | |"
    yield "|---|---|---|--:|---|"
    for case, line in goals(results):
        assert line.goal is not None
        assert line.reached is not None
        beside, goal = line.goal.row, verdict(case, line).partition(":")[0]
        met = "met" if is_met(line.goal, case, line.reached) else "**missed**"
        unit = "" if beside else f" {case.unit.name}"
        name = what(case, results)
        yield _row([name, beside, f"{goal}{unit}", number(line.reached) + unit, met])


def _systems(results: Document) -> Iterator[str]:
    yield "| | version | what an acknowledged write, and a read, is worth |"
    yield "|---|---|---|"
    told: dict[str, list[str]] = {}
    for facts in results["runs"].values():
        for row, promise in facts["promises"].items():
            told[row] = [row, facts["versions"].get(row, ""), promise]
    for cells in told.values():
        yield _row(cells)


def _runs(results: Document) -> Iterator[str]:
    for moment, facts in results["runs"].items():
        used = [name for name, case in results["cases"].items() if case["run"] == moment]
        yield f"- {moment}, commit {facts['commit']}, {facts['form']}: {', '.join(used)}."
        machine = [f"{name} {fact}" for name, fact in facts["machine"].items()]
        packages = [f"{name} {number}" for name, number in facts["packages"].items()]
        yield f"  {'; '.join(machine)}; {', '.join(packages)}."
        for row, why in facts["skipped"]:
            yield f"  Left out: {row}: {why}."


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
