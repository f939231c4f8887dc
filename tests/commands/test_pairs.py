"""Pairs as text: what is read back, what is refused, and with which clause."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.commands.bulk.formats import BadFile, Format, by_sight, promised
from kvcluster.commands.bulk.pairs import (
    BadPair,
    Pair,
    check_pair,
    parse_line,
    parse_object,
    to_line,
    to_member,
)
from kvcluster.console.screen import as_line

_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_TIME = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1))
_KEY = _TEXT.filter(bool)
_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""What Unicode calls the characters that turn the direction of writing."""


@given(_KEY, _TEXT)
def test_a_line_is_read_back_as_it_was(key: str, value: str) -> None:
    """Quotes, line ends, emoji, NUL."""
    line = to_line(key, value)
    assert line.count(b"\n") == 1
    assert parse_line(line, 1) == Pair(key, value)


@given(_KEY, _TEXT, _TIME)
def test_when_a_key_expires_is_read_back_to_the_millisecond(
    key: str, value: str, time: datetime
) -> None:
    """Nodes count in such."""
    time = time.replace(microsecond=time.microsecond // 1000 * 1000, tzinfo=timezone.utc)
    line = to_line(key, value, time)
    assert line.count(b'"expires_at":"') >= 1
    assert parse_line(line, 1) == Pair(key, value, time)


@pytest.mark.parametrize("said", ["2030-01-31T12:00:00Z", "2030-01-31T19:00:00.000+07:00"])
def test_a_time_may_be_of_any_zone(said: str) -> None:
    """It says which."""
    line = json.dumps({"key": "a", "value": "1", "expires_at": said}).encode()
    noon = datetime(2030, 1, 31, 12, tzinfo=timezone.utc)
    assert parse_line(line, 1) == Pair("a", "1", noon)
    assert parse_line(b'{"key": "a", "value": "1", "expires_at": null}', 1) == Pair("a", "1")


@pytest.mark.parametrize("said", ["soon", "2030-01-31T12:00:00", "", 1900000000, True, ["x"]])
def test_a_time_that_is_none_is_refused(said: object) -> None:
    """A key that would live for ever is no key that expires."""
    line = json.dumps({"key": "a", "value": "1", "expires_at": said}).encode()
    with pytest.raises(BadPair, match='has an "expires_at" that is no time with a zone'):
        parse_line(line, 1)


@given(_KEY, _TEXT, st.sampled_from(["key", "value"]), _TEXT, st.integers(0, 2))
def test_no_field_is_taken_for_another_that_stands_twice(
    key: str, value: str, name: str, other: str, place: int
) -> None:
    """Nor is one that stands once, whatever quotes are in it."""
    pairs = [("key", key), ("value", value)]
    once = ",".join(f"{json.dumps(it)}:{json.dumps(text)}" for it, text in pairs)
    assert parse_line(f"{{{once}}}".encode(), 1) == Pair(key, value)
    pairs.insert(place, (name, other))
    twice = ",".join(f"{json.dumps(it)}:{json.dumps(text)}" for it, text in pairs)
    with pytest.raises(BadPair):
        parse_line(f"{{{twice}}}".encode(), 1)


@given(st.lists(st.tuples(_KEY, _TEXT), max_size=4))
def test_members_make_an_object(pairs: list[tuple[str, str]]) -> None:
    """A pair a line, in the form of a node's file."""
    text = b"{\n" + b",\n".join(to_member(*pair) for pair in pairs) + b"\n}\n"
    assert dict(parse_object(text)) == dict(pairs)
    assert text.count(b"\n") == max(len(pairs), 1) + 2


@given(_KEY, _TEXT | st.text("a\\u\x85\u2028\u2029\u202a\u202e\u2066\u2069", max_size=8))
def test_a_scanned_line_is_one_line_with_one_tab(key: str, value: str) -> None:
    """Two columns, whatever the pair is, and nothing is lost in them."""
    line = f"{as_line(key)}\t{as_line(value)}"
    assert len(line.splitlines()) == 1
    assert not {unicodedata.bidirectional(c) for c in line} & _TURNS
    assert not any(ord(c) < 32 and c != "\t" for c in line)
    assert line.count("\t") == 1
    back = [_unescaped(column) for column in line.split("\t")]
    assert back == [key, value]


def _unescaped(column: str) -> str:
    whole = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}

    def one(found: re.Match[str]) -> str:
        return whole[found[0][1]] if len(found[0]) == 2 else chr(int(found[0][2:], 16))

    return re.sub(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|.)", one, column)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"key": "a", "val', "is not JSON: unexpected end of data at column"),
        (b"\xff", "is not UTF-8: byte 0xff at column 1"),
        ('{"key": "é", "value": "'.encode() + b"\xe9", "is not UTF-8: byte 0xe9 at column 24"),
        (b'{"key": "\xed\xa0\xbc', "is not UTF-8: byte 0xed at column 10"),
        (b'{"key": "\\ud800", "value": "x"}', "is not JSON"),
        (b"[1]", "is a list; want"),
        (b"5", "is a number; want"),
        (b'{"value": "1"}', 'has no "key"'),
        (b'{"key": "a"}', 'has no "value"'),
        (b'{"key": 7, "value": "1"}', 'has a "key" that is a number, not a string'),
        (b'{"key": "a", "value": null}', 'has a "value" that is null, not a string'),
        (b'{"key": "a", "value": {}}', 'has a "value" that is an object, not a string'),
        (b'{"key": "", "value": "1"}', 'has a "key" that is empty'),
        (b'{"key": "a", "value": "1", "ttl": 5}', 'has "ttl" beside "key" and "value"'),
        (b'{"key": "a", "value": "1", "value": "2"}', 'has "value" twice, of which only one'),
        (b'{"key": "a", "key": "a", "value": "1"}', 'has "key" twice'),
        (b'{"key": 1, "value": "1", "k\\u0065y": "a"}', 'has "key" twice'),
        (b'{"value": ' + b"[" * 1010 + b"]" * 1010 + b', "key": "a", "value": "1"}', "has "),
    ],
)
def test_a_bad_line_is_refused_by_a_clause(line: bytes, why: str) -> None:
    """It goes on after "line 7 ", so a person knows what to mend."""
    with pytest.raises(BadPair) as bad:
        parse_line(line, 7)
    assert str(bad.value).startswith(why)
    assert bad.value.number == 7


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"a": "1",', "is not JSON"),
        (b"[]", "is a list; want one flat object"),
        (b'{"key": "a", "value": "1"}\n{"key"', "say --format jsonl"),
        (
            '{"a": "é",\n "b": "é'.encode() + b"\xe9",
            "is not UTF-8: byte 0xe9 at column 9 in line 2",
        ),
    ],
)
def test_a_file_that_is_no_object_is_refused(data: bytes, why: str) -> None:
    """JSON Lines under a wrong name most of all."""
    with pytest.raises(BadFile) as bad:
        parse_object(data)
    assert why in str(bad.value)


