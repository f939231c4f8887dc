"""client.py scan, and delete --prefix, which begins with one: output, gaps, and how they end."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Program

from demo_pb2 import ScanResponse

ROOT = Path(__file__).resolve().parents[2]
_PAIRS = {"a": "1", "b/1": "x\ty", "b/2": "line\nend", "b\t3": "\\", "thủ đô": "Hà Nội"}


@pytest.fixture
def filled(cluster: FakeCluster) -> FakeCluster:
    """A cluster that holds a few pairs."""
    cluster.store.update(_PAIRS)
    return cluster


def test_each_pair_is_a_line(filled: FakeCluster, client: Program) -> None:
    """In the order of the keys, with one tab, whatever the pair is."""
    ended = client("scan", "--cluster", filled.members)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "a\t1",
        "b\\t3\t\\\\",
        "b/1\tx\\ty",
        "b/2\tline\\nend",
        "thủ đô\tHà Nội",
    ]


def test_json_is_an_object_a_line_that_import_takes(
    filled: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """Out of one cluster and into another by a pipe."""
    ended = client("scan", "-o", "json", "--cluster", filled.members)
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert {line["key"]: line["value"] for line in lines} == _PAIRS
    file = tmp_path / "scanned"
    file.write_text(ended.out)
    filled.store.clear()
    assert client("import", str(file), "--cluster", filled.members).code == 0
    assert filled.store == _PAIRS


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["b/"], ["b/1\tx\\ty", "b/2\tline\\nend"]),
        (["b/", "--keys-only"], ["b/1", "b/2"]),
        (["--keys-only", "-o", "json", "--limit", "1"], ['{"key":"a"}']),
        (["--limit", "1"], ["a\t1"]),
        (["--keys-only", "--start-after", "b/1"], ["b/2", "thủ đô"]),
        (["--count"], ["5"]),
        (["--count", "b/"], ["2"]),
        (["--count", "-o", "json"], ['{"count":5}']),
        (["nothing"], []),
    ],
)
def test_only_what_is_wanted_is_printed(
    filled: FakeCluster, client: Program, arguments: list[str], lines: list[str]
) -> None:
    """Each option alone; nothing found is no error."""
    ended = client("scan", *arguments, "--cluster", filled.members)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == lines


def test_what_is_missing_is_told_after_what_was_found(filled: FakeCluster, client: Program) -> None:
    """Exit code 3, so that no script takes a part for the whole."""
    for node in filled.nodes:
        node.scan.missing = ScanResponse(missing_slots=1365, missing_nodes=["localhost:9"])
    ended = client("scan", "--keys-only", "--timeout", "1", "--cluster", filled.members)
    assert ended.code == 3
    assert len(ended.out.splitlines()) == len(_PAIRS)
    assert "1,365 slots" in ended.err
    assert "localhost:9" in ended.err
    counted = client("scan", "--count", "--timeout", "1", "--cluster", filled.members)
    assert (counted.code, counted.out) == (3, "5\n")


def test_without_a_node_each_is_named_and_it_exits_with_3(client: Program, nobody: str) -> None:
    """And not with an empty list and 0."""
    ended = client("scan", "--node", nobody, "--timeout", "1")
    assert (ended.code, ended.out) == (3, "")
    assert f"{nobody}: connection refused" in ended.err


def test_a_refused_prefix_exits_with_2(filled: FakeCluster, client: Program) -> None:
    """The node's sentence is told."""
    details = "the prefix 'x' is 2,000 bytes long, allowed are 0 to 1,024"
    for node in filled.nodes:
        node.failures["Scan"] = (grpc.StatusCode.INVALID_ARGUMENT, details)
    ended = client("scan", "x", "--cluster", filled.members)
    assert ended.code == 2
    assert details.removeprefix("the ") in ended.err


def test_a_reader_that_has_seen_enough_is_no_error(cluster: FakeCluster) -> None:
    """`scan | head -1` ends at once and quietly."""
    cluster.store.update((f"{number:05}", "x" * 1000) for number in range(2000))
    for node in cluster.nodes:
        node.scan.keys_in_a_message = 100
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "client.py", "scan", "--cluster", cluster.members],
        cwd=ROOT,
        stdout=write,
        stderr=subprocess.PIPE,
    )
    os.close(write)
    with os.fdopen(read, "rb") as out:
        assert out.readline().startswith(b"00000\t")
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (141, b"")


class _Terminal(io.StringIO):
    """A person at a keyboard."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_keys_with_a_prefix_are_removed_after_a_question(
    filled: FakeCluster,
    client: Program,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
) -> None:
    """How many is told before; whatever is no yes is a no."""
    monkeypatch.setattr("sys.stdin", _Terminal(answer))
    ended = client("delete", "--prefix", "b/", "--cluster", filled.members)
    assert ended.code == code
    assert 'Delete 2 keys that begin with "b/"? [y/N]' in ended.err
    assert ended.out == ("deleted 2 keys\n" if code == 0 else "")
    assert ("b/1" in filled.store) == (code == 1)
    assert "a" in filled.store


def test_scripts_answer_with_yes(filled: FakeCluster, client: Program) -> None:
    """Without a question."""
    ended = client("delete", "--prefix", "b/", "--yes", "-o", "json", "--cluster", filled.members)
    assert (ended.code, ended.out, ended.err) == (0, '{"deleted":2}\n', "")
    assert client("delete", "--prefix", "b/", "--yes", "--cluster", filled.members).code == 0


def test_nothing_is_removed_when_not_every_key_is_found(
    filled: FakeCluster, client: Program
) -> None:
    """Half of it would look like all of it."""
    for node in filled.nodes:
        node.scan.missing = ScanResponse(missing_slots=1)
    words = ["delete", "--prefix", "b/", "--yes", "--timeout", "1"]
    ended = client(*words, "--cluster", filled.members)
    assert (ended.code, ended.out) == (3, "")
    assert "Nothing was deleted" in ended.err
    assert filled.store == _PAIRS


def test_a_key_that_cannot_be_removed_is_told(filled: FakeCluster, client: Program) -> None:
    """With the count of those that were, and the first reason."""
    for node in filled.nodes:
        for method in ("Batch", "Delete"):
            node.failures[method] = (grpc.StatusCode.INTERNAL, "an internal error; see the log")
    ended = client("delete", "--prefix", "b/", "--yes", "--cluster", filled.members)
    assert (ended.code, ended.out) == (3, "deleted 0 keys\n")
    assert "2 keys may still be there" in ended.err
    assert "internal error" in ended.err
