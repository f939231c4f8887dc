"""Lines: cut as every shell cuts them, and never in a way that loses a word."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.config import MIB
from kvcluster.shell.line import Unclosed, at_cursor, commands, quoted

TEXT = st.text(alphabet="ab #'\"\\\tế>|", max_size=12)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def _words(text: str) -> list[list[str]]:
    return [[word.text for word in command] for command in commands(text)]


@given(TEXT)
def test_a_line_is_cut_as_shlex_cuts_it(text: str) -> None:
    """shlex is the twin that reads by the character and does not say where a word stands."""
    if text.lstrip(" \t").startswith("#"):
        assert commands(text) == []
        return
    try:
        right = shlex.split(text)
    except ValueError:
        with pytest.raises(Unclosed):
            commands(text)
        return
    assert _words(text) == ([right] if right else [])


@given(TEXT)
def test_a_word_stands_where_it_says(text: str) -> None:
    """Completion replaces what stands there."""
    before, typed = at_cursor(text)
    assert typed.end == len(text)
    if text.lstrip(" \t").startswith("#"):
        return
    cut = text[: typed.start]
    assert (shlex.split(cut) if cut.strip() else []) == before
    if typed.bare:
        assert text[typed.start :] == typed.text


@given(ANY)
def test_a_word_that_was_quoted_is_read_back(text: str) -> None:
    """A key with spaces, quotes, dashes or line ends is completed as it is."""
    assert _words(f"get {quoted(text)}") == [["get", text]]
    assert not commands(f"get {quoted(text)}")[0][1].for_another_shell


def test_quotes_stand_only_where_they_are_needed() -> None:
    """A key of another language is no reason for them."""
    assert quoted("thủ-đô/1") == "thủ-đô/1"
    assert quoted("my key") == "'my key'"
    assert quoted("") == "''"
    assert quoted("#1") == "'#1'"


def test_a_long_value_is_read_back() -> None:
    """Cut by the character it would take seconds, and a pattern may run out of its stack."""
    value = ('it\'s \\ "so" ' * 50_000)[: MIB // 4]
    ((_, _, word),) = commands(f"put k {quoted(value)}")
    assert word.text == value
    doubly = value.replace("\\", "\\\\").replace('"', '\\"')
    ((_, _, word),) = commands(f'put k "{doubly}"')
    assert word.text == value


def test_lines_that_were_pasted_are_commands_of_their_own() -> None:
    """But a line end in quotes belongs to the value, and a comment may have an apostrophe."""
    text = "put a 1\n\n  # don't\nput b 'two\nlines'\n# it's\n"
    assert _words(text) == [["put", "a", "1"], ["put", "b", "two\nlines"]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("put a 'b c", "A quote is not closed: 'b c"),
        ('put a "b', 'A quote is not closed: "b'),
        ("put a b\\", "Nothing stands behind the backslash: b\\\\"),
    ],
)
def test_what_is_not_closed_is_named(text: str, sentence: str) -> None:
    """Nobody finds it in a long line otherwise."""
    with pytest.raises(Unclosed) as raised:
        commands(text)
    assert str(raised.value) == sentence


def test_only_a_bare_word_is_for_another_shell() -> None:
    """In quotes it is a key like any other."""
    ((_, key, arrow, other, _),) = commands("get a>b > '>' ->")
    assert not key.for_another_shell
    assert arrow.for_another_shell
    assert not other.for_another_shell


@pytest.mark.parametrize(
    ("text", "before", "typed"),
    [
        ("", [], ""),
        ("ge", [], "ge"),
        ("get ", ["get"], ""),
        ("get 'my k", ["get"], "my k"),
        ("get a\\ ", ["get"], "a "),
        ("get a\nput b", ["put"], "b"),
        ("get a\n", [], ""),
    ],
)
def test_the_word_at_the_cursor_is_found(text: str, before: list[str], typed: str) -> None:
    """Also in a quote that is still open, and in the last of several lines."""
    found, word = at_cursor(text)
    assert (found, word.text) == (before, typed)
