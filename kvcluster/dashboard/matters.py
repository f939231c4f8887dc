"""What matters now: everything that goes on or is wrong at this moment, the worst first.

Whatever is wrong stands before whatever is on its way, in the order that `matters` gives. What is
unusual about single nodes is in the words of `client.py status`, and what several have in common is
one line. At the end stands how replication does; when nothing is wrong, that is all. An event says
when something began; here is what still is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rich.text import Text

from kvcluster.console.screen import counted, listed
from kvcluster.dashboard.ink import Tone, plain, told
from kvcluster.dashboard.look import Look, catches_up, counting
from kvcluster.dashboard.nodes_table import age
from kvcluster.dashboard.rates import Rates
from kvcluster.view.census import Member, engine_clause
from kvcluster.view.notes import Note, Topic
from kvcluster.view.wording import duration, why_not_serving
from kvcluster.wire.error_info import code_name

_BAR_COLUMNS = 16


def matters(look: Look) -> list[Text]:
    """A line for each thing."""
    if not look.answering:
        return list(_notes(look.notes, Tone.BAD))
    urgent = [note for note in look.notes if note.is_urgent]
    others = [note for note in look.notes if not (note.is_urgent or _shown_as_sync(note, look))]
    silent = [note for note in others if _is_silent(note.node, look)]
    return [
        *_notes(urgent, Tone.BAD),
        *(told(Tone.BAD, it.text) for it in look.disagreements),
        *_failing(look),
        *_notes(silent, Tone.BAD),
        *_syncs(look),
        *_notes([note for note in others if note not in silent], Tone.BUSY),
        *([] if engine_clause(look.members) else [told(Tone.PLAIN, _replication(look))]),
    ]


def _notes(notes: Iterable[Note], tone: Tone) -> Iterator[Text]:
    """A line for each text, with all the nodes that it is about, where the first of them stands."""
    nodes: dict[str, list[str]] = {}
    for note in notes:
        nodes.setdefault(note.text, []).append(note.node)
    for text, about in nodes.items():
        yield told(tone, f"{listed(about, 'and')}: {text}")


def _is_silent(node: str, look: Look) -> bool:
    member = look.member(node)
    return member is None or member.own is None


def _shown_as_sync(note: Note, look: Look) -> bool:
    member = look.member(note.node)
    return note.topic is Topic.STATE and member is not None and catches_up(member)


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


def _replication(look: Look) -> str:
    speakers = [own for it in look.members if (own := counting(it)) is not None]
    if not speakers:
        return "replication: these nodes do not say how it stands"
    opinions = [opinion for it in look.members for opinion in it.opinions.values()]
    in_flight = sum(opinion.writes_in_flight for opinion in opinions)
    waiting = sum(own.writes_waiting for own in speakers)
    behind_s = max((opinion.behind_s for opinion in opinions), default=0.0)
    parts = [f"{counted(in_flight, 'write')} in flight, {waiting:,} waiting"]
    if behind_s:
        parts.append(f"a replica is up to {age(behind_s)} behind")
    return f"replication: {'; '.join([*parts, *_tombstones(look.members)])}"


def _tombstones(members: tuple[Member, ...]) -> list[str]:
    kept = max((it.own.tombstones for it in members if it.own is not None), default=0)
    return [f"up to {counted(kept, 'delete')} remembered"] if kept else []
