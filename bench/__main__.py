"""`python -m bench`: measure, and tell.

Whatever ends it (Ctrl+C, `kill`, a closed terminal), every process that it has started ends too,
and what was measured until then is told. Only a run that came to its end is kept, and only if every
system had done what it acknowledged.
"""

from __future__ import annotations

import datetime
import sys
import tempfile
import time
from pathlib import Path

from bench.contest import OTHERS, Contest
from bench.measure import machine
from bench.options import Options, parse
from bench.report import page, plots, results, table
from bench.report.results import Document
from bench.stages import STAGES
from bench.systems.gateway import GATEWAYS
from bench.systems.ours import Ours
from bench.systems.processes import ROOT
from bench.systems.system import System
from bench.trees import NoSuchTree, variants
from kvcluster.console.program import treat_all_alike


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; its exit code."""
    options = parse(arguments)
    if options.render:
        _render(results.read(options.results))
        return 0
    with tempfile.TemporaryDirectory(prefix="kvcluster-bench-") as folder:
        try:
            forms = variants(options.trees, options.settings, Path(folder))
        except NoSuchTree as error:
            print(error, file=sys.stderr)
            return 2
        contest = Contest(
            Path(folder), options.scale, cases=options.cases, kinds=options.kinds, variants=forms
        )
        begun_s = time.monotonic()
        facts, busy = machine.facts(Path(folder)), machine.busy()
        interrupted = _measure(contest)
    moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    found = results.document(moment, _facts(options, contest, facts, busy), contest.samples)
    print(table.text(found))
    if contest.broken:
        print("Not kept, since a promise was broken:", *contest.broken, sep="\n", file=sys.stderr)
        return 1
    if interrupted:
        return 130
    print(f"It took {time.monotonic() - begun_s:.0f} s. Kept in {options.results}")
    _keep(options, found)
    return 0


def _measure(contest: Contest) -> bool:
    """Go through the stages; whether somebody ended that early."""
    try:
        for stage in STAGES:
            if cases := contest.wanted(stage.CASES):
                stage.measure(contest, cases)
    except KeyboardInterrupt:
        return True
    return False


def _facts(options: Options, contest: Contest, facts: dict[str, str], busy: float) -> Document:
    rows = {sample.row for sample in contest.samples}
    known: tuple[type[System], ...] = (Ours, *OTHERS, *GATEWAYS)
    systems = [each for each in known if each.name in rows]
    return {
        "commit": machine.commit(ROOT) or "unknown",
        "form": options.form,
        "rounds": options.scale.rounds,
        "many keys": options.scale.many_keys,
        "machine": facts,
        "busy": round(busy, 2),
        "packages": machine.versions(),
        "versions": {each.name: each.version() for each in systems},
        "promises": {each.name: each.promise for each in systems},
        "skipped": [[each.row, each.why] for each in contest.skipped],
    }


def _keep(options: Options, found: Document) -> None:
    results.write(options.results, found)
    if plots.are_possible():
        plots.write(options.results.parent, found)
    else:
        print("No plots: matplotlib is missing: pip install '.[bench]'")
    if options.write_docs:
        together = results.merged(results.read(page.RESULTS), found)
        results.write(page.RESULTS, together)
        _render(together)


def _render(together: Document) -> None:
    page.write(page.PAGE, together)
    if plots.are_possible():
        plots.write(page.PAGE.parent, together)
    print(f"{page.PAGE.relative_to(ROOT)} is made anew")


if __name__ == "__main__":
    treat_all_alike()
    raise SystemExit(main())
