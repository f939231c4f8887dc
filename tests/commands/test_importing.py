"""client.py import: what is stored, what is said, and from where the next run goes on."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
from pathlib import Path

import grpc
import pytest

from kvcluster.commands.bulk import bookmark, chunks
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Program

from demo_pb2 import Failure

_PAIRS = {f"k{number:02}": f"value {number}" for number in range(20)}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that twenty lines are many chunks."""
    monkeypatch.setattr(chunks, "_CHUNK_PAIRS", 4)


def _write(file: Path, pairs: dict[str, str]) -> Path:
    file.write_text(
        "".join(json.dumps({"key": k, "value": v}) + "\n" for k, v in pairs.items()),
        encoding="utf-8",
    )
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Twenty lines."""
    return _write(tmp_path / "pairs.jsonl", _PAIRS)


def _refuse(cluster: FakeCluster, key: str) -> None:
    why = "the value 'x' is 2,000,000 bytes long, allowed are 0 to 1,048,576"
    failure = Failure(code=3, message=why, nothing_written=True, reason="BAD_REQUEST")
    for node in cluster.nodes:
        node.refuses[key] = [failure] * 9


def test_all_lines_are_stored_and_the_bookmark_is_gone(
    cluster: FakeCluster, client: Program, file: Path
) -> None:
    """And how fast it was is told."""
    ended = client("import", str(file), "--cluster", cluster.members)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("imported 20 keys in ")
    assert cluster.store == _PAIRS
    assert list(file.parent.iterdir()) == [file]


def test_json_tells_what_was_done(cluster: FakeCluster, client: Program, file: Path) -> None:
    """For the script that called it."""
    said = json.loads(client("import", str(file), "-o", "json", "--cluster", cluster.members).out)
    seconds = said.pop("seconds")
    assert seconds >= 0
    assert said == {"file": str(file), "keys": 20, "keys_now": 20, "left_out": 0}


def test_a_file_of_a_node_is_imported(
    cluster: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """One flat JSON object, a pair a line."""
    file = tmp_path / "data_node_50051.json"
    file.write_text(json.dumps(_PAIRS, indent=2))
    assert client("import", str(file), "--cluster", cluster.members).code == 0
    assert cluster.store == _PAIRS


def test_standard_input_is_imported(
    cluster: FakeCluster, client: Program, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a pipe; there is nothing to go on with, and no word of it."""
    read, write = os.pipe()
    os.write(write, file.read_bytes())
    os.close(write)
    with os.fdopen(read) as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        ended = client("import", "-", "--cluster", cluster.members)
    assert (ended.code, ended.err) == (0, "")
    assert cluster.store == _PAIRS


def test_the_last_of_two_values_wins(cluster: FakeCluster, client: Program, tmp_path: Path) -> None:
    """Also when they are chunks apart and chunks travel together."""
    lines = [json.dumps({"key": f"k{n % 3}", "value": str(n)}) for n in range(30)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    assert client("import", str(tmp_path / "a.jsonl"), "--cluster", cluster.members).code == 0
    assert cluster.store == {"k0": "27", "k1": "28", "k2": "29"}


def test_a_bad_line_is_named_and_all_before_it_is_stored(
    cluster: FakeCluster, client: Program, file: Path
) -> None:
    """Mended, the file is continued just there."""
    lines = file.read_text().splitlines()
    good, lines[13] = lines[13], lines[13][:-5]
    file.write_text("\n".join(lines))
    ended = client("import", str(file), "--cluster", cluster.members)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"Line 14 of {file} is not JSON: ")
    assert "Everything before it is stored" in ended.err
    assert {key: cluster.store[key] for key in list(_PAIRS)[:13]} == dict(list(_PAIRS.items())[:13])
    lines[13] = good
    file.write_text("\n".join(lines))
    writes = sum(len(node.written) for node in cluster.nodes)
    again = client("import", str(file), "--cluster", cluster.members)
    assert again.code == 0
    assert again.err == "Going on from line 14; 13 keys stored before.\n"
    assert again.out.startswith("imported 20 keys, 7 of them now, in ")
    assert cluster.store == _PAIRS
    assert sum(len(node.written) for node in cluster.nodes) - writes == 7


def test_a_line_that_the_cluster_refuses_is_named(
    cluster: FakeCluster, client: Program, file: Path
) -> None:
    """Only the nodes know their limits; the sentence is theirs, the number ours."""
    _refuse(cluster, "k10")
    ended = client("import", str(file), "--cluster", cluster.members)
    assert ended.code == 2
    assert f"Line 11 of {file} is refused: the value 'x' is 2,000,000 bytes" in ended.err
    assert set(list(_PAIRS)[:10]) <= set(cluster.store)


