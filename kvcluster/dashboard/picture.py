"""The picture: all slots as a field of cells, each coloured by the node that is their primary.

A cell stands for several slots that lie side by side, and their primaries are as good as random. If
each cell showed the one with the most slots in it, a node with a little more than the others would
seem to have everything. So the picture is dithered, as a newspaper prints grey: a cell shows the
primary to whom the picture owes most so far. Each cell is true to a slot in it, and the whole is
true to the shares: every node has as many cells as it should, give or take a few.

What matters most is never averaged away: slots without a live replica get their share rounded up,
so the first of them is seen wherever it is.
"""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.text import Text

from kvcluster.dashboard.ink import Mark, plain
from kvcluster.model.slots import SLOTS, placement_of

from demo_pb2 import Configuration


class Fate(enum.Enum):
    """How a slot is off."""

    WELL = "its primary serves"
    AWAY = "its primary does not serve, another replica does"
    LOST = "no replica serves"


@dataclass(frozen=True)
class Slot:
    """One slot, or a cell of several: whose it is, and how it is off."""

    primary: str
    fate: Fate


@lru_cache(maxsize=4)
def _slots(members: tuple[str, ...], replicas: int, serving: frozenset[str]) -> tuple[Slot, ...]:
    """Every slot. `serving`: the members that do their work."""
    placement = placement_of(members, replicas)
    found = []
    for slot in range(SLOTS):
        homes = placement.replicas(slot)
        if homes[0] in serving:
            fate = Fate.WELL
        else:
            fate = Fate.AWAY if serving.intersection(homes) else Fate.LOST
        found.append(Slot(homes[0], fate))
    return tuple(found)


def slots_of(configuration: Configuration | None, serving: Collection[str]) -> tuple[Slot, ...]:
    """Every slot of a cluster; none if its configuration is not known, or makes no sense here."""
    known = shape(configuration)
    if known is None:
        return ()
    members, replicas = known
    return _slots(members, replicas, frozenset(serving).intersection(members))


def shape(configuration: Configuration | None) -> tuple[tuple[str, ...], int] | None:
    """The members and R; None if they are not known, or make no sense here."""
    if configuration is None or configuration.slots != SLOTS or not configuration.members:
        return None
    members = tuple(sorted(set(configuration.members)))
    return members, max(1, min(configuration.replicas, len(members)))


def cells(all_slots: Sequence[Slot], count: int) -> list[Slot]:
    """So many cells; `count` divides the number of slots."""
    assert len(all_slots) % count == 0
    each = len(all_slots) // count
    owed: defaultdict[str, int] = defaultdict(int)
    owed_lost = each - 1  # rounds up
    found = []
    for first in range(0, each * count, each):
        inside = all_slots[first : first + each]
        lost = [slot for slot in inside if slot.fate is Fate.LOST]
        others = [slot for slot in inside if slot.fate is not Fate.LOST]
        owed_lost += len(lost)
        for slot in others:
            owed[slot.primary] += 1
        if lost and owed_lost >= each:
            owed_lost -= each
            found.append(lost[0])
        else:
            shown = max(others, key=lambda slot: owed[slot.primary])
            owed[shown.primary] -= each
            found.append(shown)
    return found


def drawn(all_slots: Sequence[Slot], columns: int, rows: int, marks: dict[str, Mark]) -> list[Text]:
    """The picture, row by row, each with the number of its first slot."""
    field = cells(all_slots, columns * rows)
    lines = []
    for row in range(rows):
        line = plain(f"{row * len(all_slots) // rows:>4} ")
        for cell in field[row * columns : (row + 1) * columns]:
            _draw(line, cell, marks[cell.primary])
        lines.append(line)
    return lines


def _draw(line: Text, cell: Slot, mark: Mark) -> None:
    if cell.fate is Fate.WELL:
        line.append(mark.letter, mark.on)
    elif cell.fate is Fate.AWAY:
        line.append("▒", mark.colour)
    else:
        line.append("×", "bold bright_white on red")


def legend(all_slots: Sequence[Slot], marks: dict[str, Mark], cell_slots: int) -> Text:
    """What the letters and signs mean, and how many slots each node is the primary of."""
    line = plain("Slots", "bold")
    line.append(f" by primary, a cell for {cell_slots} " if cell_slots > 1 else " by primary ")
    counts = Counter(slot.primary for slot in all_slots)
    for name in sorted(counts):
        line.append(" ")
        line.append(marks[name].letter, marks[name].on)
        line.append(f" {counts[name]:,}")
    fates = Counter(slot.fate for slot in all_slots)
    if fates[Fate.AWAY]:
        line.append(f"  ▒ primary away {fates[Fate.AWAY]:,}", "bold")
    if fates[Fate.LOST]:
        line.append(f"  × no replica {fates[Fate.LOST]:,}", "bold red")
    return line
