"""Layout: how many lines each part of the screen gets, from the room that there is.

The order of importance is fixed: the headline and the nodes, then what is wrong now, the key that
is followed, what happened, and last the picture of the slots. On a small screen the picture shrinks
first, and what has more lines than its part shows scrolls. On a large one the picture and the log
take what is left.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Size(enum.Enum):
    """How much room a person wants a part to have."""

    USUAL = "usual"
    BIG = "big"
    OFF = "off"

    @property
    def following(self) -> Size:
        """What the key that changes it makes of it."""
        order = list(Size)
        return order[(order.index(self) + 1) % len(order)]


@dataclass(frozen=True)
class LinesWanted:
    """How many lines there are to be shown, titles included."""

    nodes: int
    matters: int
    followed: int = 0
    """0: no key is followed."""
    slots: Size = Size.USUAL
    events: Size = Size.USUAL
    """OFF is not a choice here; BIG takes the room of the picture."""


@dataclass(frozen=True)
class Heights:
    """How many lines each part gets, titles included; 0: it is not shown."""

    nodes: int
    matters: int
    followed: int
    slots: int
    events: int


_LEAST_EVENTS = 3
_LEAST_MATTERS = 2
_FRAME = 2
"""The headline, where it fits in one line, and the footer."""
_PICTURES = (16, 8, 4, 2)
_LEAST_PICTURE = 3
"""Two rows and a title: in a trouble, one wants to see which keys it is about."""
_USUAL_SHARE = 4
"""The picture takes at most a fourth of the screen, unless it is wanted big."""


def heights(height: int, wanted: LinesWanted) -> Heights:
    """The lines of each part on a screen of so many lines."""
    left = max(0, height - _FRAME)
    events = min(_LEAST_EVENTS, left // 3)
    nodes = min(wanted.nodes, (left - events + 1) // 2)
    left -= events + nodes
    matters = min(wanted.matters, _LEAST_MATTERS, left)
    left -= matters
    followed = min(wanted.followed, left)
    left -= followed
    slots = _slots(height, left, wanted, wanted.matters - matters)
    left -= slots
    more = min(wanted.matters - matters, left if wanted.events is Size.USUAL else left // 2)
    return Heights(nodes, matters + more, followed, slots, events + left - more)


def _slots(height: int, left: int, wanted: LinesWanted, matters: int) -> int:
    """The lines of the picture and its title. `matters`: lines that are still wanted for those."""
    if wanted.slots is Size.OFF or (wanted.events is Size.BIG and wanted.slots is Size.USUAL):
        return 0
    usual = min(left - matters, height // _USUAL_SHARE)
    least = _LEAST_PICTURE if left >= 2 * _LEAST_PICTURE else 0
    room = left if wanted.slots is Size.BIG else max(usual, least)
    return next((rows + 1 for rows in _PICTURES if rows < room), 0)