def test_bad_lines_may_be_left_out(cluster: FakeCluster, client: Program, file: Path) -> None:
    """Each is named, the others are stored, and the exit code tells that it was not all."""
    with file.open("a") as more:
        more.write("nonsense\n")
    _refuse(cluster, "k10")
    ended = client("import", str(file), "--skip-bad", "--cluster", cluster.members)
    assert ended.code == 1
    first, second, last = ended.err.splitlines()
    assert {first.split(" of ")[0], second.split(" of ")[0]} == {
        "left out: line 11",
        "left out: line 21",
    }
    assert last == "2 lines left out."
    assert ended.out.startswith("imported 19 keys in ")
    assert cluster.store == {key: it for key, it in _PAIRS.items() if key != "k10"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"a": 1}', 'Pair 1 of {} has under the key "a" a number, not a string'),
        ('{"a": "1"', "{} is not JSON: "),
        ('{"key": "a", "value": "1"}\n{"key": "b", "value": "2"}', "say --format jsonl"),
        ("[]", "{} is a list; want one flat object"),
    ],
)
def test_an_object_that_cannot_be_stored_is_refused(
    cluster: FakeCluster, client: Program, tmp_path: Path, text: str, complaint: str
) -> None:
    """With its place, and what would help."""
    file = tmp_path / "a.json"
    file.write_text(text)
    ended = client("import", str(file), "--cluster", cluster.members)
    assert (ended.code, ended.out) == (2, "")
    assert complaint.format(file) in ended.err


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv", "a"])
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (
            gzip.compress(b'{"a": "1"}', mtime=0),
            "is compressed by gzip, which import unpacks if its name ends in .gz",
        ),
        (bz2.compress(b'{"a": "1"}'), "is compressed by bzip2"),
        (lzma.compress(b'{"a": "1"}'), "is compressed by xz"),
        (b"PK\x03\x04", "is a zip archive"),
        ('{"a": "1"}'.encode("utf-16"), "is in UTF-16, and import takes UTF-8"),
        ('{"a": "1"}'.encode("utf-32"), "is in UTF-32"),
        ('{"a": "1"}'.encode("utf-16-le"), "seems to be in UTF-16"),
        ('["a"]'.encode("utf-16-be"), "seems to be in UTF-16"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_name(
    client: Program, tmp_path: Path, name: str, data: bytes, why: str
) -> None:
    """All of them were bad JSON at column 1, and with --skip-bad a thousand bad lines."""
    file = tmp_path / name
    file.write_bytes(data)
    for options in ([], ["--skip-bad"], ["--format", "jsonl"]):
        ended = client("import", str(file), *options)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(f"{file} {why}")
        assert ended.err.count("\n") == 1


@pytest.mark.parametrize("name", ["missing.jsonl", ".", "missing/a.json"])
def test_a_file_that_cannot_be_read_exits_with_2(
    client: Program, tmp_path: Path, name: str
) -> None:
    """Before any node is asked."""
    ended = client("import", str(tmp_path / name))
    assert (ended.code, ended.out) == (2, "")
    assert "cannot be read" in ended.err


@pytest.mark.parametrize("name", [".", "..", "/", "./", "x" * 300])
def test_what_can_be_no_file_is_refused_in_a_sentence(client: Program, name: str) -> None:
    """A path without a name of its own has no place beside it for a note of how far it came."""
    ended = client("import", name)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"{name} cannot be read: ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_imported(
    cluster: FakeCluster, client: Program, tmp_path: Path, text: str
) -> None:
    """Nothing to do is no error."""
    (tmp_path / "a").write_text(text)
    ended = client("import", str(tmp_path / "a"), "--cluster", cluster.members)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("imported 0 keys")


def _left_by_an_earlier_run(cluster: FakeCluster, client: Program, file: Path) -> None:
    """A bookmark behind the first twelve lines."""
    _refuse(cluster, "k12")
    assert client("import", str(file), "--cluster", cluster.members).code == 2
    for node in cluster.nodes:
        node.refuses.clear()
    assert bookmark.beside(file).exists()


@pytest.mark.parametrize("change", ["file", "cluster", "restart", "nodes", "rubbish"])
def test_where_going_on_would_be_wrong_it_begins_anew(
    cluster: FakeCluster, client: Program, file: Path, change: str
) -> None:
    """Another file, an emptied cluster, other nodes: what was done there is not done here."""
    _left_by_an_earlier_run(cluster, client, file)
    arguments, nodes, pairs = [], cluster.members, _PAIRS
    if change == "file":
        pairs = {**_PAIRS, "k00": "another"}
        _write(file, pairs)
    elif change == "nodes":
        nodes = cluster.addresses[0]
    elif change == "restart":
        arguments = ["--restart"]
    elif change == "rubbish":
        bookmark.beside(file).write_text('{"done": 1')
    cluster.store.clear()
    if change not in ("cluster", "rubbish"):
        cluster.store.update(dict(list(_PAIRS.items())[:12]))
    ended = client("import", str(file), *arguments, "--cluster", nodes)
    assert ended.code == 0
    assert ("It begins anew." in ended.err) == (change not in ("restart", "rubbish"))
    assert ended.out.startswith("imported 20 keys in ")
    assert cluster.store == pairs


def test_a_folder_that_cannot_be_written_is_told_and_no_obstacle(
    cluster: FakeCluster, client: Program, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mounted backup, say: what cannot be noted need not be, unless it is interrupted."""
    bookmark.beside(file).with_name(file.name + bookmark.SUFFIX + ".new").mkdir()
    ended = client("import", str(file), "--cluster", cluster.members)
    assert ended.code == 0
    assert "could not be noted" in ended.err
    assert cluster.store == _PAIRS


def test_a_node_that_goes_away_stops_nothing(
    cluster: FakeCluster, client: Program, file: Path
) -> None:
    """It is left for another, also where nobody knows what became of a put."""
    for method in ("Batch", "Put"):
        cluster.nodes[0].failures[method] = (grpc.StatusCode.UNAVAILABLE, "Socket closed")
    cluster.lose(1)
    ended = client("import", str(file), "--cluster", cluster.members)
    assert (ended.code, ended.err) == (0, "")
    assert cluster.store == _PAIRS


def test_without_a_node_it_ends_with_3_and_says_how_far_it_came(
    client: Program, file: Path, nobody: str
) -> None:
    """And that the same command goes on."""
    ended = client("import", str(file), "--node", nobody, "--timeout", "1")
    assert (ended.code, ended.out) == (3, "")
    assert "connection refused" in ended.err
    assert "0 keys stored; run the same command again to continue" in ended.err
