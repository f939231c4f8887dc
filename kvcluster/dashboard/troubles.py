"""Troubles: what is wrong, carried from look to look until it is known to be over.

A note and a contradiction are somebody's word. Who falls silent takes its words along, and that
does not mean that they are settled: the write that a peer noted is still missing when the peer has
died, and two nodes do not agree because one of them is gone. So a trouble stands until everybody
who told of it answers again and tells of it no more. Whether it is shown is another question: the
screen shows what is said now, and the log says "over" only when it is.

Two nodes are never asked at exactly one moment, so for a blink they contradict each other whenever
something happens. A contradiction is a trouble when two looks in a row have found it.

The numbers in a note grow while it stands ("missed 12 writes", "missed at least 40 writes"), so the
notes about a node are told apart by their topics. An alarm is the exception: each new number is a
trouble of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

from kvcluster.view.disagreements import Disagreement
from kvcluster.view.notes import Note, Topic

_TOLD_BY_THE_STATE = (Topic.SILENCE, Topic.STATE)

NoteKey: TypeAlias = "tuple[str, Topic, str]"
K = TypeVar("K")
T = TypeVar("T", bound=Note | Disagreement)


@dataclass(frozen=True)
class Troubles:
    """What stands at one moment."""

    notes: Mapping[NoteKey, Note] = field(default_factory=dict)
    contradictions: Mapping[str, Disagreement] = field(default_factory=dict)
    disputed: bool = False
    """Whether there was a contradiction, and there has been one or another ever since."""

    def behind(self, node: str) -> bool:
        """Whether others know of writes that the node lacks."""
        return any((node, topic, "") in self.notes for topic in (Topic.MISSED, Topic.LAGGING))


def standing(
    before: Troubles,
    silent: Iterable[str],
    notes: Iterable[Note],
    seen_before: Iterable[Disagreement],
    seen_now: Iterable[Disagreement],
) -> Troubles:
    """What stands now. `silent`: who does not answer; `seen_...`: by the last look and this one."""
    mute = frozenset(silent)
    told = {_key(note): note for note in notes if note.topic not in _TOLD_BY_THE_STATE}
    earlier, now = ({_words(it.text): it for it in seen} for seen in (seen_before, seen_now))
    known = earlier.keys() | before.contradictions.keys()
    lasting = {words: it for words, it in now.items() if words in known}
    contradictions = _carried(before.contradictions, lasting, mute)
    return Troubles(
        notes=_carried(before.notes, told, mute),
        contradictions=contradictions,
        disputed=bool(contradictions) or (before.disputed and bool(now)),
    )


def _carried(before: Mapping[K, T], found: Mapping[K, T], mute: frozenset[str]) -> dict[K, T]:
    """What was found and, behind it, what nobody can say of whether it is over."""
    carried = dict(found)
    for key, it in before.items():
        if mute.intersection(it.said_by):
            again = found.get(key, it)
            carried[key] = replace(again, said_by=tuple({*again.said_by, *it.said_by}))
    return carried


def _key(note: Note) -> NoteKey:
    return note.node, note.topic, note.text if note.is_alarm else ""


def _words(line: str) -> str:
    """A contradiction without "for 12 s"."""
    return re.sub(r"\(for .*?\)", "", line)
