"""The prompt, with somebody who presses keys: welcome, Ctrl+C, Ctrl+D, and a prompt that moves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from prompt_toolkit import PromptSession

from kvcluster.shell.history import history
from tests.client.fake_node import FakeCluster
from tests.shell.conftest import CTRL_C, Typed

from demo_pb2 import DRAINING


@pytest.fixture
def prompts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every prompt that was shown."""
    shown: list[str] = []
    prompt = PromptSession.prompt

    def show(self: PromptSession[str], message: str) -> str:
        shown.append(message)
        return prompt(self, message)

    monkeypatch.setattr(PromptSession, "prompt", show)
    return shown


def test_it_says_whom_it_talks_to_and_how_to_leave(
    cluster: FakeCluster, typed: Typed, prompts: list[str]
) -> None:
    """Of the nodes that only the first one names as well."""
    first = cluster.addresses[0]
    ended = typed("put a 1\rget a\r", "--cluster", first)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        f"{first}   3 of 3 nodes serve",
        "help shows the commands, Tab completes, Ctrl+D ends.",
        "stored, 3 of 3 replicas",
        "1",
    ]
    assert prompts == [f"{first}> "] * 3


def test_it_begins_where_a_node_serves(
    cluster: FakeCluster, typed: Typed, prompts: list[str]
) -> None:
    """And says what is wrong with the other."""
    lost = cluster.lose(0)
    ended = typed("put a 1\r", "--cluster", cluster.members)
    assert ended.out.startswith(f"{lost} does not answer (connection refused); 2 of 3 nodes serve")
    assert prompts[0] == f"{cluster.addresses[1]}> "


def test_the_prompt_names_the_node_that_it_moved_to(
    cluster: FakeCluster, typed: Typed, prompts: list[str]
) -> None:
    """After the one line that says so."""
    first = cluster.nodes[0]
    first.hangs.add("Get")
    first.release.set()
    # It answers this command, and is DRAINING when the next one comes.
    first.on_hang = lambda: setattr(first, "status", DRAINING)
    ended = typed("get a\rput a 1\r", "--cluster", cluster.members)
    (moved,) = [line for line in ended.err.splitlines() if "moved" in line]
    new = prompts[-1].removesuffix("> ")
    assert moved == f"{first.address}: it is DRAINING; moved to {new}."
    assert new in cluster.addresses[1:]
    assert prompts[:2] == [f"{first.address}> "] * 2


def test_after_a_write_that_broke_the_prompt_names_another_node(
    cluster: FakeCluster, typed: Typed, prompts: list[str]
) -> None:
    """At once, and not only at the next command."""
    first = cluster.nodes[0]
    gone = (grpc.StatusCode.UNAVAILABLE, "Socket closed")
    first.failures["Put"] = gone
    first.hangs.add("Put")
    first.release.set()
    first.on_hang = lambda: first.failures.update(CheckHealth=gone)
    ended = typed("put a 1\r", "--cluster", cluster.members)
    assert prompts[0] == f"{first.address}> "
    assert prompts[1] != prompts[0]
    assert ended.err.splitlines()[1].startswith("The write may have happened, or not.")
    assert not cluster.store


def test_the_shell_starts_and_stays_while_no_node_is_there(typed: Typed, nobody: str) -> None:
    """Each command says why it did not work."""
    ended = typed("get a\rget b\r", "--cluster", nobody)
    assert ended.code == 0
    assert f"{nobody} does not answer (connection refused); no node serves" in ended.out
    assert ended.err == f"{nobody}: connection refused, nothing listens there.\n" * 2


def test_ctrl_c_clears_a_line(cluster: FakeCluster, typed: Typed) -> None:
    """And does not carry it out."""
    ended = typed(f"put a 1{CTRL_C}put b 2\r", "--cluster", cluster.members)
    assert ended.code == 0
    assert cluster.store == {"b": "2"}


