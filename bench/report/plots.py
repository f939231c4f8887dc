"""Pictures beside the page: rates, goals, and how figures grow with the store.

They need matplotlib, which is in the extra `bench`; without it there are none.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from bench.cases import BY_NAME, OURS
from bench.report.results import Document, run_of
from bench.report.summary import Line, goals, lines, measured, what

_RATES = ("puts-64", "puts-256", "gets-64", "bulk", "scan")
_RATE_ROWS = (OURS, "etcd", "Redis", "PySyncObj")
_LATENCIES = ("put-one", "get-one")
_GROWTH = ("many-put-one", "many-puts-64", "many-puts-256", "many-gets-64")
_COLOURS = {OURS: "#1f5fa8", "etcd": "#c98b1b", "Redis": "#b23a48", "PySyncObj": "#6b8f71"}
_OTHER = "#9aa0a6"
_FARTHEST = 2.0
"""A goal that is passed by more is drawn as long as this."""


def are_possible() -> bool:
    """Whether matplotlib is here."""
    return importlib.util.find_spec("matplotlib") is not None


def write(folder: Path, results: Document) -> None:
    """Draw what there are figures for: performance-*.png."""
    known = {case.name for case in measured(results)}
    if known & set(_RATES):
        _save(_rates(results, known), folder / "performance-rates.png")
    if known & set(_LATENCIES):
        _save(_latencies(results, known), folder / "performance-latencies.png")
    if list(goals(results)):
        _save(_goals(results), folder / "performance-goals.png")
    if known & set(_GROWTH):
        _save(_growth(results, known), folder / "performance-growth.png")


def _figure(columns: int, width: float, height: float) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, columns, figsize=(width, height), squeeze=False)
    for axis in axes[0]:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes[0]


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    # Without the moment and the version in it, the same figures give the same file.
    figure.savefig(path, dpi=90, metadata={"Software": None})
    figure.clf()


def _bars(axis: Any, chosen: list[Line]) -> None:
    """A bar for each row, with its spread."""
    names = [line.row for line in chosen]
    values = [line.value.median for line in chosen]
    below = [line.value.median - line.value.low for line in chosen]
    above = [line.value.high - line.value.median for line in chosen]
    colours = [_COLOURS.get(name, _OTHER) for name in names]
    axis.bar(names, values, yerr=[below, above], color=colours, capsize=3, ecolor="#444444")
    axis.tick_params(axis="x", rotation=45)


def _rates(results: Document, known: set[str]) -> Any:
    cases = [BY_NAME[name] for name in _RATES if name in known]
    figure, axes = _figure(len(cases), 2.4 * len(cases), 3.2)
    for axis, case in zip(axes, cases, strict=True):
        reads = case.name.startswith("gets")  # which PySyncObj does in the caller's own process
        rows = [row for row in _RATE_ROWS if not reads or row != "PySyncObj"]
        _bars(axis, [line for line in lines(results, case) if line.row in rows])
        axis.set_title(case.what, fontsize=9)
    axes[0].set_ylabel("a second (more is better)")
    return figure


def _latencies(results: Document, known: set[str]) -> Any:
    cases = [BY_NAME[name] for name in _LATENCIES if name in known]
    figure, axes = _figure(len(cases), 4.4 * len(cases), 3.4)
    for axis, case in zip(axes, cases, strict=True):
        _bars(axis, lines(results, case))
        axis.set_title(case.what, fontsize=9)
    axes[0].set_ylabel("ms (less is better)")
    return figure


def _goals(results: Document) -> Any:
    judged = list(goals(results))
    figure, (axis,) = _figure(1, 8.0, 0.32 * len(judged) + 1.0)
    names, shares = [], []
    for case, line in judged:
        assert line.goal is not None
        assert line.reached is not None
        beside = f" / {line.goal.row}" if line.goal.row else ""
        names.append(f"{what(case, results)}{beside}")
        share = line.reached / line.goal.factor
        shares.append(1 / share if case.unit.less else share)
    colours = ["#3f7d4e" if share >= 1 else "#c0562f" for share in shares]
    shown = [min(share, _FARTHEST) for share in shares]
    bars = axis.barh(names[::-1], shown[::-1], color=colours[::-1])
    axis.bar_label(bars, [f"{share:.2f}" for share in shares[::-1]], padding=3, fontsize=8)
    axis.set_xlim(0, _FARTHEST + 0.3)
    axis.axvline(1.0, color="#444444", linewidth=1)
    axis.tick_params(axis="y", labelsize=8)
    axis.set_xlabel("share of the goal that is reached (1: met)")
    return figure


def _growth(results: Document, known: set[str]) -> Any:
    figure, (axis,) = _figure(1, 6.4, 3.6)
    for case in (BY_NAME[name] for name in _GROWTH if name in known):
        points = sorted(_sizes(results, case.name).items())
        if len(points) > 1:
            first = points[0][1]
            gains = [first / value if case.unit.less else value / first for _, value in points]
            label = case.what.replace(", at {many} keys", "").replace(" at {many} keys", "")
            axis.plot([size for size, _ in points], gains, marker="o", label=label)
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("keys")
    axis.set_ylabel("speed, to that of the smallest store")
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=8, frameon=False)
    return figure


def _sizes(results: Document, case: str) -> dict[int, float]:
    """Our medians by the size of the store."""
    many = run_of(results, case)["many keys"]
    sizes = {}
    for line in lines(results, BY_NAME[case]):
        digits = line.row.removesuffix(" keys").replace(",", "")
        if line.row == OURS or digits.isdigit():
            sizes[many if line.row == OURS else int(digits)] = line.value.median
    return sizes
