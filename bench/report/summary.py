"""Results as lines: for each row of a case its median and spread, ours to it, and the goal.

"Ours to it" is ours divided by the other in every round, and the median of these ratios. So where
more is better it should be large, and where less is better small. Ours beside an engine is ours
through a gateway upon that engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.cases import CASES, ON_ENGINE, OURS, Case, Goal, bound, is_met
from bench.measure.statistics import Spread, quantile, ratios, spread
from bench.report.results import Document, Sample, run_of, samples_of

FULL_FORM = "full form"
_TOO_BUSY = 0.3


@dataclass(frozen=True)
class Line:
    """One row of one case."""

    row: str
    value: Spread
    ratio: Spread | None
    """Ours to it; None where it is ours."""
    goal: Goal | None
    reached: float | None
    """What the goal is about: the ratio, or our own figure."""
    system_us: float | None
    """Processor time a call (or a key) of all the system's processes, in microseconds."""
    client_us: float | None
    errors: int


@dataclass(frozen=True)
class Change:
    """Ours against another checkout or setting of ours, in one case."""

    row: str
    case: Case
    it: Spread
    ours: Spread
    ratio: Spread
    """Ours to it."""
    won: int
    """In so many rounds ours was better."""
    processor: Spread | None
    """Processor time a call, of system and caller together, ours to it. It is steadier than what a
    clock says: a neighbour on the same machine takes time, but hardly any processor time."""


def what(case: Case, results: Document) -> str:
    """What a case is, with the size of the store that its run had."""
    return case.what.replace("{many}", f"{run_of(results, case.name)['many keys']:,}")


def doubts(facts: Document) -> str:
    """Why the figures of a run are not to be believed yet; empty if they are."""
    reasons = []
    if facts["form"] != FULL_FORM:
        reasons.append("it was short")
    if facts["busy"] > _TOO_BUSY:
        reasons.append(f"others wanted {facts['busy']:.1f} times all processors when it began")
    return f"not to be believed yet: {' and '.join(reasons)}" if reasons else ""


def measured(results: Document) -> list[Case]:
    """The cases that there are figures of, in their order."""
    return [case for case in CASES if samples_of(results, case.name)]


def lines(results: Document, case: Case) -> list[Line]:
    """Ours first, its other forms next, the others in the order of their systems."""
    rows = _by_row(samples_of(results, case.name))
    return [
        _line(case, row, rows[row], _values(_ours_beside(row, rows)))
        for row in sorted(rows, key=_place)
    ]


def is_ours(row: str) -> bool:
    """Whether a row is this checkout's: of its own nodes, or through a gateway."""
    return row == OURS or row.startswith(ON_ENGINE)


def _ours_beside(row: str, rows: dict[str, list[Sample]]) -> list[Sample]:
    """What of ours a row is compared with."""
    return rows.get(ON_ENGINE + row) or rows.get(OURS, [])


def goals(results: Document) -> Iterator[tuple[Case, Line]]:
    """Every goal of which there is a figure, with the line that it is about."""
    for case in measured(results):
        for line in lines(results, case):
            if line.goal is not None and line.reached is not None:
                yield case, line


def changes(results: Document) -> list[Change]:
    """Ours against its other forms."""
    found = []
    for case in measured(results):
        rows = _by_row(samples_of(results, case.name))
        ours = rows.get(OURS, [])
        for row, samples in rows.items():
            if ours and _is_ours_too(row):
                found.append(_change(row, case, samples, ours))
    return found


def _change(row: str, case: Case, it: list[Sample], ours: list[Sample]) -> Change:
    each = ratios(_values(ours), _values(it))
    processor = ratios(_processor_us(ours), _processor_us(it)) if case.per else []
    return Change(
        row,
        case,
        spread([sample.value for sample in it]),
        spread([sample.value for sample in ours]),
        spread(each),
        sum(one < 1 if case.unit.less else one > 1 for one in each),
        spread(processor) if processor else None,
    )


def _values(samples: list[Sample]) -> dict[int, float]:
    return {sample.number: sample.value for sample in samples}


def _processor_us(samples: list[Sample]) -> dict[int, float]:
    return {
        sample.number: sample.figures["system_us"] + sample.figures["client_us"]
        for sample in samples
        if "system_us" in sample.figures
    }


def _line(case: Case, row: str, samples: list[Sample], ours: dict[int, float]) -> Line:
    value = spread([sample.value for sample in samples])
    each = ratios(ours, _values(samples))
    ratio = spread(each) if each and not is_ours(row) else None
    wanted = [goal for goal in case.goals if (goal.row or OURS) == row]
    goal = wanted[0] if wanted else None
    reached = value.median if row == OURS else ratio.median if ratio else None
    return Line(
        row,
        value,
        ratio,
        goal,
        reached if goal else None,
        _typical(samples, "system_us"),
        _typical(samples, "client_us"),
        int(sum(sample.figures.get("errors", 0) for sample in samples)),
    )


def verdict(case: Case, line: Line) -> str:
    """A goal in words, and whether it is met; empty where there is none."""
    if line.goal is None or line.reached is None:
        return ""
    return (
        f"{bound(line.goal, case)}: {'met' if is_met(line.goal, case, line.reached) else 'missed'}"
    )


def _typical(samples: list[Sample], name: str) -> float | None:
    values = [sample.figures[name] for sample in samples if name in sample.figures]
    return quantile(values, 0.5) if values else None


def _by_row(samples: list[Sample]) -> dict[str, list[Sample]]:
    rows: dict[str, list[Sample]] = {}
    for sample in samples:
        rows.setdefault(sample.row, []).append(sample)
    return rows


def _is_ours_too(row: str) -> bool:
    return row.startswith((f"{OURS}@", f"{OURS}, "))


_ORDER = (
    "bare gRPC",
    "gRPC chain",
    f"{ON_ENGINE}etcd",
    "etcd",
    f"{ON_ENGINE}PostgreSQL",
    "PostgreSQL",
    f"{ON_ENGINE}Redis Cluster",
    "Redis Cluster",
    "Redis",
    "Redis, INCR",
    "PySyncObj",
    "sqlite",
    "diskcache",
)


def _place(row: str) -> tuple[int, int, str]:
    """Where a row stands: rivals in their order, what ours is compared with by size."""
    if row == OURS or _is_ours_too(row):
        return (0 if row == OURS else 1, 0, "")
    if row in _ORDER:
        return (2, _ORDER.index(row), "")
    digits = row.partition(" ")[0].replace(",", "")
    return (3, int(digits) if digits.isdigit() else 0, "")
