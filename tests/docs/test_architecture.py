"""docs/architecture.md is what the code says: its picture, its table, and every name in it."""

from __future__ import annotations

import pytest

from tests.docs import architecture
from tests.docs.architecture import PAGE, Unknown, place_of, renewed, rooms, shortest

HOW = "make gen, or: python -m tests.docs.architecture"


def test_the_page_is_what_the_code_says() -> None:
    """A room that moved, an import that is new, a name that is gone: the page may not lie of it."""
    page = PAGE.read_text("utf-8")
    assert renewed(page) == page, f"docs/architecture.md is stale; to renew it: {HOW}"


def test_whoever_is_imported_stands_below() -> None:
    """The page promises it of its table."""
    order = architecture._in_order(rooms())
    for room, others in rooms().items():
        assert all(order.index(room) < order.index(other) for other in others), room


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    """The picture has as few as say the same."""
    asked = {"a": {"b", "c", "d"}, "b": {"c"}, "c": set[str](), "d": {"c"}}
    assert shortest(asked) == {"a": {"b", "d"}, "b": {"c"}, "c": set(), "d": {"c"}}


@pytest.mark.parametrize("name", ["Nobody", "Table.nothing", "nothing", "main"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """So is one that stands in several places."""
    with pytest.raises(Unknown, match=name):
        place_of(name)


def test_a_page_without_a_mark_is_refused() -> None:
    """Else a slip would leave it as it is, and nobody would see that nothing was drawn."""
    page = PAGE.read_text("utf-8")
    for mark in (architecture.PICTURE, architecture.END, architecture.PLACES):
        with pytest.raises(Unknown, match="mark"):
            renewed(page.replace(mark, ""))


def test_a_file_that_is_told_is_looked_up() -> None:
    """What moved into another file is told there."""
    page = PAGE.read_text("utf-8")
    right, wrong = "[`Table.apply`] in `storage/table.py`", "[`Table.apply`] in `old.py`"
    told = renewed(page.replace(architecture.PLACES, f"{wrong}\n{architecture.PLACES}"))
    assert right in told
    assert wrong not in told
