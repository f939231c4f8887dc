"""client.py export: whole files or none, and from where the next run goes on."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from xxhash import xxh3_128

from kvcluster import Client
from kvcluster.commands.bulk import exporting
from kvcluster.commands.bulk.bookmark import Bookmark, Shelf
from kvcluster.commands.bulk.formats import Format
from kvcluster.commands.bulk.part import Part
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Program

from demo_pb2 import ScanResponse

_PAIRS = {f"k{number:02}": f"line\nvalue {number}" for number in range(20)}


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that twenty pairs are many pages."""
    monkeypatch.setattr(exporting, "_FIRST_PAGE_KEYS", 4)
    monkeypatch.setattr(exporting, "_PAGE_KEYS", 4)


@pytest.fixture
def filled(cluster: FakeCluster) -> FakeCluster:
    """A cluster with twenty pairs."""
    cluster.store.update(_PAIRS)
    return cluster


def _lines(file: Path) -> dict[str, str]:
    said = [json.loads(line) for line in file.read_text().splitlines()]
    return {line["key"]: line["value"] for line in said}


def test_every_pair_is_written_and_nothing_else_is_left(
    filled: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """A line each."""
    file = tmp_path / "all.jsonl"
    ended = client("export", str(file), "--cluster", filled.members)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("exported 20 keys in ")
    assert _lines(file) == _PAIRS
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["all.jsonl", "all.json"])
def test_what_is_exported_and_imported_is_the_same_again(
    cluster: FakeCluster, client: Program, tmp_path: Path, name: str
) -> None:
    """Bytes stay bytes, and a text that looks like some stays a text."""
    values: dict[str, str | bytes] = {"b": b"\x89PNG", "l": "data:;base64,iVBORw==", "t": "é"}
    with Client(cluster.members) as library:
        library.put_many(values)
        before = dict(cluster.store)
        file = str(tmp_path / name)
        assert client("export", file, "--cluster", cluster.members).code == 0
        cluster.store.clear()
        assert client("import", file, "--cluster", cluster.members).code == 0
        assert cluster.store == before
        assert dict(library.read_scan()) == values


