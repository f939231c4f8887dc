"""The headline: the one sentence that matters, above everything else.

It says how many nodes serve, and then whether any keys are without a replica that serves, which is
what users of the cluster feel; then who does not serve, and what else is wrong with the nodes. When
all is well it is short, so a glance at its length and its sign is enough.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from kvcluster.console.screen import counted, listed
from kvcluster.dashboard.ink import Tone, told, wrapped
from kvcluster.dashboard.look import Look
from kvcluster.dashboard.picture import Fate, Slot
from kvcluster.view.census import engine_clause, serving_clause
from kvcluster.view.notes import Topic
from kvcluster.view.wording import duration

_NAMED = 2
"""So many nodes are named; of more it is said how many there are."""
_LINES = 2
_INDENT = 2


def headline(look: Look, all_slots: Sequence[Slot]) -> tuple[Tone, str]:
    """How the cluster is, in a sentence without a full stop."""
    if not look.members:
        return Tone.BUSY, "no node has answered yet"
    if not look.answering:
        return Tone.BAD, f"no node answers{_for_how_long(look)}"
    full = [note.node for note in look.notes if note.topic is Topic.FULL_DISK]
    alarm = "ALARM" if any(note.is_alarm for note in look.notes) else ""
    wrong = [_lost(all_slots), _absent(look), _full(full), _apart(look), alarm]
    clauses = [serving_clause(look.members), *filter(None, wrong)]
    tone = Tone.GOOD if len(clauses) == 1 else Tone.BUSY
    if engine := engine_clause(look.members):
        clauses.insert(1, engine)
    if look.cut_off or full or not look.all_serve:
        tone = Tone.BAD
    return tone, "; ".join(clauses)


def header(tone: Tone, sentence: str, status: str, width: int) -> list[Text]:
    """The sentence and, at the right where there is room, how and when it was found."""
    line = told(tone, sentence)
    line.stylize("bold")
    parts = wrapped(line, width, _INDENT)[:_LINES]
    room = width - parts[-1].cell_len - len(status)
    if room >= 2:
        parts[-1].append(" " * room + status, "not bold")
    return parts


def _lost(all_slots: Sequence[Slot]) -> str:
    lost = sum(slot.fate is Fate.LOST for slot in all_slots)
    return f"no replica serves {lost:,} of {counted(len(all_slots), 'slot')}" if lost else ""


def _absent(look: Look) -> str:
    names = [f"{it.node} {it.state}" for it in look.members if not it.serving]
    if len(names) > _NAMED:
        names[_NAMED:] = [f"and {counted(len(names) - _NAMED, 'other')}"]
    return ", ".join(names)


def _full(nodes: list[str]) -> str:
    if len(nodes) == 1:
        return f"{nodes[0]} has a full disk"
    return f"{len(nodes)} disks are full" if nodes else ""


def _apart(look: Look) -> str:
    """Who does not go with the others, and why, as far as that is known."""
    clauses = []
    if len(look.misfits) == sum(it.own is not None for it in look.members) > 0:
        clauses.append("they run with different configurations")
    elif look.misfits:
        verb = "runs" if len(look.misfits) == 1 else "run"
        clauses.append(f"{listed(list(look.misfits), 'and')} {verb} with another configuration")
    if refused := [node for node in look.refused if node not in look.misfits]:
        are = "is" if len(refused) == 1 else "are"
        clauses.append(f"{listed(refused, 'and')} {are} refused by the others")
    known = {*look.misfits, *look.refused}
    if cut_off := [node for node in look.cut_off if node not in known]:
        are = "is" if len(cut_off) == 1 else "are"
        clauses.append(f"{listed(cut_off, 'and')} {are} cut off from the others")
    return "; ".join(clauses) or ("they disagree" if look.disagreements else "")


def _for_how_long(look: Look) -> str:
    served_s = max((look.served_s.get(it.node, 0.0) for it in look.members), default=0.0)
    return f"; one served {duration(look.now_s - served_s)} ago" if served_s else ""
