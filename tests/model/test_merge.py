"""Confluences: whatever the pages, the stream is what one sorted list would be."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.model.merge import Merge, Pair

KEYS = st.text("abc", min_size=1, max_size=4)


class Source:
    """Gives its keys in pages of some size, some of which end with a key that it does not have."""

    def __init__(self, keys: list[str], size: int, blind: bool) -> None:
        self._pairs = [(key, key.upper(), 0) for key in sorted(keys)]
        self._size = size
        self._blind = blind

    def page(self, start_after: str) -> tuple[list[Pair], str | None]:
        """The next ones, and how far they reach."""
        start = bisect_right([pair[0] for pair in self._pairs], start_after)
        page = self._pairs[start : start + self._size]
        if start + self._size >= len(self._pairs):
            return page, None
        return page, page[-1][0] + "\0" * self._blind


def drain(sources: dict[str, Source], start: str, most: int = 10_000) -> tuple[list[str], str]:
    """Let everything flow that will, in at most so many steps; the keys, and the position."""
    stream = Merge(sources, start)
    keys: list[str] = []
    while not stream.ended and most:
        most -= 1
        names = stream.wanted()
        assert names, "nobody is asked, and nothing has ended: it would stand still for ever"
        for name in names:
            stream.take(name, *sources[name].page(stream.position))
        keys += [pair[0] for pair in stream.flow()]
    return keys, stream.position


@given(
    st.dictionaries(KEYS, st.integers(0, 3), max_size=40),
    st.lists(st.integers(1, 7), min_size=4, max_size=4),
    st.booleans(),
    st.sampled_from(["", "a", "bb", "zz"]),
)
def test_keys_flow_in_order_and_each_once(
    homes: dict[str, int], sizes: list[int], blind: bool, position: str
) -> None:
    """A key that overtook another would be lost to whoever goes on behind that one."""
    sources = {
        str(home): Source([key for key, at in homes.items() if at == home], size, blind)
        for home, size in enumerate(sizes)
    }
    assert drain(sources, position)[0] == sorted(key for key in homes if key > position)


@given(st.sets(KEYS, max_size=40), st.integers(1, 5), st.integers(0, 6))
def test_another_confluence_goes_on_where_one_stopped(
    keys: set[str], size: int, steps: int
) -> None:
    """A source fails, others take over what it had: no key twice, none left out."""
    halves = [sorted(keys)[::2], sorted(keys)[1::2]]
    two = {str(number): Source(half, size, False) for number, half in enumerate(halves)}
    before, position = drain(two, "", steps)
    after, _ = drain({"other": Source(list(keys), size, False)}, position)
    assert before + after == sorted(keys)


def test_only_those_that_hold_it_back_are_asked_again() -> None:
    """Or each page of one source would cost a page of every other."""
    stream = Merge(["near", "far"], "")
    assert stream.wanted() == ["near", "far"]
    stream.take("near", [("a", "", 0), ("b", "", 0)], "b")
    stream.take("far", [("a2", "", 0), ("x", "", 0)], "x")
    assert [pair[0] for pair in stream.flow()] == ["a", "a2", "b"]
    assert stream.wanted() == ["near"]
    stream.take("near", [], None)
    assert [pair[0] for pair in stream.flow()] == ["x"]
    assert not stream.ended
    assert stream.wanted() == ["far"]
    stream.take("far", [], None)
    assert stream.ended


@pytest.mark.parametrize("names", [[], ["a"]])
def test_a_confluence_of_nothing_ends(names: list[str]) -> None:
    """No node holds anything, or none can be read."""
    stream = Merge(names, "k")
    for name in stream.wanted():
        stream.take(name, [], None)
    assert stream.flow() == []
    assert stream.ended
    assert stream.position == "k"