@pytest.mark.parametrize(
    ("line", "method", "said"),
    [
        ("get a", "Get", "Cancelled."),
        ("scan", "Scan", "Cancelled."),
        ("put a 1", "Put", "Interrupted; the write may have happened."),
    ],
)
def test_ctrl_c_cancels_the_command_and_not_the_shell(
    cluster: FakeCluster, typed: Typed, line: str, method: str, said: str
) -> None:
    """Of a write it says what is known; the next command works."""
    cluster.store["old"] = "1"
    calls = 0

    def interrupt() -> None:
        nonlocal calls
        calls += 1
        for node in cluster.nodes:
            node.hangs.clear()
        os.kill(os.getpid(), signal.SIGINT)

    def begin() -> None:
        for node in cluster.nodes:
            node.hangs.add(method)
            node.on_hang = interrupt

    # Not while it looks around and the pulse beats, but for the command that comes now.
    cluster.nodes[0].on_status = begin
    ended = typed(f"status\r{line}\rget old\r", "--cluster", cluster.members)
    cluster.release()
    assert calls == 1
    assert ended.code == 0
    assert ended.out.endswith("\n1\n")
    # On a busy machine the node may have been silent for a second by then.
    told = [line for line in ended.err.splitlines() if "; moved to " not in line]
    assert len(told) == 1
    assert said in told[0]


def test_ctrl_c_between_two_lines_ends_no_shell(
    cluster: FakeCluster, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever presses it many times hits that moment as well."""

    def interrupt(_: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("kvcluster.shell.conversation.complain", interrupt)
        cluster.hang("Get")
        for node in cluster.nodes:
            node.on_hang = lambda: os.kill(os.getpid(), signal.SIGINT)
        ended = typed("get a\rput b 2\r", "--cluster", cluster.members)
    cluster.release()
    assert ended.code == 0
    assert cluster.store == {"b": "2"}


def test_lines_that_were_pasted_are_done_one_by_one(cluster: FakeCluster, typed: Typed) -> None:
    """An error in one of them is told, and the others are done."""
    pasted = "\x1b[200~put a 1\nge a\n# it's\nput b 'x\ny'\n\x1b[201~"
    ended = typed(f"{pasted}\r", "--cluster", cluster.members)
    assert cluster.store == {"a": "1", "b": "x\ny"}
    assert ended.err == 'There is no command "ge"; did you mean "get"?\n'


def test_ctrl_c_cancels_also_the_lines_that_were_pasted_behind(
    cluster: FakeCluster, typed: Typed
) -> None:
    """Nobody presses it once for each of them."""
    cluster.hang("Put")
    for node in cluster.nodes:
        node.on_hang = lambda: os.kill(os.getpid(), signal.SIGINT)
    ended = typed("\x1b[200~put a 1\ndelete b\x1b[201~\r", "--cluster", cluster.members)
    cluster.release()
    assert ended.err == "Interrupted; the write may have happened. Read the key to find out.\n"
    assert not any("Delete" in node.calls for node in cluster.nodes)


def test_lines_are_there_for_the_next_shell(
    cluster: FakeCluster, typed: Typed, tmp_path: Path
) -> None:
    """But not the one that began with a space, which was done all the same."""
    typed("put a 1\r put a secret\r", "--cluster", cluster.members)
    typed("get a\r", "--cluster", cluster.members)
    assert cluster.store == {"a": "secret"}
    kept = history({"XDG_STATE_HOME": str(tmp_path)}).load_history_strings()
    assert list(kept) == ["get a", "put a 1"]


def test_what_the_disk_does_ends_no_shell(
    cluster: FakeCluster, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence, and the next line."""
    full = OSError(28, "No space left on device")

    def fail(*_: object, **__: object) -> int:
        raise full

    monkeypatch.setattr("kvcluster.commands.status_table.run", fail)
    ended = typed("status\rput a 1\r", "--cluster", cluster.members)
    assert ended.err == "Cannot go on: No space left on device.\n"
    assert cluster.store == {"a": "1"}


def test_the_other_commands_do_not_wait_for_what_edits_lines(
    cluster: FakeCluster,
) -> None:
    """`get` answers in a sixth of a second."""
    code = (
        "import sys; from kvcluster.command_line import run;"
        " from kvcluster.console.program import client;"
        f" run(['get', 'a', '--cluster', '{cluster.members}'], client('localhost:1'));"
        " print('prompt_toolkit' in sys.modules, 'kvcluster.shell' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stdout == "False False\n"
