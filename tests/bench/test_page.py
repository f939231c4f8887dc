"""The page and the figures: what stands in docs/performance.md is what was measured."""

from __future__ import annotations

import pytest

from bench.report import page, results, table
from tests.bench.made_up import made_up

_PAGE = """Some words.
<!-- begin goals -->
old
<!-- end goals -->
<!-- begin bulk -->
<!-- end bulk -->
"""


def test_the_page_in_docs_agrees_with_its_json() -> None:
    """Nobody has mended a figure by hand, or measured anew without the page."""
    text = page.PAGE.read_text("utf-8")
    assert page.filled(text, results.read(page.RESULTS)) == text


def test_every_table_has_a_place_on_the_page() -> None:
    """A case that is measured and never shown would be a secret."""
    text = page.PAGE.read_text("utf-8")
    for block in (*page.TABLES, "goals", "systems", "runs"):
        assert f"<!-- begin {block} -->\n" in text, block


def test_a_table_is_filled_in_and_the_words_stay() -> None:
    """Filling it again changes nothing."""
    measured = made_up("bulk", ours=[20_000], etcd=[5_000])
    text = page.filled(_PAGE, measured)
    assert text.startswith("Some words.\n")
    assert "| put in bulk, new keys | etcd | at least 4 | 4.00 | met |" in text
    assert "| **ours** | 20,000 |" in text
    assert "old" not in text
    assert page.filled(text, measured) == text


def test_what_a_system_lacks_is_a_dash_with_its_reason() -> None:
    """A row that was simply not there would look as if somebody had forgotten it."""
    measured = made_up("lin-get-one", ours=[1.0], etcd=[1.0])
    page_text = page.filled("<!-- begin decided -->\n<!-- end decided -->\n", measured)
    assert "| Redis: no such read | – |" in page_text
    assert "–  no such read" in table.text(measured)


def test_a_block_that_nobody_knows_is_an_error() -> None:
    """A name that was mistyped would stay empty for ever."""
    with pytest.raises(KeyError):
        page.filled("<!-- begin nonsense -->\n<!-- end nonsense -->\n", made_up("bulk", ours=[1]))


def test_the_terminal_tells_ratio_goal_and_what_was_left_out() -> None:
    """All that a person needs to believe it or not."""
    told = table.text(made_up("puts-64", ours=[20, 30], ours_old=[10, 10], etcd=[10, 10]))
    assert "ours / it 2.50 (2.00 to 3.00)" in told
    assert "at least 2.5: met" in told
    assert "1 of 1 goals met" in told
    assert "skipped: Redis: redis-server missing" in told
    assert "2 of 2" in told
