"""A new command is one file and one line: it is offered wherever commands are."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from kvcluster.commands import command
from kvcluster.shell.expecting import FILES, expected
from kvcluster.shell.grammar import Grammar
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import THE_THREE, Program
from tests.commands.test_completion import bash_offers
from tests.shell.conftest import Script, script

__all__ = ["script"]

_HELLO = '''\
"""`client.py hello`: greets."""

from kvcluster.commands.command import Command
from kvcluster.console.arguments import file, flag, word
from kvcluster.console.screen import Exit, say


def _prepare(call):
    if call.options.twice and call.json:
        call.refuse("once is enough for programs")

    def work():
        for _ in range(1 + call.options.twice):
            say(f"hello {call.options.name}, from {call.nodes[0]}")
        return Exit.NOT_SO

    return work


COMMAND = Command(
    text="greet somebody",
    usage="hello NAME",
    epilog="""\\
examples:
  client.py hello Huế

exit codes:
  1  greeted
""",
    arguments=(
        word("name", "whom"),
        flag("--twice", text="for who did not hear it"),
        file("--card", "what goes with it"),
    ),
    prepare=_prepare,
)
'''


@pytest.fixture(autouse=True)
def _hello(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file, and the line that names it."""
    (tmp_path / "toy_hello.py").write_text(_HELLO)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(command.WISHES[command.CLUSTER], "hello", "toy_hello")
    monkeypatch.delitem(sys.modules, "toy_hello", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def test_it_is_done_and_refused(cluster: FakeCluster, client: Program) -> None:
    """With the options of all commands, before it and behind it."""
    node = cluster.addresses[0]
    ended = client("--node", node, "hello", "Huế", "--twice")
    assert (ended.code, ended.out) == (1, f"hello Huế, from {node}\n" * 2)
    assert client("hello", "--node", node, "--", "-7").out == f"hello -7, from {node}\n"
    refused = client("hello", "a", "--twice", "-o", "json")
    assert refused.code == 2
    assert refused.err.endswith("client.py hello: error: once is enough for programs\n")


def test_the_help_tells_of_it(client: Program) -> None:
    """The page of all commands, its own, and the guess at what was meant."""
    line = "  hello NAME            greet somebody\n"
    assert line in client("--help").out
    told = client("hello", "--help").out
    assert "Greet somebody." in told
    assert "for who did not hear it" in told
    assert "client.py hello Huế" in told
    assert client("help", "hello").out == told
    assert 'did you mean "hello"?' in client("helo", "a").err


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_shells_complete_it(client: Program, tmp_path: Path) -> None:
    """Its name, its options, and behind `help`."""
    made = tmp_path / "completion"
    made.write_text(client("completion", "bash").out)
    assert "hello" in bash_offers(made, "client.py", "hel")
    assert "--twice" in bash_offers(made, "client.py", "hello", "--tw")
    assert "hello" in bash_offers(made, "client.py", "help", "hell")


def test_the_shell_has_it(cluster: FakeCluster, script: Script) -> None:
    """On its page, behind its prompt, and under Tab."""
    told = script("help\nhelp hello\nhello Huế\nhelo\n", "--cluster", cluster.members)
    assert "  hello NAME            greet somebody\n" in told.out
    assert re.search("^  hello Huế$", told.out, re.M)
    assert re.search(f"^hello Huế, from {cluster.addresses[0]}$", told.out, re.M)
    assert 'did you mean "hello"?' in told.err
    grammar = Grammar(THE_THREE, {})
    assert "hello" in (expected(grammar, [], "").words or {})
    assert "--twice" in (expected(grammar, ["hello"], "--").words or {})
    assert expected(grammar, ["hello", "--card"], "").name in FILES
