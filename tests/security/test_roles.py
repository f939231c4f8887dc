"""The file of tokens is taken as a whole, or refused with what is wrong and where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kvcluster.security.roles import May, Named, Role, Tokens

GOOD: dict[str, Any] = {
    "name": "billing",
    "sha256": "aB" * 32,
    "roles": [{"prefix": "bill/", "may": "write"}],
    "expires": "2027-01-01T00:00:00Z",
}


def read(*entries: Any) -> Tokens:
    """A file with these."""
    return Tokens.of(json.dumps(entries))


def test_a_token_is_found_by_its_hash() -> None:
    """Whatever case the file has it in."""
    found = read(GOOD).with_token("ab" * 32)
    assert found == Named("billing", (Role("bill/", May.WRITE),), 1_798_761_600.0)
    assert read(GOOD).with_token("cd" * 32) is None
    assert len(read(GOOD)) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expire": "2027-01-01T00:00:00Z"}, "'expire' means nothing here"),
        ({"expires": "2027-01-01"}, "has no zone"),
        ({"expires": "soon"}, "no time"),
        ({"expires": 7}, "no time"),
        ({"expires": None}, "no time"),
        ({"sha256": "token"}, "64 hexadecimal digits"),
        ({"sha256": None}, "64 hexadecimal digits"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "printable"),
        ({"roles": "write"}, "no list"),
        ({"roles": [{"prefix": "a"}]}, "no 'may'"),
        ({"roles": [{"prefix": "a", "may": "own"}]}, "'own', which is none of read, write, admin"),
        ({"roles": [{"prefix": 7, "may": "read"}]}, "a prefix is no text"),
        ({"roles": [{"prefix": "a", "may": "read", "until": 1}]}, "'until' means nothing"),
        ({"roles": ["write"]}, "no object"),
    ],
)
def test_a_slip_makes_it_no_file(change: dict[str, Any], words: str) -> None:
    """A slip in "expires" would make a token good for ever."""
    with pytest.raises(ValueError, match=r"entry 2: .*" + words):
        read({"name": "first", "roles": []}, {**GOOD, **change})


@pytest.mark.parametrize(
    "text", ["", "{}", "7", '[{"name": "a", "name": "b", "roles": []}]', "[7]"]
)
def test_what_is_no_list_of_entries_is_refused(text: str) -> None:
    """Half a file, as one that is being written, is none."""
    with pytest.raises(ValueError, match=r"."):
        Tokens.of(text)


def test_a_token_stands_there_once_and_a_name_may_several_times() -> None:
    """Two tokens of one name: while one replaces the other. One token of two names: a mistake."""
    with pytest.raises(ValueError, match="twice"):
        read(GOOD, {**GOOD, "name": "other"})
    reader = {"name": "billing", "roles": [{"prefix": "cfg/", "may": "read"}]}
    tokens = read(GOOD, reader, {**GOOD, "sha256": "cd" * 32})
    assert tokens.with_token("cd" * 32) == tokens.with_token("ab" * 32)
    both = tokens.with_name("billing", 0.0)
    assert both
    assert both.may(May.READ, "cfg/1")
    assert both.may(May.WRITE, "bill/1")
    later = tokens.with_name("billing", 2e9)
    assert later
    assert not later.may(May.WRITE, "bill/1")
    assert tokens.with_name("other", 0.0) is None