@pytest.mark.parametrize(("key", "value"), [("", "1"), ("a", 1), ("a", True), ("a", None)])
def test_a_pair_of_an_object_is_checked(key: str, value: object) -> None:
    """What is no string is not made one."""
    with pytest.raises(BadPair):
        check_pair(key, value, 1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.json", Format.JSON), ("a.JSONL", Format.JSONL), ("a.ndjson", Format.JSONL), ("a", None)],
)
def test_a_name_may_tell_the_format(name: str, kind: Format | None) -> None:
    """Or say nothing."""
    assert promised(name, None).format is kind


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b'{"key": "a", "value": "1"}\n', Format.JSONL),
        (b'\n\n{ "value": "' + b"x" * 1000, Format.JSONL),
        (b'{\n  "key": "a"\n}', Format.JSON),
        (b'\xef\xbb\xbf{"a": "1"}', Format.JSON),
        (b"", Format.JSONL),
    ],
)
def test_a_beginning_tells_the_format(beginning: bytes, kind: Format) -> None:
    """An object with the key "key" as well as a line that goes on for long."""
    assert by_sight(beginning) is kind


def test_what_is_written_is_plain_json() -> None:
    """For every other program, and UTF-8 as it was."""
    assert json.loads(to_line("thủ đô", "Hà Nội")) == {"key": "thủ đô", "value": "Hà Nội"}
    assert "thủ đô".encode() in to_member("thủ đô", "Hà Nội")
