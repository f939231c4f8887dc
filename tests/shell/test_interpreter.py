"""Lines, one after the other, as a script: what they print, how they end, who is asked."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from tests.client.fake_node import FakeCluster, FakeNode
from tests.commands.conftest import Program
from tests.shell.conftest import Script

Code = grpc.StatusCode
GONE = (Code.UNAVAILABLE, "Socket closed")


def _when_asked(node: FakeNode, method: str, then: Callable[[], object]) -> None:
    """Have something happen when a call arrives, before it is answered."""
    node.hangs.add(method)
    node.on_hang = then
    node.release.set()


def _moved(said: str) -> tuple[str, str, str]:
    """The node that was left, why, and the new one; there is this line and no other."""
    move = re.fullmatch(r"(\S+): (.+); moved to (\S+)\.\n?", said)
    assert move is not None, said
    left, reason, new = move.groups()
    return left, reason, new


def test_lines_do_what_client_py_does(cluster: FakeCluster, script: Script) -> None:
    """The same words, the same output; comments and empty lines are nothing."""
    lines = "# a comment, isn't it\n\nput 'my key' \"Hà Nội\"\n  get 'my key'\nscan\nlocate a\n"
    ended = script(lines + "delete 'my key'\n", "--cluster", cluster.members)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[:3] == ["stored, 3 of 3 replicas", "Hà Nội", "my key\tHà Nội"]
    assert '"a" lives in slot 1234' in ended.out
    assert ended.out.endswith("deleted, 3 of 3 replicas\n")


def test_an_error_ends_no_script_and_is_its_exit_code(cluster: FakeCluster, script: Script) -> None:
    """The last line that failed decides; a line that works undoes nothing."""
    lines = "bogus\nput a\nput a '1\nget nothing\nput a 1\n"
    ended = script(lines, "--cluster", cluster.members)
    assert (ended.code, ended.out) == (1, "stored, 3 of 3 replicas\n")
    assert [line.partition(" ")[0] for line in ended.err.splitlines()] == [
        "There",
        "put:",
        "A",
        "There",
    ]


def test_a_script_ends_where_it_says_so(cluster: FakeCluster, script: Script) -> None:
    """With the code of what failed before."""
    ended = script("get nothing\nexit\nput a 1\n", "--cluster", cluster.members)
    assert ended.code == 1
    assert not cluster.store


def test_bytes_that_are_no_text_are_refused(cluster: FakeCluster, script: Script) -> None:
    """In a sentence, and the next line is read."""
    ended = script(b"put a \xff\n\xfe\nput b 1", "--cluster", cluster.members)
    assert ended.code == 2
    assert "is not valid UTF-8" in ended.err
    assert cluster.store == {"b": "1"}


def test_standard_input_that_is_closed_is_refused(
    client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some supervisors start programs without one."""
    monkeypatch.setattr("sys.stdin", None)
    assert client("shell").code == 2


@pytest.mark.parametrize("line", ["put a -", "import -"])
def test_standard_input_holds_the_commands_and_no_value(script: Script, line: str) -> None:
    """It would swallow the rest of the script."""
    ended = script(f"{line}\nhelp exit\n")
    assert ended.code == 2
    assert ended.err.startswith('"-" means standard input, and this shell reads its commands')
    assert "exit" in ended.out


def test_a_mark_before_the_first_command_is_passed_over(
    cluster: FakeCluster, script: Script
) -> None:
    """Editors put it there, and nobody sees it."""
    cluster.store["a"] = "1"
    assert script("\ufeffget a\n", "--cluster", cluster.members).out == "1\n"


def test_a_semicolon_at_the_end_is_remarked_once(cluster: FakeCluster, script: Script) -> None:
    """The fingers of SQL put one there, and it is stored."""
    ended = script("set a 1;\nset b 2;\nset c '3;'\nquit;\n", "--cluster", cluster.members)
    assert cluster.store == {"a": "1;", "b": "2;", "c": "3;"}
    assert ended.err.count("no line here ends with one") == 2


def test_pipes_are_refused_and_not_taken_for_keys(cluster: FakeCluster, script: Script) -> None:
    """`get note > note.txt` would ask for three keys."""
    ended = script("put a 1 > file\nput '>' '|'\n", "--cluster", cluster.members)
    assert ended.code == 2
    assert 'a word ">" stands in quotes' in ended.err
    assert cluster.store == {">": "|"}


