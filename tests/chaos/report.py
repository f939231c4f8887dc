"""The report of a run of chaos: what was tried, what was done to the cluster, what it kept.

Plain text, to be read by somebody who does not believe it: each figure stands beside what it is
counted against, each word is explained where it stands, and what was not tried is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone

from tests.chaos import chaos
from tests.chaos.availability import Availability
from tests.chaos.chaos import Chaos, Outcome
from tests.chaos.machine import Machine, commit
from tests.processes.errors import certainly_not_done, table
from tests.processes.findings import Finding
from tests.processes.tally import Tally

_OPERATIONS = ["put", "delete", "get"]
_WORDS = """\
spared    the longest time in which a client that asks only one node, which the fault did not hit,
          had no success: from the fault until all was whole again or the next fault came
anywhere  the longest time in which nobody had a success through any node, in the same span; a
          client waits for its answer, so a moment in which every one of them waits counts
cuts      lose bytes, hold them back, let connections die in silence, reset or refuse them
clocks    and slow disks are injected inside the server process (tests/processes/knobs.py); all
          else is done to it from outside"""


def report(run: Chaos, machine: Machine, asked: str) -> str:
    """All of it. `asked`: the duration as it was asked for."""
    outcome, availability = run.outcome, run.availability
    parts = [
        _frame(outcome, asked),
        _verdict(outcome),
        _operations(outcome.tally),
        _statuses(outcome.tally),
        _faults(run),
        _summary(outcome, availability, machine),
        _errors(outcome.tally),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def _frame(outcome: Outcome, asked: str) -> Iterator[str]:
    began = datetime.fromtimestamp(outcome.started_s, timezone.utc)
    yield f"command   make chaos DURATION={asked} SEED={outcome.seed}"
    yield f"code      {commit()}"
    yield f"machine   {Machine.describe()}"
    lasted = f"{outcome.elapsed_s:,.0f} s, {outcome.rounds} rounds"
    yield f"time      {began:%Y-%m-%d %H:%M} UTC, {lasted}"
    yield f"cluster   {chaos.NODES} nodes, {chaos.REPLICAS} replicas of each key, fsync always"
    yield (
        f"clients   {chaos.THREADS} that ask any node, 1 for each node that asks only it,"
        f" {chaos.READS:.0%} reads"
    )
    yield f"settings  as shipped, but for {', '.join(chaos.QUICK[:3])},"
    yield f"          {', '.join(chaos.QUICK[3:])}"


def _verdict(outcome: Outcome) -> Iterator[str]:
    findings, tally = outcome.findings, outcome.tally
    yield "FAILED: promises were broken." if findings else "All promises were kept."
    compared = {
        Finding.LOST: f"of {tally.acknowledged:,} acknowledged writes",
        Finding.RESURRECTED: f"of {tally.done['delete']:,} acknowledged deletes",
        Finding.PHANTOM: f"on {outcome.keys:,} keys, looked at after each round",
        Finding.STALE: f"of {tally.judged:,} that had to be right",
        Finding.SHORT: f"of {outcome.scans['whole']:,} that told of no hole",
        Finding.UNPROVOKED: f"of {sum(map(tally.tried, _OPERATIONS)):,} calls",
        Finding.UNEXPLAINED: f"of {tally.errors.total():,} errors",
    }
    for kind in Finding:
        yield f"{findings.counts[kind]:7,}  {kind.value:43}  {compared.get(kind, '')}".rstrip()
    yield (
        f"Reads during cuts and after the death of several nodes may be old: {tally.older:,} were."
    )
    yield (
        f"{tally.stalled:,} calls failed while nothing was wrong but the machine: several nodes had"
        " not run for a while."
    )
    scans = ", ".join(f"{count:,} {how}" for how, count in outcome.scans.most_common())
    yield f"Scans of keys that nobody touched meanwhile: {scans or 'none'}."
    yield f"{outcome.tombstones:,} tombstones were held at the end, and had to be dropped then."
    yield from (f"  {sentence}" for sentence in findings.sentences)


def _operations(tally: Tally) -> Iterator[str]:
    yield f"{'operation':9}  {'tried':>11}  {'acknowledged':>12}  {'failed':>9}"
    for name in _OPERATIONS:
        tried, done, failed = tally.tried(name), tally.done[name], tally.failed(name)
        yield f"{name:9}  {tried:11,}  {done:12,}  {failed:9,}"


def _statuses(tally: Tally) -> Iterator[str]:
    by_status: dict[str, Counter[str]] = {}
    for (operation, code, sentence), count in tally.errors.items():
        outcome = "certain" if certainly_not_done(code, sentence) else "unknown"
        column = "read" if operation == "get" else outcome
        by_status.setdefault(code, Counter())[column] += count
    yield f"{'failed with':18}  writes: {'certainly not done':>18}  {'unknown':>9}  {'reads':>8}"
    for code, counts in sorted(by_status.items()):
        certain, unknown, reads = counts["certain"], counts["unknown"], counts["read"]
        yield f"{code:18}  {certain:26,}  {unknown:9,}  {reads:8,}"


def _faults(run: Chaos) -> Iterator[str]:
    outcome, legend = run.outcome, run.faults.legend
    yield "                           longest time without a success, in s"
    yield f"{'fault':18}  {'times':>5}  {'spared':>7}  {'anywhere':>8}"
    for kind, count in sorted(outcome.faults.items()):
        worst = run.availability.worst[kind]
        spared = "-" if worst.spared_s is None else f"{worst.spared_s:.1f}"
        yield f"{kind:18}  {count:5,}  {spared:>7}  {worst.anywhere_s:8.1f}"
    yield (
        f"{'in all':18}  {outcome.faults.total():5,}, of which {outcome.overlapping:,} came before"
        " all was whole after the one before"
    )
    nested = ", ".join(f"{count} {kind}" for kind, count in sorted(run.faults.during_cuts.items()))
    yield f"{'during cuts':18}  {nested or 'none'}"
    yield ""
    yield _WORDS
    yield ""
    for kind in sorted(outcome.faults):
        yield f"{kind:18}  {legend[kind]}"


def _summary(outcome: Outcome, availability: Availability, machine: Machine) -> Iterator[str]:
    yield (
        f"Longest time in which nobody had a success through any node, of the whole run:"
        f" {availability.longest_s:.1f} s"
    )
    yield f"({availability.longest_during or 'no fault'})."
    peaks = [mib for mib in outcome.memory if mib]
    quarter = max(1, len(peaks) // 4)
    if peaks:
        yield (
            f"Most memory that a server had resident: {max(peaks):.0f} MiB; in the first quarter of"
            f" the run {max(peaks[:quarter]):.0f}, in the last {max(peaks[-quarter:]):.0f}."
        )
    for name, why in machine.cannot.items():
        yield f"Not injected, because this machine cannot: {name} ({why})."


def _errors(tally: Tally) -> Iterator[str]:
    yield "Errors of clients, and why they are no bugs:"
    yield table(tally.errors)
