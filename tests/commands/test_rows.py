"""CSV and compressed files: what other tools read and write, and what none of ours is."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.commands.bulk.chunks import Rows
from kvcluster.commands.bulk.formats import Format
from kvcluster.commands.bulk.part import Part
from kvcluster.commands.bulk.rows import HEADER, BadRow, columns, parse_row, read_row, to_row
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Program

_ODD = 'a",b\n\r\t\\ \x0b\u2028Ạ🌱'
_TEXT = st.text(st.sampled_from(_ODD), max_size=8)
_PAIRS = {
    "city": "Hà Nội",
    "comma,": 'a "quoted" word',
    "lines": "one\ntwo\r\nthree\rfour",
    "empty": "",
    "number": "007",
    " space ": " x ",
    "null": "NA",
}


@given(st.lists(st.tuples(_TEXT.filter(bool), _TEXT), max_size=6))
def test_rows_are_read_back_as_they_were(pairs: Sequence[tuple[str, str]]) -> None:
    """Whatever is in them: by us, and by Python's own module from the whole file."""
    data = HEADER + b"".join(to_row(*pair) for pair in pairs)
    file = io.BytesIO(data)
    places = columns(read_row(file.readline, 1_000))
    rows = iter(lambda: read_row(file.readline, 1_000), b"")
    assert [parse_row(row, places) for row in rows] == list(pairs)
    table = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert table == [["key", "value"], *map(list, pairs)]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b"a\n", "has 1 field; want a key and a value"),
        (b"a,b,c\n", "has 3 fields; want a key and a value"),
        (b",b\n", "has an empty key"),
        (b'"a,b\n', "has a quote that is not closed"),
        (b'"a"b,c\n', "is not CSV: "),
        (b"a,\xff\n", "is not UTF-8: byte 0xff at byte 3"),
    ],
)
def test_a_bad_row_is_refused_by_a_clause(row: bytes, why: str) -> None:
    """It goes on after "line 7 "."""
    with pytest.raises(BadRow) as bad:
        parse_row(row, (0, 1))
    assert str(bad.value).startswith(why)


@pytest.mark.parametrize("name", ["all.csv", "all.csv.gz", "all.jsonl.gz", "all.json.gz"])
def test_what_is_exported_and_imported_is_the_same_again(
    cluster: FakeCluster, client: Program, tmp_path: Path, name: str
) -> None:
    """In each of the forms that a name may ask for."""
    cluster.store.update(_PAIRS)
    file = str(tmp_path / name)
    assert client("export", file, "--cluster", cluster.members).code == 0
    cluster.store.clear()
    ended = client("import", file, "--cluster", cluster.members)
    assert (ended.code, ended.err) == (0, "")
    assert cluster.store == _PAIRS