def test_files_have_the_home_of_other_shells(
    cluster: FakeCluster, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There no program sees a ~."""
    monkeypatch.setenv("HOME", str(tmp_path))
    cluster.store["a"] = "1"
    ended = script("export ~/all.json\nimport ~/all.json\n", "--cluster", cluster.members)
    assert ended.code == 0
    assert json.loads((tmp_path / "all.json").read_text()) == {"a": "1"}


@pytest.mark.parametrize("name", [b"a\0b", b"~nobody-of-this-name/a", b"\xff", b"''"])
def test_a_name_that_no_file_has_is_refused(script: Script, nobody: str, name: bytes) -> None:
    """In a sentence, whatever the system thinks of it."""
    ended = script(b"import " + name, "--cluster", nobody)
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1


def test_options_of_the_shell_hold_for_its_lines(cluster: FakeCluster, script: Script) -> None:
    """And a line may say otherwise."""
    cluster.store["a"] = "1"
    ended = script("get a\nget a -o text\n", "--cluster", cluster.members, "-o", "json")
    first, second = ended.out.splitlines()
    assert json.loads(first)["value"] == "1"
    assert second == "1"


def test_a_line_may_name_another_node(cluster: FakeCluster, script: Script, nobody: str) -> None:
    """This time; the shell stays where it is."""
    other = cluster.nodes[2]
    lines = f"put a 1 --node {other.address}\nget a --cluster {nobody}\nget a\n"
    ended = script(lines, "--cluster", cluster.members)
    assert (ended.code, ended.out) == (3, "stored, 3 of 3 replicas\n1\n")
    assert "Put" in other.calls
    assert "moved" not in ended.err


def test_a_dead_node_is_left_in_one_line(cluster: FakeCluster, script: Script) -> None:
    """Every later command asks the new one, and no other."""
    lost = cluster.lose(0)
    ended = script("put a 1\nput b 2\nget b\nscan --count\n", "--cluster", cluster.members)
    assert (ended.code, ended.out) == (0, "stored, 2 of 3 replicas\n" * 2 + "2\n2\n")
    left, reason, new = _moved(ended.err)
    assert (left, reason) == (lost, "connection refused")
    assert [node.address for node in cluster.nodes if "Put" in node.calls] == [new]


def test_one_address_is_enough_to_survive_the_death_of_its_node(
    cluster: FakeCluster, script: Script
) -> None:
    """The others were learned from it while it lived."""
    cluster.store["a"] = "1"
    first = cluster.nodes[0]
    _when_asked(first, "Get", lambda: first.failures.update(CheckHealth=GONE))
    ended = script("get a\nget a\n", "--cluster", first.address)
    assert (ended.code, ended.out) == (0, "1\n1\n")
    left, _, new = _moved(ended.err)
    assert left == first.address
    assert new in cluster.addresses[1:]


def test_a_frozen_node_is_left_in_one_line(
    cluster: FakeCluster, script: Script, frozen: str
) -> None:
    """It costs a second, and no write: nothing was sent to it but a question."""
    ended = script("put a 1\nget a\n", "--cluster", f"{frozen},{cluster.members}")
    assert (ended.code, ended.out) == (0, "stored, 3 of 3 replicas\n1\n")
    left, reason, new = _moved(ended.err)
    assert (left, reason) == (frozen, "no answer")
    assert new in cluster.addresses


@pytest.mark.parametrize("command", ["put a 1", "delete a"])
def test_a_write_that_may_have_happened_is_not_sent_again(
    cluster: FakeCluster, script: Script, command: str
) -> None:
    """The command says so, and then the shell moves on."""
    first = cluster.nodes[0]
    for method in ("Put", "Delete"):
        first.failures[method] = GONE
        _when_asked(first, method, lambda: first.failures.update(CheckHealth=GONE))
    ended = script(f"{command}\nget b\n", "--cluster", cluster.members)
    assert ended.code == 1
    broke, unknown, moved, missing = ended.err.splitlines()
    assert broke == f"{first.address}: the connection broke before the answer came."
    assert unknown == "The write may have happened, or not. Read the key to find out."
    assert _moved(moved)[0] == first.address
    assert missing == 'There is no key "b".'
    assert not {"Put", "Delete"} & {*cluster.nodes[1].calls, *cluster.nodes[2].calls}


def test_it_works_again_when_a_node_returns(cluster: FakeCluster, script: Script) -> None:
    """While none is there each command says so in sentences, and the shell stays."""
    cluster.store["a"] = "1"
    for node in cluster.nodes:
        node.failures |= {"CheckHealth": GONE}
    last = cluster.nodes[2]

    def come_back() -> None:
        if len(last.calls) > 2:  # the shell has knocked, and the command has
            last.failures.clear()

    _when_asked(last, "CheckHealth", come_back)
    ended = script("get a\nget a\n", "--cluster", cluster.members)
    assert ended.code == 3
    assert ended.out == "1\n"
    *sentences, moved = ended.err.splitlines()
    assert [line.partition(": ")[0] for line in sentences] == list(cluster.addresses)
    assert moved.endswith(f"moved to {last.address}.")


def test_a_pinned_shell_asks_its_node_only(
    cluster: FakeCluster, script: Script, nobody: str
) -> None:
    """And says so when that one is down."""
    ended = script("put a 1\nget a\n", "--node", nobody)
    assert ended.code == 3
    assert ended.err.startswith(f"{nobody}: connection refused, nothing listens there.\n")
    assert "moved" not in ended.err
    here = cluster.nodes[1]
    assert script("put a 1\nget a\n", "--node", here.address).out.endswith("1\n")
    assert not cluster.nodes[0].calls


def test_a_pinned_shell_stays_also_where_it_knows_others(
    cluster: FakeCluster, script: Script
) -> None:
    """Its node has named them, and then falls silent."""
    cluster.store["a"] = "1"
    first = cluster.nodes[0]

    def fall_silent() -> None:
        if first.calls.count("Get") == 2:
            first.failures |= {"CheckHealth": GONE, "Get": GONE}

    _when_asked(first, "Get", fall_silent)
    ended = script("get a\nget a\n", "--node", first.address)
    assert (ended.code, ended.out) == (3, "1\n")
    assert ended.err.startswith(f"{first.address}: the connection broke")
    assert not any(node.calls for node in cluster.nodes[1:])


@pytest.mark.parametrize("method", ["CheckHealth", "Get", "Put", "Scan"])
def test_ctrl_c_ends_a_script(cluster: FakeCluster, script: Script, method: str) -> None:
    """As in every shell; nothing behind it is done."""
    cluster.hang(method)
    presses = iter([signal.SIGINT])  # once, however many nodes are asked
    for node in cluster.nodes:
        node.on_hang = lambda: os.kill(os.getpid(), next(presses, 0))
    line = {"Get": "get a", "Scan": "scan"}.get(method, "put a 1")
    ended = script(f"{line}\nput b 1\n", "--cluster", cluster.members)
    cluster.release()
    assert ended.code == 130
    assert "b" not in cluster.store
    assert ("before anything was sent" in ended.err) == (method == "CheckHealth")
