"""What CONTRIBUTING.md says of every room is said of every room."""

from __future__ import annotations

from tests.docs.architecture import rooms, shown
from tests.docs.markdown import ROOT
from tests.docs.prose import code, section, tables


def test_every_room_has_its_tests() -> None:
    """A room that is missing there would be changed without its tests being run."""
    (table,) = tables(section(ROOT / "CONTRIBUTING.md", "Which tests watch what"))
    told = [room for row in table[2:] for room in code(row[0])]
    assert sorted(told) == sorted(map(shown, rooms()))