def test_pandas_reads_what_export_writes(
    cluster: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """The tool that most of those have who take data out of a store."""
    cluster.store.update(_PAIRS)
    for name in ("all.csv", "all.csv.gz"):
        file = tmp_path / name
        assert client("export", str(file), "--cluster", cluster.members).code == 0
        table = pandas.read_csv(file, dtype=str, keep_default_na=False)
        assert dict(zip(table["key"], table["value"], strict=True)) == _PAIRS
    lines = tmp_path / "all.jsonl.gz"
    assert client("export", str(lines), "--cluster", cluster.members).code == 0
    table = pandas.read_json(lines, lines=True, dtype=False)
    assert dict(zip(table["key"], table["value"], strict=True)) == _PAIRS


def test_what_pandas_writes_is_imported(
    cluster: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """Its columns in the other order, its line ends those of Windows."""
    file = tmp_path / "all.csv.gz"
    table = pandas.DataFrame({"value": list(_PAIRS.values()), "key": list(_PAIRS)})
    table.to_csv(file, index=False, lineterminator="\r\n")
    assert client("import", str(file), "--cluster", cluster.members).code == 0
    assert cluster.store == _PAIRS


def test_a_csv_is_known_by_its_header(
    cluster: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """The name says nothing; with the mark of Excel in front."""
    file = tmp_path / "table"
    file.write_bytes(b"\xef\xbb\xbfkey,value\r\na,1\r\n\r\n")
    assert client("import", str(file), "--cluster", cluster.members).code == 0
    assert cluster.store == {"a": "1"}


def test_a_bad_row_is_named_by_its_line(
    cluster: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """Rows of several lines count as so many."""
    file = tmp_path / "all.csv"
    file.write_text('key,value\na,"1\n2"\nb,2,3\n')
    ended = client("import", str(file), "--cluster", cluster.members)
    assert ended.code == 2
    assert f"Line 4 of {file} has 3 fields; want a key and a value." in ended.err
    assert cluster.store == {"a": "1\n2"}
    file.write_text('key,value\na,"1\n2"\nb,2\n')
    ended = client("import", str(file), "--cluster", cluster.members)
    assert "Going on from line 4" in ended.err
    assert cluster.store == {"a": "1\n2", "b": "2"}


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("a,1", ""),
        ("key;value", ": columns are separated by commas here, not by semicolons"),
        ("key\tvalue", ": columns are separated by commas here, not by tabs"),
        ("Key, Value", ": the names are in small letters, without spaces"),
        (",key,value", ": what stands in other columns than these two cannot be stored"),
    ],
)
def test_a_file_without_a_header_is_refused(
    client: Program, tmp_path: Path, header: str, hint: str
) -> None:
    """Its first pair would be lost; and of a spreadsheet's habits each is told by its name."""
    file = tmp_path / "été.csv"
    file.write_text(f"{header}\nx,1\n")
    ended = client("import", str(file), "--node", "h:1")
    assert ended.code == 2
    shown = header.replace("\t", "\\t")
    assert ended.err == (
        f'{file} has no header "key,value"; its first line is "{shown}"{hint}.\n'
        "It ends here, with 0 keys stored.\n"
    )


@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx", "a.csv.zip", "a.tsv.gz", "a.jsonl.bz2"])
@pytest.mark.parametrize("command", ["import", "export"])
def test_what_cannot_be_done_is_refused_with_what_can(
    client: Program, tmp_path: Path, command: str, name: str
) -> None:
    """An export under such a name would be found out a year later."""
    file = tmp_path / name
    ended = client(command, str(file), "--node", "h:1")
    assert ended.code == 2
    assert "JSON Lines (.jsonl), JSON (.json) and CSV (.csv), each of them also" in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"key": "a", "value": "1"}\n', "is not compressed by gzip, or damaged"),
        (gzip.compress(b'{"key": "a", "value": "1"}\n', mtime=0)[:-12], "ends too early"),
        (gzip.compress(b'{"key": "a"}\n', mtime=0)[:12] + b"\xff" * 40, "damaged"),
    ],
)
def test_a_damaged_file_is_called_so(
    client: Program, tmp_path: Path, data: bytes, why: str
) -> None:
    """Half a download, most often."""
    file = tmp_path / "all.jsonl.gz"
    file.write_bytes(data)
    ended = client("import", str(file), "--node", "h:1")
    assert ended.code == 2
    assert why in ended.err


@pytest.mark.parametrize("kind", [Format.JSONL, Format.CSV, Format.JSON])
def test_what_is_compressed_is_gone_on_with_behind_its_last_page(
    tmp_path: Path, kind: Format
) -> None:
    """Each page is a member of its own; what stands behind it is cut off."""
    file = tmp_path / "all.gz"
    plain = tmp_path / "all"
    pairs = [(f"k{number:02}", str(number)) for number in range(20)]
    broken_off = Part(file, kind, {}, packed=True)
    broken_off.begin()
    for pair in pairs[:7]:
        broken_off.write(*pair)
    mark = broken_off.mark()
    broken_off.write("k99", "of a page that did not end")
    broken_off.mark()
    broken_off.close()
    for name, packed, left in ((file, True, pairs[7:]), (plain, False, pairs)):
        part = Part(name, kind, {}, packed=packed)
        assert part.go_on(mark) is packed
        part.begin()
        for pair in left:
            part.write(*pair)
        part.install()
    assert gzip.decompress(file.read_bytes()) == plain.read_bytes()


@pytest.mark.parametrize("stop_at", range(4))
def test_from_every_bookmark_the_rest_is_what_remains(stop_at: int) -> None:
    """With the header, which stands before all of them."""
    pairs = {f"k{number}": f"{number}\n" for number in range(4)}
    data = b"\xef\xbb\xbf" + HEADER + b"".join(to_row(*pair) for pair in pairs.items())
    place = len(b"\xef\xbb\xbf" + HEADER) + sum(
        len(to_row(*pair)) for pair in list(pairs.items())[:stop_at]
    )
    about = {"command": "import"}

    def fail(bad: Exception) -> None:
        raise bad

    before = Rows(io.BytesIO(data[:place]), None, about)
    (*_, last) = before.chunks(fail)
    assert last.end is not None
    after = Rows(io.BytesIO(data), None, about)
    assert after.go_on(last.end)
    left: dict[str, str] = {}
    for chunk in after.chunks(fail):
        left |= {key: pair.value for key, pair in chunk.pairs.items()}
    assert left == dict(list(pairs.items())[stop_at:])
