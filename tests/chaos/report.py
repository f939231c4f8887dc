"""The report of a run of chaos: what was tried, what was done to the cluster, what it kept.

Plain text, to be read by somebody who does not believe it: each figure stands beside what it is
counted against, and what could not be tried is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone

from tests.chaos import chaos
from tests.chaos.availability import Availability
from tests.chaos.chaos import Outcome
from tests.chaos.machine import Machine, commit
from tests.processes.errors import certainly_not_done, table
from tests.processes.findings import Finding
from tests.processes.tally import Tally

_OPERATIONS = ["put", "delete", "get"]


def report(outcome: Outcome, availability: Availability, machine: Machine, asked: str) -> str:
    """All of it. `asked`: the duration as it was asked for."""
    parts = [
        _frame(outcome, asked),
        _verdict(outcome),
        _operations(outcome.tally),
        _faults(outcome, availability, machine),
        _errors(outcome.tally),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def _frame(outcome: Outcome, asked: str) -> Iterator[str]:
    began = datetime.fromtimestamp(outcome.started_s, timezone.utc)
    yield f"command   make chaos DURATION={asked} SEED={outcome.seed}"
    yield f"code      {commit()}"
    yield f"machine   {Machine.describe()}"
    yield f"time      {began:%Y-%m-%d %H:%M} UTC"
    yield f"lasted    {outcome.elapsed_s:,.0f} s, {outcome.rounds} rounds"
    yield (
        f"cluster   {chaos.NODES} nodes, {chaos.REPLICAS} replicas of each key,"
        f" {outcome.keys:,} keys, fsync always"
    )
    yield (
        f"clients   {chaos.THREADS} that ask any node, 1 for each node that asks only it,"
        f" {chaos.READS:.0%} reads"
    )
    yield "settings  as shipped, but for shorter timers and smaller pages:"
    yield from (f"          {setting}" for setting in chaos.QUICK)


def _verdict(outcome: Outcome) -> Iterator[str]:
    findings, tally = outcome.findings, outcome.tally
    yield "FAILED" if findings else "All promises were kept."
    compared = {
        Finding.LOST: f"of {tally.acknowledged:,} acknowledged writes",
        Finding.RESURRECTED: f"of {tally.done['delete']:,} acknowledged deletes;"
        f" {outcome.tombstones:,} tombstones were held at the end, and then dropped",
        Finding.STALE: f"of {tally.judged:,} that had to be right",
        Finding.UNPROVOKED: f"of {sum(map(tally.tried, _OPERATIONS)):,} calls",
        Finding.UNEXPLAINED: f"of {tally.errors.total():,} errors",
    }
    for kind in Finding:
        yield f"{findings.counts[kind]:9,}  {kind.value:46} {compared.get(kind, '')}".rstrip()
    yield (
        f"Other reads, during cuts and when several nodes failed together, may be old:"
        f" {tally.older:,} were."
    )
    yield from (f"  {sentence}" for sentence in findings.sentences)


def _operations(tally: Tally) -> Iterator[str]:
    yield "operation      tried  acknowledged   failed"
    for operation in _OPERATIONS:
        tried, done = tally.tried(operation), tally.done[operation]
        yield f"{operation:9}  {tried:9,}  {done:12,}  {tally.failed(operation):7,}"
    yield ""
    yield "status of what failed        writes: certainly not done  unknown   reads"
    by_status: dict[str, Counter[str]] = {}
    for (operation, code, sentence), count in tally.errors.items():
        column = "read" if operation == "get" else _certainty(code, sentence)
        by_status.setdefault(code, Counter())[column] += count
    for code, counts in sorted(by_status.items()):
        yield (f"{code:27}  {counts['certain']:26,}  {counts['unknown']:7,}  {counts['read']:6,}")


def _certainty(code: str, sentence: str) -> str:
    return "certain" if certainly_not_done(code, sentence) else "unknown"


def _faults(outcome: Outcome, availability: Availability, machine: Machine) -> Iterator[str]:
    yield "fault                 times   longest time without a success (s)"
    yield "                              at a node that it spared   at any node"
    for kind, count in sorted(outcome.faults.items()):
        worst = availability.worst[kind]
        spared = "-" if worst.spared_s is None else f"{worst.spared_s:.1f}"
        yield f"{kind:20}  {count:5,}   {spared:>24}   {worst.anywhere_s:11.1f}"
    yield f"in all                {outcome.faults.total():5,}"
    yield ""
    yield (
        f"Longest time in which no client had a success through any node:"
        f" {availability.longest_s:.1f} s ({availability.longest_during or 'no fault'})."
    )
    yield from _memory(outcome)
    for name, why in machine.cannot.items():
        yield f"Not injected here: {name.replace('_', ' ')} ({why})."


def _memory(outcome: Outcome) -> Iterator[str]:
    """Servers are often started anew, so only a leak within one life shows here."""
    if peaks := [mib for _, mib in outcome.memory if mib]:
        quarter = max(1, len(peaks) // 4)
        yield (
            f"Most memory that a server had resident: {max(peaks):.0f} MiB; in the first quarter of"
            f" the run {max(peaks[:quarter]):.0f} MiB, in the last {max(peaks[-quarter:]):.0f} MiB."
        )


def _errors(tally: Tally) -> Iterator[str]:
    yield "errors of clients, and why they are none of the cluster:"
    yield table(tally.errors)