def test_json_is_in_the_form_of_a_nodes_file(
    filled: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """So that a new node may start with it."""
    file = tmp_path / "data_node_50051.json"
    assert client("export", str(file), "--cluster", filled.members).code == 0
    assert file.read_text() == json.dumps(_PAIRS, indent=2) + "\n"


@pytest.mark.parametrize(("name", "text"), [("a.json", "{}\n"), ("a.jsonl", "")])
def test_nothing_is_a_whole_file_too(
    cluster: FakeCluster, client: Program, tmp_path: Path, name: str, text: str
) -> None:
    """JSON has braces even then."""
    assert client("export", str(tmp_path / name), "--cluster", cluster.members).code == 0
    assert (tmp_path / name).read_text() == text


def test_only_keys_with_the_prefix_are_written(
    filled: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """And the result is told to a script as fields."""
    file = tmp_path / "some"
    ended = client("export", str(file), "--prefix", "k1", "-o", "json", "--cluster", filled.members)
    said = json.loads(ended.out)
    assert (said["file"], said["keys"], said["keys_now"]) == (str(file), 10, 10)
    assert _lines(file) == {key: it for key, it in _PAIRS.items() if key.startswith("k1")}


def test_a_pattern_does_not_replace_an_export_by_nothing(
    cluster: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """No key begins with a star, and what was there was a backup."""
    cluster.store["user/1"] = "a"
    file = tmp_path / "all.csv"
    file.write_text("key,value\nold,1\n")
    words = ["export", str(file), "user/*", "--force", "--cluster", cluster.members]
    ended = client(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "nothing was written. There are no patterns" in ended.err
    assert file.read_text() == "key,value\nold,1\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_there_is_replaced_only_by_force(
    filled: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """It may be the only copy of something."""
    file = tmp_path / "a.jsonl"
    file.write_text("mine")
    ended = client("export", str(file), "--cluster", filled.members)
    assert (ended.code, ended.out) == (2, "")
    assert "--force" in ended.err
    assert file.read_text() == "mine"
    assert client("export", str(file), "--force", "--cluster", filled.members).code == 0
    assert _lines(file) == _PAIRS


@pytest.mark.parametrize("name", [".", "..", "/", "./", "x" * 250, "x" * 300])
def test_what_can_be_no_export_is_refused_in_a_sentence(client: Program, name: str) -> None:
    """Also where the name leaves no room for that of the part."""
    ended = client("export", name)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert name in ended.err


def test_a_link_stays_one_and_what_it_leads_to_is_replaced(
    filled: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """It was turned into a file, and the file that others read stayed old."""
    file, link = tmp_path / "there" / "a.jsonl", tmp_path / "a.jsonl"
    file.parent.mkdir()
    link.symlink_to(file)
    command = ("export", str(link), "--cluster", filled.members)
    assert client(*command).code == 0  # what it leads to is not there yet
    assert (client(*command).code, client(*command, "--force").code) == (2, 0)
    assert link.readlink() == file
    assert _lines(file) == _PAIRS
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_what_takes_the_place_of_a_file_is_of_its_mode_and_owner(
    filled: FakeCluster, client: Program, tmp_path: Path, mode: int
) -> None:
    """What others may not read they may read in none of its forms, meanwhile included."""
    file = tmp_path / "a.jsonl"
    file.write_text("mine")
    owner = (12345, 23456) if os.geteuid() == 0 else (file.stat().st_uid, file.stat().st_gid)
    os.chown(file, *owner)
    file.chmod(mode)
    part = Part(file, Format.JSONL, {}, file.stat())
    assert stat.S_IMODE(part.path.stat().st_mode) == 0o600
    part.close()
    assert client("export", str(file), "--force", "--cluster", filled.members).code == 0
    status = file.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (mode, *owner)
    assert _lines(file) == _PAIRS


def test_a_group_that_cannot_be_kept_gets_no_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of another group would get them in its place."""
    file = tmp_path / "a.jsonl"
    file.touch()
    file.chmod(0o664)
    monkeypatch.setattr("os.fchown", Mock(side_effect=PermissionError))
    part = Part(file, Format.JSONL, {}, file.stat())
    part.begin()
    part.install()
    assert stat.S_IMODE(file.stat().st_mode) == 0o604


def test_a_note_of_how_far_it_came_is_for_nobody_else(tmp_path: Path) -> None:
    """It holds a key."""
    shelf = Shelf(tmp_path / "a.jsonl")
    shelf.put(Bookmark(1, 1, 1, "", "a key", {}))
    assert stat.S_IMODE(shelf.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", [".", "missing/a.json"])
def test_a_file_that_cannot_be_written_exits_with_2(
    client: Program, tmp_path: Path, name: str
) -> None:
    """Before any node is asked."""
    ended = client("export", str(tmp_path / name))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(("kind", "count"), [("jsonl", 20), ("json", 22)])
def test_standard_output_carries_pairs_and_nothing_else(
    filled: FakeCluster, client: Program, kind: str, count: int
) -> None:
    """What is to be said goes beside it."""
    ended = client("export", "-", "--format", kind, "--cluster", filled.members)
    assert ended.code == 0
    assert len(ended.out.splitlines()) == count
    assert ended.err.startswith("exported 20 keys")


@pytest.fixture
def part(
    filled: FakeCluster, client: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """What an export has left whose disk was full after fourteen pairs, three pages and a half."""
    file = tmp_path / "all.jsonl"
    write = Part.write

    def full(part: Part, key: str, value: str, *more: Any) -> int:
        if key == "k14":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(part, key, value, *more)

    with monkeypatch.context() as patched:
        patched.setattr(Part, "write", full)
        ended = client("export", str(file), "--cluster", filled.members)
    assert (ended.code, ended.out) == (3, "")
    assert "cannot be written: No space left on device." in ended.err
    assert f"with 12 keys in {file}.kv-part; run the same command again to continue." in ended.err
    assert not file.exists()
    return file


@pytest.mark.parametrize("torn", [b"", b'{"key":"k14","val', b"\0" * 5000])
def test_a_part_is_gone_on_with_behind_its_last_page(
    filled: FakeCluster, client: Program, part: Path, torn: bytes
) -> None:
    """What stands behind it is cut off: half a page, half a line, the zeros of a power cut."""
    with part.with_name(part.name + ".kv-part").open("ab") as more:
        more.write(torn)
    for node in filled.nodes:
        node.calls.clear()
    ended = client("export", str(part), "--cluster", filled.members)
    assert ended.code == 0
    assert ended.err == "Going on behind 12 keys that were written before.\n"
    assert ended.out.startswith("exported 20 keys, 8 of them now, in ")
    assert _lines(part) == _PAIRS
    assert list(part.parent.iterdir()) == [part]


@pytest.mark.parametrize(
    "arguments", [["--prefix", "k1"], ["--format", "json"], ["--restart"], ["touched"], ["cut"]]
)
def test_a_part_of_another_export_is_not_gone_on_with(
    filled: FakeCluster, client: Program, part: Path, arguments: list[str]
) -> None:
    """Another prefix or format, or a part that somebody has touched."""
    written = part.with_name(part.name + ".kv-part")
    if arguments == ["touched"]:
        written.write_bytes(written.read_bytes().replace(b"k03", b"k30"))
    if arguments == ["cut"]:
        written.write_bytes(written.read_bytes()[:100])
    options = [] if arguments in (["touched"], ["cut"]) else arguments
    ended = client("export", str(part), *options, "--cluster", filled.members)
    assert ended.code == 0
    assert ("begins anew" in ended.err) == (arguments != ["--restart"])
    if "json" in arguments:
        assert json.loads(part.read_text()) == _PAIRS
    else:
        prefix = "k1" if "k1" in arguments else ""
        assert _lines(part) == {k: v for k, v in _PAIRS.items() if k.startswith(prefix)}


def test_a_part_that_may_have_holes_is_not_gone_on_with(
    filled: FakeCluster, client: Program, part: Path
) -> None:
    """An earlier program left it, which did not hear of every hole."""
    written, mark = (part.with_name(f"{part.name}.kv-{end}") for end in ("part", "progress"))
    lines = written.read_bytes().splitlines(keepends=True)
    short = b"".join(lines[:3] + lines[4:12])  # a key is missing
    written.write_bytes(short)
    said = json.loads(mark.read_text())
    said["done"], said["digest"] = len(short), xxh3_128(short).hexdigest()
    del said["about"]["holes"]
    mark.write_text(json.dumps(said))
    ended = client("export", str(part), "--cluster", filled.members)
    assert ended.code == 0
    assert "it began with holes unknown. It begins anew." in ended.err
    assert _lines(part) == _PAIRS


def test_an_export_with_holes_is_no_export(
    filled: FakeCluster, client: Program, tmp_path: Path
) -> None:
    """It ends with 3 and says who is missing; when that node is back, the same command does it."""
    file = tmp_path / "all.jsonl"
    for node in filled.nodes:
        node.scan.missing = ScanResponse(missing_slots=7, missing_nodes=["localhost:9"])
    ended = client("export", str(file), "--timeout", "1", "--cluster", filled.members)
    assert (ended.code, ended.out) == (3, "")
    assert "7 slots" in ended.err
    assert "localhost:9" in ended.err
    assert not file.exists()
    for node in filled.nodes:
        node.scan.missing = ScanResponse()
    assert client("export", str(file), "--cluster", filled.members).code == 0
    assert _lines(file) == _PAIRS


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_holes_in_standard_output_are_told_at_the_end(
    filled: FakeCluster, client: Program, kind: str
) -> None:
    """Nothing can be taken back there; JSON stays open, so that nobody takes it for a whole."""
    for node in filled.nodes:
        node.scan.missing = ScanResponse(missing_slots=7)
    words = ["export", "-", "--format", kind, "--timeout", "1"]
    ended = client(*words, "--cluster", filled.members)
    assert ended.code == 3
    assert "7 slots" in ended.err
    assert not ended.out.rstrip().endswith("\n}")


def test_without_a_node_it_exits_with_3(client: Program, tmp_path: Path, nobody: str) -> None:
    """And leaves no file under that name."""
    file = tmp_path / "a.json"
    ended = client("export", str(file), "--node", nobody, "--timeout", "1")
    assert (ended.code, ended.out) == (3, "")
    assert "connection refused" in ended.err
    assert not file.exists()
