"""Imports and exports as processes that are ended halfway: nothing is lost, little done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kvcluster.commands.bulk import bookmark
from tests.client.fake_node import FakeNode
from tests.console.odd_streams import Pipe, has_open, held_bytes, running
from tests.processes.harness import eventually

ROOT = Path(__file__).resolve().parents[2]
_LINES = 24_000
_CHUNK = 1_000


class _Gated(FakeNode):
    """A node that answers no batch once it holds so many keys, and no second page of a scan, until
    the gate is opened.
    """

    def __init__(self) -> None:
        self.limit = 0
        self.open = threading.Event()
        super().__init__({})

    def Batch(self, request: Any, context: Any) -> Any:
        """Wait at the gate, if there is one."""
        if self.limit and len(self.store) >= self.limit:
            self.arrived.set()
            self.open.wait(20)
        return super().Batch(request, context)

    def Scan(self, request: Any, context: Any) -> Iterator[Any]:
        """Wait at the gate behind the first page, if there is one."""
        if self.limit and request.start_after:
            self.arrived.set()
            self.open.wait(20)
        yield from super().Scan(request, context)

    def close_gate(self, limit: int) -> None:
        """From so many keys on."""
        self.limit = limit
        self.open.clear()
        self.arrived.clear()

    def open_gate(self) -> None:
        """For all that wait, and for the rest."""
        self.limit = 0
        self.open.set()


@pytest.fixture
def node() -> Iterator[_Gated]:
    """One node, with a gate."""
    node = _Gated()
    yield node
    node.open_gate()
    node.stop()


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "client.py", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def _mark(file: Path) -> bookmark.Bookmark | None:
    return bookmark.Shelf(file).find()


def test_an_import_that_is_killed_and_interrupted_is_completed_by_a_third_run(
    node: _Gated, tmp_path: Path
) -> None:
    """kill -9 costs what is younger than the bookmark, Ctrl+C nothing; every line arrives."""
    file = tmp_path / "pairs.jsonl"
    pairs = {f"k{number:06}": str(number) for number in range(_LINES)}
    file.write_text("".join(json.dumps({"key": k, "value": v}) + "\n" for k, v in pairs.items()))
    command = ("import", str(file), "--node", node.address)

    node.close_gate(8 * _CHUNK)
    first = _start(*command)
    assert node.arrived.wait(20)
    eventually(lambda: _mark(file), "a bookmark")
    first.kill()
    first.communicate()
    node.open_gate()

    node.close_gate(16 * _CHUNK)
    second = _start(*command)
    assert node.arrived.wait(20)
    second.send_signal(signal.SIGINT)
    _, said = second.communicate(timeout=20)
    assert second.returncode == 130
    assert "Going on from line" in said
    assert "Interrupted, with" in said
    assert "Traceback" not in said
    mark = _mark(file)
    assert mark is not None
    assert mark.keys >= 8 * _CHUNK
    node.open_gate()

    third = _start(*command)
    out, said = third.communicate(timeout=30)
    assert (third.returncode, out[:20]) == (0, "imported 24,000 keys")
    assert said == f"Going on from line {mark.number + 1:,}; {mark.keys:,} keys stored before.\n"
    assert node.store == pairs
    assert list(tmp_path.iterdir()) == [file]


def test_a_pipe_that_says_nothing_keeps_nobody_waiting(node: _Gated) -> None:
    """Ctrl+C ends an import whose input does not."""
    process = subprocess.Popen(
        [sys.executable, "client.py", "import", "-", "--node", node.address],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdin is not None
    for number in range(2 * _CHUNK):
        process.stdin.write(json.dumps({"key": str(number), "value": "1"}) + "\n")
    process.stdin.flush()
    eventually(lambda: node.store, "the first lines are stored")
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.startswith("Interrupted, with ")
    assert "goes on" not in said


_LINE = b'{"key": "a", "value": "1"}\n'
_NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")


@_NEEDS_PROC
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_pipe_by_name_that_nobody_writes_keeps_nobody_waiting(
    node: _Gated, tmp_path: Path, number: signal.Signals
) -> None:
    """To open it waited for a writer, and the signals for that."""
    file = tmp_path / "pairs"
    os.mkfifo(file)
    with running("import", str(file), "--node", node.address) as process:
        eventually(lambda: has_open(process, str(file)), "the pipe is open")
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.startswith("Interrupted, ")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("name", "beginning"),
    [("pairs", _LINE), ("pairs.jsonl", _LINE + b"{"), ("pairs.json", b'{"a": "1",'), ("b", b" ")],
)
def test_a_pipe_by_name_whose_writer_is_silent_keeps_nobody_waiting(
    node: _Gated, tmp_path: Path, name: str, beginning: bytes, number: signal.Signals
) -> None:
    """Nor is what it has not said yet taken for a mistake in the file."""
    file = tmp_path / name
    os.mkfifo(file)
    with running("import", str(file), "--node", node.address) as process:
        writing = eventually(
            lambda: os.open(file, os.O_WRONLY | os.O_NONBLOCK), "a reader is there"
        )
        try:
            os.write(writing, beginning)
            eventually(lambda: not held_bytes(writing), "the beginning is read")
            process.send_signal(number)
            _, said = process.communicate(timeout=20)
        finally:
            os.close(writing)
    assert process.returncode == 130
    assert said.startswith("Interrupted, ")
    assert said.count("\n") == 1


@_NEEDS_PROC
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["/dev/stdin", "a terminal"])
def test_whatever_else_has_a_name_keeps_nobody_waiting(
    node: _Gated, name: str, number: signal.Signals
) -> None:
    """What another shell puts in the place of a file, or a person at a keyboard."""
    master, slave = os.openpty()
    opened = os.ttyname(slave)
    file = name if name.startswith("/") else opened
    try:
        with running("import", file, "--node", node.address, stdin=slave) as process:
            eventually(lambda: has_open(process, opened, 2), "it is open")
            process.send_signal(number)
            _, said = process.communicate(timeout=20)
    finally:
        os.close(master)
        os.close(slave)
    assert process.returncode == 130
    assert said.startswith("Interrupted, ")


def test_what_another_program_writes_is_imported_as_it_comes(node: _Gated) -> None:
    """`client.py import <(...)`; nothing is noted, since the name means nothing afterwards."""
    pipe = Pipe()
    file = f"/dev/fd/{pipe.reading}"
    try:
        with running("import", file, "--node", node.address, pass_fds=[pipe.reading]) as process:
            for part in (_LINE[:7], _LINE[7:] + b"\n"):
                pipe.write(part)
            pipe.close_writing()
            out, said = process.communicate(timeout=20)
    finally:
        pipe.close()
    assert (process.returncode, out[:15], said) == (0, "imported 1 key ", "")
    assert node.store == {"a": "1"}


def test_an_export_that_is_interrupted_is_completed_by_the_next(
    node: _Gated, tmp_path: Path
) -> None:
    """By then it has its name, and before not."""
    node.store.update((f"k{number:05}", "x" * 100) for number in range(12_000))
    node.scan.keys_in_a_message = 1_000
    file = tmp_path / "all.jsonl"
    command = ("export", str(file), "--node", node.address)
    node.close_gate(1)
    process = _start(*command)
    assert node.arrived.wait(20)
    # A page is complete, so it stands in the bookmark; the next one is on its way.
    eventually(lambda: _mark(file), "a bookmark")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert not file.exists()
    node.open_gate()
    again = _start(*command)
    _, said = again.communicate(timeout=20)
    assert again.returncode == 0
    assert said.startswith("Going on behind ")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["key"]: line["value"] for line in lines} == node.store
    assert len(lines) == 12_000
