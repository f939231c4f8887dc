"""What matters now: everything that goes on or is wrong at this moment, the worst first.

Alarms and full disks come first, then contradictions, then who catches up and how far, then what is
unusual about single nodes, in the words of `client.py status`, and at the end how replication
stands. When nothing is wrong, that last line is all. An event says when something began; here is
what still is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text

from kvcluster.dashboard.ink import Tone, plain, told
from kvcluster.dashboard.look import Look, catches_up
from kvcluster.dashboard.nodes_table import age
from kvcluster.dashboard.rates import Rates
from kvcluster.error_info import code_name
from kvcluster.terminal.census import Member
from kvcluster.terminal.notes import Topic
from kvcluster.terminal.screen import counted, listed
from kvcluster.terminal.wording import duration, why_not_serving

_BAR_COLUMNS = 16


def matters(look: Look) -> list[Text]:
    """A line for each thing."""
    if not look.answering:
        return [told(Tone.BAD, f"{it.node}: {it.text}") for it in look.notes]
    return [
        *(told(Tone.BAD, f"{it.node}: {it.text}") for it in look.notes if it.is_urgent),
        *(told(Tone.BAD, it.text) for it in look.disagreements),
        *_syncs(look),
        *_failing(look),
        *_notes(look),
        told(Tone.PLAIN, _replication(look)),
    ]


def _syncs(look: Look) -> Iterator[Text]:
    for member in look.members:
        if member.own is None or not catches_up(member):
            continue
        sync = member.own.sync
        line = told(Tone.BUSY, f"{member.node}: ")
        known = 0 < sync.about >= sync.entries  # else the estimate was too low
        if known:
            full = round(_BAR_COLUMNS * sync.entries / sync.about)
            line.append("█" * full + "░" * (_BAR_COLUMNS - full) + " ")
        line.append_text(plain(why_not_serving("", sync)))
        if known:
            line.append(f", {100 * sync.entries // sync.about} %")
        line.append(f", for {duration(look.now_s - look.syncs_since_s[member.node])}")
        yield line


def _failing(look: Look) -> Iterator[Text]:
    for node, known in look.rates.items():
        if what := failures(known):
            yield told(Tone.BAD, f"{node}: {what}")


def failures(known: Rates) -> str:
    """How many calls failed, and how: "3 of 40 calls failed: 3 UNAVAILABLE"; empty if none did."""
    clauses: list[str] = []
    if failed := known.failed:
        calls = counted(known.calls, "call")
        clauses.append(f"{sum(failed.values()):,} of {calls} failed: {_by_code(failed)}")
    if failed := known.failed_in_batches:
        operations = counted(sum(failed.values()), "operation")
        clauses.append(f"{operations} in batches failed: {_by_code(failed)}")
    return "; ".join(clauses)


def _by_code(failed: Mapping[int, int]) -> str:
    return listed([f"{n:,} {code_name(code)}" for code, n in sorted(failed.items())], "and")


def _notes(look: Look) -> Iterator[Text]:
    for note in look.notes:
        member = look.member(note.node)
        shown_above = note.topic is Topic.STATE and member is not None and catches_up(member)
        if not note.is_urgent and not shown_above:
            silent = member is None or member.own is None
            yield told(Tone.BAD if silent else Tone.BUSY, f"{note.node}: {note.text}")


def _replication(look: Look) -> str:
    speakers = [it for it in look.members if it.own is not None and it.own.HasField("traffic")]
    if not speakers:
        return "replication: these nodes do not say how it stands"
    opinions = [opinion for it in look.members for opinion in it.opinions.values()]
    in_flight = sum(opinion.writes_in_flight for opinion in opinions)
    waiting = sum(it.own.writes_waiting for it in speakers if it.own is not None)
    behind_s = max((opinion.behind_s for opinion in opinions), default=0.0)
    parts = [f"{counted(in_flight, 'write')} in flight, {waiting:,} waiting"]
    if behind_s:
        parts.append(f"a replica is up to {age(behind_s)} behind")
    return f"replication: {'; '.join([*parts, *_tombstones(look.members)])}"


def _tombstones(members: tuple[Member, ...]) -> list[str]:
    kept = max((it.own.tombstones for it in members if it.own is not None), default=0)
    return [f"up to {counted(kept, 'delete')} remembered"] if kept else []
