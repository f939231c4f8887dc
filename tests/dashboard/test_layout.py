"""Who gets how many lines, on screens of every height."""

from __future__ import annotations

import pytest

from kvcluster.dashboard.layout import LinesWanted, Size, heights


@pytest.mark.parametrize("slots", list(Size))
@pytest.mark.parametrize("events", [Size.USUAL, Size.BIG])
@pytest.mark.parametrize("wanted", [(4, 2, 0), (6, 12, 4), (21, 40, 4)])
def test_the_parts_fill_the_screen_and_no_more(
    slots: Size, events: Size, wanted: tuple[int, int, int]
) -> None:
    """A part would be pushed below the edge, or the foot of the screen be left empty."""
    nodes, matters, followed = wanted
    for height in range(1, 80):
        found = heights(height, LinesWanted(nodes, matters, followed, slots, events))
        parts = (found.nodes, found.matters, found.followed, found.slots, found.events)
        assert all(part >= 0 for part in parts)
        assert sum(parts) == max(0, height - 2)


def test_what_is_wrong_takes_room_from_the_picture() -> None:
    """On a small screen a decoration would hide a trouble."""
    quiet = heights(24, LinesWanted(4, 2))
    trouble = heights(24, LinesWanted(4, 12))
    assert trouble.slots < quiet.slots
    assert trouble.matters > quiet.matters


def test_what_a_person_wants_big_gets_the_room() -> None:
    """The keys for it would do nothing."""
    usual = heights(40, LinesWanted(4, 2))
    assert heights(40, LinesWanted(4, 2, slots=Size.BIG)).slots > usual.slots
    assert heights(40, LinesWanted(4, 2, slots=Size.OFF)).slots == 0
    assert heights(40, LinesWanted(4, 2, events=Size.BIG)).events > usual.events
    assert heights(40, LinesWanted(4, 2, slots=Size.BIG)).events >= 3


def test_the_sizes_come_round() -> None:
    """The picture could be switched off and never on again."""
    assert [size.following for size in Size] == [Size.BIG, Size.OFF, Size.USUAL]
