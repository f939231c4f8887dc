"""Bytes and text as they stand in the store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.client.values import (
    BYTES_PREFIX,
    TEXT_PREFIX,
    as_bytes,
    longest_given,
    original,
    plain,
    stored,
)

_LIKE_ONE = st.sampled_from((BYTES_PREFIX, TEXT_PREFIX, "data:", BYTES_PREFIX * 2))
_TEXTS = st.text() | st.builds(str.__add__, _LIKE_ONE, st.text("ABCab+/=") | st.text())


@given(_TEXTS | st.binary())
def test_every_value_comes_back_as_what_it_was(value: str | bytes) -> None:
    """A text that looks like stored bytes stays a text, bytes stay bytes."""
    assert original(stored(value)) == value


@given(_TEXTS)
def test_a_text_is_never_read_as_something_else(value: str) -> None:
    """Who asks for text, or for its bytes, gets those of what was put."""
    assert plain(stored(value)) == value
    assert as_bytes(stored(value)) == value.encode()


@given(_TEXTS)
def test_no_stored_text_makes_a_read_fail(text: str) -> None:
    """Another program may have stored anything, a data URL that is cut for instance."""
    assert isinstance(original(text), str | bytes)
    assert isinstance(as_bytes(text), bytes)


@pytest.mark.parametrize(
    "text",
    [
        "data:;base64,AA",
        "data:;base64,AB==",
        "data:;base64,A A=",
        "data:;base64,é",
        "data:image/png;base64,AAAA",
        "data:;charset=utf-8;base64,AAAA",
        "data:;charset=utf-8;base64,/w==",
        "data:;charset=utf-8;base64,",
    ],
)
def test_what_we_would_not_have_written_is_plain_text(text: str) -> None:
    """Cut, spelled in another way, or no text that needed it: it is read as it stands."""
    assert original(text) == text


def test_stored_bytes_say_what_they_are() -> None:
    """The form is that of RFC 2397, for readers in any language."""
    assert stored(b"\x89PNG") == "data:;base64,iVBORw=="


@pytest.mark.parametrize("limit_bytes", [*range(13, 40), 1_048_576])
def test_the_longest_bytes_just_fit(limit_bytes: int) -> None:
    """One byte more than the limit that is told would be refused."""
    longest = longest_given(BYTES_PREFIX, limit_bytes)
    assert len(stored(b"x" * longest)) <= limit_bytes
    assert len(stored(b"x" * (longest + 1))) > limit_bytes
