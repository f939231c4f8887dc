"""Drawing: the whole screen as values, from what is known and the room that there is.

Everything that a person reads is decided here and in the modules it puts together; whoever has the
terminal only copies it there. So what the screen says of any state of the cluster, in any size, can
be tested without a terminal, and in no time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from kvcluster.console.screen import listed
from kvcluster.dashboard import following
from kvcluster.dashboard.following import Followed
from kvcluster.dashboard.headline import header, headline
from kvcluster.dashboard.ink import Mark, Tone, marks, plain, ruled, wrapped
from kvcluster.dashboard.layout import LinesWanted, Size, heights
from kvcluster.dashboard.look import Look, stands
from kvcluster.dashboard.matters import matters
from kvcluster.dashboard.nodes_table import table
from kvcluster.dashboard.picture import Slot, drawn, legend, slots_of

_LABEL_COLUMNS = 5
"""The number of its first slot, before each row of the picture."""
_INDENT = 2
"""Under the sign of a line."""
_FIELD_COLUMNS = (128, 64, 32, 16, 8)


@dataclass(frozen=True)
class Scene:
    """All that is known at a moment, and how a person wants to see it."""

    asked: tuple[str, ...]
    look: Look | None = None
    events: Sequence[Text] = ()
    followed: Followed | None = None
    interval_s: float = 2.0
    paused: bool = False
    slots: Size = Size.USUAL
    log: Size = Size.USUAL


@dataclass(frozen=True)
class Section:
    """One part of the screen: its title, its lines, and how many lines it gets, title included."""

    title: Text
    lines: Sequence[Text] = ()
    height: int = 0


@dataclass(frozen=True)
class Drawing:
    """The screen, from top to bottom."""

    head: Sequence[Text]
    sections: Mapping[str, Section]


PARTS = ("nodes", "followed", "matters", "slots", "events")


def draw(scene: Scene, width: int, height: int) -> Drawing:
    """What the screen says."""
    look = scene.look
    if look is None:
        asking = f"asking {listed(list(scene.asked), 'and')}"
        empty = {part: Section(plain("")) for part in PARTS}
        return Drawing(header(Tone.PLAIN, asking, _status(scene), width), empty)
    all_slots = slots_of(look.configuration, {it.node for it in look.members if stands(it)})
    names = {slot.primary for slot in all_slots} | {it.node for it in look.members}
    marked = marks(names)
    columns, *nodes = table(look, marked, width)
    now = [part for line in matters(look) for part in wrapped(line, width - 1, _INDENT)]
    key = following.lines(scene.followed, look) if scene.followed else []
    wanted = LinesWanted(
        1 + len(nodes), 1 + len(now), len(key), scene.slots if all_slots else Size.OFF, scene.log
    )
    head = header(*headline(look, all_slots), _status(scene), width)
    room = heights(height - len(head) + 1, wanted)
    title, picture = _picture(all_slots, marked, width, room.slots)
    sections = {
        "nodes": Section(columns, nodes, room.nodes),
        "followed": Section(ruled(key[0] if key else plain(""), width), key[1:], room.followed),
        "matters": Section(ruled(plain("Now", "bold"), width), now, room.matters),
        "slots": Section(ruled(title, width), picture, room.slots),
        "events": Section(ruled(plain("Events", "bold"), width), scene.events, room.events),
    }
    return Drawing(head, sections)


def _picture(
    all_slots: Sequence[Slot], marked: dict[str, Mark], width: int, height: int
) -> tuple[Text, list[Text]]:
    columns = next((it for it in _FIELD_COLUMNS if it + _LABEL_COLUMNS < width), 0)
    if height < 2 or not columns:
        return plain(""), []
    rows_count = height - 1
    title = legend(all_slots, marked, len(all_slots) // (columns * rows_count))
    return title, drawn(all_slots, columns, rows_count, marked)


def _status(scene: Scene) -> str:
    """When the last look was, and how often there is one."""
    every = "paused" if scene.paused else f"every {scene.interval_s:g} s"
    if scene.look is None:
        return every
    return f"{time.strftime('%H:%M:%S', time.localtime(scene.look.now_s))}, {every}"
