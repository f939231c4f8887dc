"""`client.py bench`: how fast the cluster is, in a table and in bars that a person can read.

What the load is, and what its figures mean, is in load.py. Ctrl+C ends it early, and what was
measured until then is told all the same. Its keys are removed, unless they shall stay (--keep), and
if that fails, the command that does it is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from kvcluster import AsyncClient
from kvcluster.commands.bench.load import Load, Plan, Tally
from kvcluster.console.program import typed
from kvcluster.console.screen import (
    Exit,
    closed,
    columns,
    complain,
    counted,
    emit,
    give_up,
    is_for_people,
    say,
)
from kvcluster.console.stopping import unless, wishes
from kvcluster.errors import KvError
from kvcluster.view.histogram import PERCENTILES, Histogram, bars, milliseconds
from kvcluster.view.meter import Meter
from kvcluster.view.wording import size

_BAR_COLUMNS, _BESIDE_BAR_COLUMNS = 36, 33
_TABLE_COLUMNS = 76
_HEADS = [*(f"p{share:g}" for share in PERCENTILES), "max"]
_PLACES = 3


def run(nodes: tuple[str, ...], plan: Plan, *, timeout_s: float, json: bool) -> int:
    """Load the cluster, and print what came of it; return the exit code."""
    return asyncio.run(_run(nodes, plan, timeout_s, json))


async def _run(nodes: tuple[str, ...], plan: Plan, timeout_s: float, json: bool) -> int:
    with wishes() as wish:
        async with AsyncClient(nodes, timeout_s=timeout_s) as client:
            load = Load(client, plan)
            try:
                with Meter("storing", plan.keys) as meter:
                    await unless(wish, load.fill(wish, meter))
                with Meter("bench", plan.duration_s, noun="calls") as meter:
                    if not wish.is_set():
                        await load.run(wish, meter)
            except KvError as error:
                return await _clean(load, give_up(error))
            failed = bool(load.reads.errors or load.writes.errors)
            if not load.elapsed_s:
                complain("Interrupted, before anything was measured.")
                return await _clean(load, Exit.INTERRUPTED)
            if json:
                emit(**_as_fields(load))
            else:
                for line in report(load):
                    say(line)
            return await _clean(load, Exit.NOT_SO if failed else Exit.DONE)


async def _clean(load: Load, code: int) -> int:
    if not load.begun:
        return code
    if load.plan.keep:
        complain(f"Its keys stay, under {load.prefix}")
        return code
    remedy = f"This removes its keys: {typed()} delete --yes --prefix {load.prefix}"
    try:
        with Meter("removing", load.begun) as meter:
            await load.clean(meter)
    except KvError as error:
        complain(f"Its keys could not be removed: {closed(str(error))}\n{remedy}")
        return code or Exit.NOT_SO
    except asyncio.CancelledError:
        complain(remedy)
        raise
    return code


def report(load: Load) -> Iterator[str]:
    """The lines for a person."""
    plan = load.plan
    yield (
        f"{counted(plan.clients, 'call')} at a time for {load.elapsed_s:.1f} s,"
        f" {plan.reads_percent} % of them reads;"
        f" {counted(plan.keys, 'key')}, values of {size(plan.value_bytes)}"
    )
    yield ""
    width = columns() if is_for_people() else _TABLE_COLUMNS
    kinds = [("reads", load.reads), ("writes", load.writes)]
    done = [(name, tally.latency) for name, tally in kinds if tally.latency.count]
    yield from (_table if width >= _TABLE_COLUMNS else _list)(done, load.elapsed_s)
    for name, latency in done:
        yield ""
        yield name
        yield from bars(latency.drawn(), max(1, min(_BAR_COLUMNS, width - _BESIDE_BAR_COLUMNS)))
    yield ""
    yield from _errors(kinds)


def _table(done: Sequence[tuple[str, Histogram]], elapsed_s: float) -> Iterator[str]:
    heads = "".join(f"{name:>10}" for name in _HEADS)
    yield f"{'':<6}  {'calls':>9}  {'per s':>7}{heads}"
    for name, latency in done:
        times = "".join(f"{milliseconds(it):>10}" for it in _times(latency))
        yield f"{name:<6}  {latency.count:>9,}  {latency.count / elapsed_s:>7,.0f}{times}"


def _list(done: Sequence[tuple[str, Histogram]], elapsed_s: float) -> Iterator[str]:
    """The same where a terminal has no room for columns."""
    for name, latency in done:
        yield f"{name}: {latency.count:,}, {latency.count / elapsed_s:,.0f} per s"
        yield from (
            f"  {head:<6} {milliseconds(it):>10}"
            for head, it in zip(_HEADS, _times(latency), strict=True)
        )


def _times(latency: Histogram) -> list[float]:
    return [*(latency.percentile(share) for share in PERCENTILES), latency.max_s]


def _errors(kinds: list[tuple[str, Tally]]) -> Iterator[str]:
    if not any(tally.errors for _, tally in kinds):
        yield "no call failed"
    for name, tally in kinds:
        for error, count in tally.errors.most_common():
            yield f"{counted(count, 'call')} of the {name} failed: {error}"
        if tally.example:
            yield f"  the first: {tally.example}"


def _as_fields(load: Load) -> dict[str, Any]:
    plan = load.plan
    return {
        "seconds": round(load.elapsed_s, _PLACES),
        "clients": plan.clients,
        "keys": plan.keys,
        "value_bytes": plan.value_bytes,
        "reads_percent": plan.reads_percent,
        "reads": _tally_fields(load.reads, load.elapsed_s),
        "writes": _tally_fields(load.writes, load.elapsed_s),
    }


def _tally_fields(tally: Tally, elapsed_s: float) -> dict[str, Any]:
    latency = tally.latency
    names = {f"p{share:g}_ms".replace(".", "_"): share for share in PERCENTILES}
    return {
        "calls": latency.count,
        "per_s": round(latency.count / elapsed_s, 1) if elapsed_s else 0.0,
        "mean_ms": round(latency.sum_s / latency.count * 1000, _PLACES) if latency.count else 0.0,
        **{name: round(latency.percentile(it) * 1000, _PLACES) for name, it in names.items()},
        "max_ms": round(latency.max_s * 1000, _PLACES),
        "histogram": [
            {"to_ms": bound if bound != float("inf") else None, "calls": count}
            for bound, count in latency.drawn()
        ],
        "errors": dict(tally.errors),
    }
