"""What an import reads: chunks that lose nothing, bookmarks that prove their place."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.commands.bulk import chunks
from kvcluster.commands.bulk.bookmark import Bookmark, difference, from_text, to_text
from kvcluster.commands.bulk.chunks import Chunk, JsonLines, Object
from kvcluster.commands.bulk.pairs import BadPair, Pair, to_line

_ABOUT = {"command": "import", "format": "jsonl", "nodes": "localhost:1"}


def _raise(bad: BadPair) -> None:
    raise bad


def _lines(data: bytes) -> JsonLines:
    return JsonLines(io.BytesIO(data), len(data), _ABOUT)


def _file(pairs: Sequence[tuple[str, str]]) -> bytes:
    return b"".join(to_line(*pair) for pair in pairs)


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_CHUNK_PAIRS", 3)


def _stored(chunks: Iterator[Chunk]) -> dict[str, str]:
    stored: dict[str, str] = {}
    for chunk in chunks:
        stored |= {key: pair.value for key, pair in chunk.pairs.items()}
    return stored


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.text("xyz", max_size=2)), max_size=30))
def test_chunks_together_are_the_file(pairs: list[tuple[str, str]]) -> None:
    """A key that stands twice has its last value."""
    assert _stored(_lines(_file(pairs)).chunks(_raise)) == dict(pairs)
    assert _stored(Object(json.dumps(dict(pairs)).encode(), _ABOUT).chunks(_raise)) == dict(pairs)


@pytest.mark.usefixtures("_small_chunks")
@pytest.mark.parametrize("stop_at", range(5))
def test_from_every_bookmark_the_rest_is_what_remains(stop_at: int) -> None:
    """Nothing twice, nothing left out, and line numbers go on."""
    data = b"\n" + _file([(f"k{n}", str(n)) for n in range(10)])
    before = list(_lines(data).chunks(_raise))[: stop_at + 1]
    mark = before[-1].end
    assert mark is not None
    after = _lines(data)
    assert after.go_on(mark)
    rest = list(after.chunks(_raise))
    stored = _stored(iter([*before, *rest]))
    assert stored == {f"k{n}": str(n) for n in range(10)}
    assert not any(it.pairs.keys() & other.pairs.keys() for it in before for other in rest)
    numbers = {key: it for chunk in [*before, *rest] for key, it in chunk.numbers.items()}
    assert numbers == {f"k{n}": n + 2 for n in range(10)}
    last = rest[-1].end
    assert last is not None
    assert (last.done, last.keys) == (len(data), 10)


def _mark(data: bytes) -> Bookmark:
    mark = next(_lines(data).chunks(_raise)).end
    assert mark is not None
    return mark


def test_a_file_whose_beginning_was_touched_is_not_gone_on_with() -> None:
    """One byte is enough; it is then read from the beginning, all of it."""
    data = _file([("a", "1"), ("b", "2")])
    touched = data.replace(b'"1"', b'"7"')
    lines = _lines(touched)
    assert not lines.go_on(_mark(data))
    assert _stored(lines.chunks(_raise)) == {"a": "7", "b": "2"}


@pytest.mark.parametrize("cut", [0, 5, 23])
def test_a_file_that_is_shorter_is_not_gone_on_with(cut: int) -> None:
    """Or the rest of another file would be taken for its own."""
    data = _file([("a", "1")])
    assert not _lines(data[:cut]).go_on(_mark(data))


def test_a_file_that_was_added_to_is_gone_on_with() -> None:
    """What stands before the place is what was stored."""
    data = _file([("a", "1")])
    lines = _lines(data + _file([("b", "2")]))
    assert lines.go_on(_mark(data))
    assert _stored(lines.chunks(_raise)) == {"b": "2"}


def test_all_before_a_bad_line_comes_before_the_complaint() -> None:
    """And once it is mended, the bookmark leads to it."""
    good = _file([("a", "1"), ("b", "2")])
    read = _lines(good + b"nonsense\n" + _file([("c", "3")])).chunks(_raise)
    first = next(read)
    assert first.pairs == {"a": Pair("a", "1"), "b": Pair("b", "2")}
    assert first.end is not None
    assert (first.end.number, first.end.done) == (2, len(good))
    with pytest.raises(BadPair) as bad:
        next(read)
    assert bad.value.number == 3


def test_bad_lines_may_be_passed_over() -> None:
    """Each is told, the good ones between them are kept."""
    bad: list[int] = []
    data = b"x\n" + _file([("a", "1")]) + b"[]\n\n" + _file([("b", "2")]) + b'{"key'
    stored = _stored(_lines(data).chunks(lambda it: bad.append(it.number)))
    assert (stored, bad) == ({"a": "1", "b": "2"}, [1, 3, 6])


def test_a_line_without_end_is_refused_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of zeros must not fill the memory; what comes after the line is read as usual."""
    monkeypatch.setattr(chunks, "_LINE_LIMIT_BYTES", 64)
    bad: list[str] = []
    data = b"\0" * 1000 + b"\n" + _file([("a", "1")])
    lines = _lines(data)
    stored = _stored(lines.chunks(lambda it: bad.append(f"{it.number} {it}")))
    assert (stored, bad) == ({"a": "1"}, ["1 is longer than 64 bytes"])


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    """Some editors put one there."""
    data = b"\xef\xbb\xbf" + _file([("a", "1")])
    assert _stored(_lines(data).chunks(_raise)) == {"a": "1"}


@pytest.mark.usefixtures("_small_chunks")
def test_an_object_is_gone_on_with_if_it_is_the_same() -> None:
    """Its bookmark counts pairs."""
    data = json.dumps({f"k{n}": str(n) for n in range(5)}).encode()
    mark = next(Object(data, _ABOUT).chunks(_raise)).end
    assert mark is not None
    again = Object(data, _ABOUT)
    assert again.go_on(mark)
    assert _stored(again.chunks(_raise)) == {"k3": "3", "k4": "4"}
    assert not Object(data + b"\n", _ABOUT).go_on(mark)


def test_all_before_a_bad_pair_of_an_object_is_kept() -> None:
    """As with lines."""
    read = Object(b'{"a": "1", "b": 2, "c": "3"}', _ABOUT).chunks(_raise)
    assert next(read).pairs == {"a": Pair("a", "1")}
    with pytest.raises(BadPair) as bad:
        next(read)
    assert (bad.value.number, str(bad.value)) == (2, 'has under the key "b" a number, not a string')


def test_a_bookmark_is_read_back() -> None:
    """Whatever its key is."""
    mark = Bookmark(10, 2, 2, "abc", "thủ\nđô", _ABOUT)
    assert from_text(to_text(mark)) == mark


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", to_text(Bookmark(-1, 2, 2, "abc", "k", _ABOUT)), '{"done": 1}'],
)
def test_what_is_no_bookmark_is_none(text: str) -> None:
    """A torn or foreign file leads nowhere, least of all into the middle."""
    assert from_text(text) is None


def test_what_differs_is_named() -> None:
    """Other nodes are another cluster, as far as anybody knows."""
    mark = Bookmark(10, 2, 2, "abc", "k", _ABOUT)
    assert difference(mark, _ABOUT) == ""
    assert difference(mark, {**_ABOUT, "nodes": "h:2"}) == "it began with nodes localhost:1"
