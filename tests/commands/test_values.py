"""Bytes and odd letters on the command line: what goes in comes out, and a terminal stays whole."""

from __future__ import annotations

import io
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from kvcluster.commands.keys import summary
from kvcluster.console import screen
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import Program

ROOT = Path(__file__).resolve().parents[2]
_JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40
_TWIN = "đồng"


@pytest.fixture(autouse=True)
def _nothing_said_before() -> None:
    screen.complain_once.cache_clear()


def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("console.screen", "commands.get"):
        monkeypatch.setattr(f"kvcluster.{module}.is_for_people", lambda: True)


def _run(cluster: FakeCluster, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "client.py", *words, "--cluster", cluster.members]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30)


@pytest.mark.parametrize(
    "data", [_JPEG, b"\x00", b"plain\n", "Huế".encode(), b"data:;base64,QQ==", b"a\r\nb", b""]
)
def test_a_file_comes_back_byte_for_byte(cluster: FakeCluster, tmp_path: Path, data: bytes) -> None:
    """Pictures, texts, and a text that looks like a stored picture."""
    file = tmp_path / "given"
    file.write_bytes(data)
    assert _run(cluster, "put", "k", "--file", str(file)).returncode == 0
    assert _run(cluster, "get", "k", "--binary").stdout == data


def test_a_text_goes_into_a_file_as_it_was_put(cluster: FakeCluster) -> None:
    """A newline was added, though the documents said the contrary."""
    for value in ("no newline", "one\n", "", "data:;base64,QQ=="):
        assert _run(cluster, "put", "k", value).returncode == 0
        assert _run(cluster, "get", "k").stdout == value.encode()


def test_bytes_are_told_of_where_text_is_asked_for(cluster: FakeCluster, client: Program) -> None:
    """A script gets the text that is stored, and a person the way to the bytes."""
    cluster.store["k"] = "data:;base64,/9j/4A=="
    got = client("get", "k", "--cluster", cluster.members)
    assert (got.code, got.out) == (0, "data:;base64,/9j/4A==")
    assert got.err == '"k" is binary, 4 bytes (JPEG); --binary writes them.\n'


def test_a_terminal_is_told_what_bytes_are(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would steer it, and their base64 fill it."""
    _terminal(monkeypatch)
    cluster.store.update({"k": "data:;base64,/9j/4A==", "t": "text"})
    assert client("get", "k", "--cluster", cluster.members).out == "binary, 4 bytes (JPEG)\n"
    got = client("get", "k", "t", "--cluster", cluster.members)
    assert got.out == "k\tbinary, 4 bytes (JPEG)\nt\ttext\n"
    refused = client("get", "k", "--binary", "--cluster", cluster.members)
    assert (refused.code, refused.out) == (2, "")
    assert "get k --binary > FILE" in refused.err


def test_a_value_does_not_steer_the_terminal(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could empty the screen, or give the window another name; lines and tabs are harmless."""
    cluster.store["k"] = "a\tb\r\nc\x1b[2J\x07\rd\u202e\\n"
    assert client("get", "k", "--cluster", cluster.members).out == cluster.store["k"]
    _terminal(monkeypatch)
    got = client("get", "k", "--cluster", cluster.members)
    assert got.out == "a\tb\nc\\x1b[2J\\x07\\rd\\u202e\\n\n"


def test_a_pipe_that_brings_bytes_is_stored(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As --file does it."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(_JPEG)))
    assert client("put", "k", "-", "--cluster", cluster.members).code == 0
    assert cluster.store["k"].startswith("data:;base64,/9j/4")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (_JPEG, "binary, 10,244 bytes (JPEG)"),
        (b"\x89PNG\r\n\x1a\n", "binary, 8 bytes (PNG)"),
        (b"RIFF\0\0\0\0WEBP", "binary, 12 bytes (WebP)"),
        (b"\x80\x04K\x01.", "binary, 5 bytes (pickle)"),
        (b"\x80\x04K\x01", "binary, 4 bytes"),
        (b"\x80", "binary, 1 byte"),
        (b"", "binary, 0 bytes"),
    ],
)
def test_bytes_are_summed_up(data: bytes, told: str) -> None:
    """How many, and what their beginning says that they are."""
    assert summary(data) == told


@pytest.mark.parametrize(("put", "asked"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_miss_tells_of_a_key_that_looks_the_same(
    cluster: FakeCluster, client: Program, put: str, asked: str
) -> None:
    """Vietnamese letters have two spellings, which no eye can tell apart."""
    there, missing = (unicodedata.normalize(form, _TWIN) for form in (put, asked))  # type: ignore[arg-type]
    cluster.store[there] = "1"
    got = client("get", missing, "--cluster", cluster.members)
    assert (got.code, got.out) == (1, "")
    assert f"A key that looks the same is there, spelled in {'' if put == 'NFC' else 'de'}" in (
        got.err
    )
    assert ascii(there) in got.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["delete"], "A key that looks the same is there"),
        (["scan"], "Keys that begin with what looks the same are there"),
        (["delete", "--yes", "--prefix"], "Keys that begin with what looks the same are there"),
    ],
)
def test_other_commands_tell_of_it_too(
    cluster: FakeCluster, client: Program, words: list[str], told: str
) -> None:
    """Nothing was found, and the eye sees what was asked for."""
    cluster.store[unicodedata.normalize("NFC", _TWIN)] = "1"
    missing = unicodedata.normalize("NFD", _TWIN)
    ended = client("--cluster", cluster.members, *words, missing)
    assert ended.code == 0
    assert told in ended.err
    assert cluster.store


def test_a_put_of_odd_letters_is_remarked_once(cluster: FakeCluster, client: Program) -> None:
    """Never changed, which could lose what a program stored on purpose."""
    key = unicodedata.normalize("NFD", _TWIN)
    first = client("put", key, "1", "--cluster", cluster.members)
    again = client("put", key, "2", "--cluster", cluster.members)
    assert "not NFC" in first.err
    assert (first.code, again.code, again.err) == (0, 0, "")
    assert cluster.store == {key: "2"}
