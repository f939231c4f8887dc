"""Events: what a look finds that the one before it did not know, and the log that keeps them.

An event is news, and is told once. When a trouble is over, that is news as well, and it says how
long it lasted: whoever comes back to the screen can read what happened and that it has passed.

Whom nobody reaches is called by turns unreachable, suspect and dead, as the others come to notice.
Only what is worse than anything before is told, until it answers again.

The log is bounded, because a dashboard stays open for weeks. What came of a person's own deeds is
in it as well.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.text import Text

from kvcluster.console.screen import counted
from kvcluster.dashboard.ink import Tone, plain, told, wrapped
from kvcluster.dashboard.look import TIMED_STATES, Look, state_of, tone_of
from kvcluster.dashboard.matters import failures
from kvcluster.view.census import Member, serving_clause
from kvcluster.view.notes import Note
from kvcluster.view.wording import duration, why_not_serving

from demo_pb2 import SYNCING

LIMIT = 500
"""Events that are kept."""
_INDENT = len("00:00:00 ● ")
_QUIET_S = 10.0
"""A node that failed no call for so long is over it."""


@dataclass(frozen=True)
class Event:
    """One thing that happened: to whom, and what."""

    tone: Tone
    who: str
    """A node; "cluster", or "you"."""
    what: str

    @property
    def text(self) -> str:
        """One line."""
        return f"{self.who}  {self.what}"


class Log:
    """Events with their times, in seconds since 1970, the newest last; the oldest falls out."""

    def __init__(self) -> None:
        self._events: deque[tuple[float, Event]] = deque(maxlen=LIMIT)
        self._drawn: tuple[int, list[Text]] = (0, [])
        """All of them in lines, and how wide those are; 0: something is new."""

    def add(self, now_s: float, events: Iterable[Event]) -> None:
        """Note events of one moment."""
        for event in events:
            self._events.append((now_s, event))
            self._drawn = (0, [])

    def lines(self, width: int) -> list[Text]:
        """All of them, the newest last, in lines of so many columns."""
        if self._drawn[0] != width:
            entries = (wrapped(_line(*entry), width, _INDENT) for entry in self._events)
            self._drawn = (width, [line for entry in entries for line in entry])
        return self._drawn[1]


def _line(now_s: float, event: Event) -> Text:
    clock = time.strftime("%H:%M:%S", time.localtime(now_s))
    return plain(f"{clock} ").append_text(told(event.tone, event.text))


def changes(before: Look | None, now: Look) -> list[Event]:
    """What is new, in the order in which a person wants to read it."""
    if before is None or not before.members:
        return _first(now)
    return [
        *_states(before, now),
        *_syncs(before, now),
        *_failing(before, now),
        *_notes(before, now),
        *_contradictions(before, now),
        *_all_well(before, now),
    ]


def _first(now: Look) -> list[Event]:
    if not now.members:
        return []
    tone = Tone.GOOD if now.all_serve else Tone.BAD
    return [
        Event(tone, "cluster", f"{serving_clause(now.members)}, at the first look"),
        *(Event(tone_of(it), it.node, _state(it)) for it in now.members if not it.serving),
        *map(_noted, now.troubles.notes.values()),
        *(Event(Tone.BAD, "cluster", it.text) for it in now.troubles.contradictions.values()),
    ]


def _states(before: Look, now: Look) -> Iterator[Event]:
    for member in now.members:
        old = before.member(member.node)
        if old is None:
            yield Event(tone_of(member), member.node, f"is named as a member: {_state(member)}")
            continue
        if anew := _started_anew(member, before):
            yield Event(Tone.BUSY, member.node, anew)
        if state_of(member) == state_of(old) or _is_old_news(member, before):
            continue
        if member.serving:
            yield Event(Tone.GOOD, member.node, _serves(before, member.node, now))
        else:
            yield Event(tone_of(member), member.node, f"{state_of(old)} → {_state(member)}")


def _is_old_news(member: Member, before: Look) -> bool:
    """Whether it is away, as before, and nobody says anything worse of it than before."""
    absent_as = before.absent_as.get(member.node, ())
    if member.own is not None or not absent_as:
        return False
    told = max((TIMED_STATES.index(it) + 1 for it in absent_as if it in TIMED_STATES), default=0)
    return state_of(member) not in TIMED_STATES[told:]


def _started_anew(member: Member, before: Look) -> str:
    """Whether it is another life of the node than the last that was seen."""
    last = before.incarnations.get(member.node)
    if member.own is None or last in (None, member.own.incarnation):
        return ""
    return f"was started {duration(member.own.uptime_s)} ago"


def _serves(before: Look, node: str, now: Look) -> str:
    left_s = before.served_s.get(node)
    return "serves" if left_s is None else f"serves again, after {duration(now.now_s - left_s)}"


def _state(member: Member) -> str:
    """The state, and why."""
    why = str(member.failure or "")
    if member.own is not None:
        why = why_not_serving(member.own.reason, member.own.sync)
    return f"{state_of(member)}: {why}" if why else state_of(member)


def _syncs(before: Look, now: Look) -> Iterator[Event]:
    for member in now.members:
        if member.own is None:
            continue
        old = before.member(member.node)
        since_s, goes_on = before.syncs_since_s.get(member.node), member.node in now.syncs_since_s
        if goes_on and since_s is None and not _told_by_state(old, member):
            yield Event(Tone.BUSY, member.node, f"catches up from {member.own.sync.source}")
        elif since_s is not None and not goes_on:
            yield Event(Tone.GOOD, member.node, f"caught up, {duration(now.now_s - since_s)}")


def _told_by_state(old: Member | None, member: Member) -> bool:
    changed = old is None or state_of(old) != state_of(member)
    return changed and member.own is not None and member.own.status == SYNCING


def _failing(before: Look, now: Look) -> Iterator[Event]:
    """Who begins to fail calls, and who has failed none for a while."""
    quiet_s = max(_QUIET_S, now.now_s - before.now_s)  # looks may be a minute apart
    for node, last_s in now.failed_s.items():
        if last_s - before.failed_s.get(node, 0.0) > quiet_s:
            yield Event(Tone.BAD, node, failures(now.rates[node]))
        elif now.now_s - last_s > _QUIET_S >= before.now_s - last_s:
            yield Event(Tone.GOOD, node, f"has failed nothing for {duration(_QUIET_S)}")


def _notes(before: Look, now: Look) -> Iterator[Event]:
    old, new = before.troubles.notes, now.troubles.notes
    yield from (_noted(note) for key, note in new.items() if key not in old)
    for key, note in old.items():
        if key not in new and not note.is_alarm and now.member(note.node) is not None:
            yield Event(Tone.GOOD, note.node, f"over: {note.text}")


def _noted(note: Note) -> Event:
    return Event(Tone.BAD if note.is_urgent else Tone.BUSY, note.node, note.text)


def _contradictions(before: Look, now: Look) -> Iterator[Event]:
    for words, it in now.troubles.contradictions.items():
        if words not in before.troubles.contradictions:
            yield Event(Tone.BAD, "cluster", it.text)
    if before.troubles.disputed and not now.troubles.disputed:
        yield Event(Tone.GOOD, "cluster", "they agree again")


def _all_well(before: Look, now: Look) -> Iterator[Event]:
    if now.all_serve and not before.all_serve:
        yield Event(Tone.GOOD, "cluster", f"all {counted(len(now.members), 'node')} serve")
    elif before.answering and not now.answering:
        yield Event(Tone.BAD, "cluster", "no node answers")
