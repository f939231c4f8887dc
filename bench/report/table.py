"""The results on a terminal: a case, and below it a line for each row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from bench.cases import is_met
from bench.report.figures import between, figure, number, ratio
from bench.report.results import Document
from bench.report.summary import (
    Change,
    Line,
    changes,
    doubts,
    goals,
    lines,
    measured,
    verdict,
    what,
)

_WIDTHS = (18, 28, 20, 0)


def text(results: Document) -> str:
    """Everything. A line has room for all its columns on a terminal 140 characters wide."""
    return "\n".join([*_cases(results), *_changes(results), *_goals(results), *_rest(results)])


def _cases(results: Document) -> Iterator[str]:
    for case in measured(results):
        better = "less" if case.unit.less else "more"
        yield f"{what(case, results)}  ({case.unit.name}, {better} is better)"
        for line in lines(results, case):
            cells = [
                between(line.value, case.unit),
                f"ours / it {ratio(line.ratio)}" if line.ratio else "",
                verdict(case, line),
                _processor(line, case.per),
            ]
            columns = "  ".join(map(str.ljust, cells, _WIDTHS))
            value = figure(line.value.median, case.unit)
            yield f"  {line.row:26}{value:>10}  {columns}".rstrip()
        for row, why in case.lacking:
            yield f"  {row:26}{'–':>10}  {why}"
        yield ""


def _processor(line: Line, per: str) -> str:
    remark = f" {line.errors} calls failed" if line.errors else ""
    if line.client_us is None or not per:
        return remark
    system = "" if line.system_us is None else f"{number(line.system_us)} + "
    return f"{system}{number(line.client_us)} us a {per}{remark}"


def _changes(results: Document) -> Iterator[str]:
    for row, found in itertools.groupby(_by_row(results), lambda each: each.row):
        yield f"ours beside {row}, and in how many rounds ours was better"
        heads = f"{'it':>28} {'ours':>10}   {'ours / it':24}{'won':10}"
        yield f"  {heads}processor time, ours / it"
        for each in found:
            it, ours = (figure(one.median, each.case.unit) for one in (each.it, each.ours))
            processor = ratio(each.processor) if each.processor else ""
            cells = f"{it:>10} {ours:>10}   {ratio(each.ratio):24}"
            yield f"  {each.case.name:18}{cells}{each.won} of {each.ratio.count:<5}{processor}"
        yield ""


def _by_row(results: Document) -> list[Change]:
    return sorted(changes(results), key=lambda each: each.row)


def _goals(results: Document) -> Iterator[str]:
    judged = [
        is_met(line.goal, case, line.reached)
        for case, line in goals(results)
        if line.goal is not None and line.reached is not None
    ]
    if judged:
        yield f"{sum(judged)} of {len(judged)} goals met"


def _rest(results: Document) -> Iterator[str]:
    for moment, facts in results["runs"].items():
        yield f"{moment}, commit {facts['commit']}, {facts['form']}"
        yield "  " + ", ".join(f"{name} {fact}" for name, fact in facts["machine"].items())
        if why := doubts(facts):
            yield f"  {why}"
        for row, promise in facts["promises"].items():
            yield f"  {row:12} {facts['versions'].get(row, '')}: {promise}"
        for row, why in facts["skipped"]:
            yield f"  skipped: {row}: {why}"
    if any(
        line.system_us is not None for case in measured(results) for line in lines(results, case)
    ):
        yield "a + b us: processor time of the system's processes, and of its caller"
