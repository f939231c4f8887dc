"""The command line: which cases, which systems, how much, and where the results go."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from bench.cases import BY_NAME, CASES
from bench.contest import KINDS
from bench.report import page
from bench.report.summary import FULL_FORM
from bench.scale import FULL, QUICK, Scale
from bench.systems.processes import ROOT

_OWN_RESULTS = ROOT / "build" / "bench" / "results.json"
_EPILOG = """examples:
  python -m bench --quick                                everything, in three minutes
  python -m bench --only put-one,puts-64 --systems ours --tree HEAD~1
                                                         before and after, side by side
  python -m bench --only bulk --tree ../main --rounds 9
  python -m bench --only puts-64 --set rounds_in_flight=2
"""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    scale: Scale
    form: str
    cases: list[str]
    kinds: list[str]
    trees: list[str]
    settings: list[str]
    write_docs: bool
    render: bool
    results: Path


def parse(arguments: list[str] | None = None) -> Options:
    """Read a command line; ends the program with a sentence where it makes no sense."""
    given = _parser().parse_args(arguments)
    scale = QUICK if given.quick else FULL
    if given.rounds:
        scale = dataclasses.replace(
            scale, rounds=given.rounds, slow_rounds=given.rounds, steady_rounds=given.rounds
        )
    if given.seconds:
        scale = dataclasses.replace(scale, seconds=given.seconds)
    if given.keys:
        sizes = (*(size for size in scale.sizes if size < given.keys), given.keys)
        scale = dataclasses.replace(scale, sizes=sizes)
    return Options(
        scale=scale,
        form="short form" if given.quick else FULL_FORM,
        cases=given.only,
        kinds=given.systems,
        trees=given.tree,
        settings=given.set,
        write_docs=given.write_docs,
        render=given.render,
        results=given.results or (page.RESULTS if given.render else _OWN_RESULTS),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure this store beside others, in one run on this machine.",
        epilog=f"{_EPILOG}\ncases:\n{_cases_told()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="the short form: about three minutes, rough figures")
    add("--only", type=_some_of(list(BY_NAME)), default=list(BY_NAME), metavar="CASE,...")
    add("--systems", type=_some_of(list(KINDS)), default=list(KINDS), metavar="SYSTEM,...",
        help=f"of {', '.join(KINDS)}")  # fmt: skip
    add("--tree", action="append", default=[], metavar="[NAME=]PATH|COMMIT",
        help="another checkout of ours, beside this one; may be repeated")  # fmt: skip
    add("--set", action="append", default=[], metavar="NAME=VALUE",
        help="this checkout with another setting, beside this one; may be repeated")  # fmt: skip
    add("--rounds", type=int, metavar="N", help="how often each system has its turn")
    add("--seconds", type=float, metavar="S", help="how long a turn counts")
    add("--keys", type=int, metavar="N", help="of the large store (a million; short: 20,000)")
    add("--results", type=Path, metavar="FILE",
        help="where the figures are kept (default: build/bench/results.json)")  # fmt: skip
    add("--write-docs", action="store_true",
        help="renew docs/performance.* with what was measured, and leave the rest")  # fmt: skip
    add("--render", action="store_true",
        help="measure nothing: renew page and plots from docs/performance.json")  # fmt: skip
    return parser


class _SomeOf:
    def __init__(self, known: list[str]) -> None:
        self._known = known

    def __call__(self, text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        for name in names:
            if name not in self._known:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(self._known)}")
        return [name for name in self._known if name in names]


def _some_of(known: list[str]) -> _SomeOf:
    return _SomeOf(known)


def _cases_told() -> str:
    return "\n".join(
        f"  {case.name:18} {case.what.replace('{many}', 'a million')}" for case in CASES
    )
