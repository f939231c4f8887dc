"""The arguments: where options may stand, how odd values get in, and what is refused with 2."""

from __future__ import annotations

import argparse
import io
import re

import pytest

from kvcluster import command_line
from kvcluster.__main__ import program as kvcluster_program
from kvcluster.commands import parser
from kvcluster.config import MIB
from kvcluster.console import program
from tests.client.fake_node import FakeCluster
from tests.commands.conftest import THE_THREE, Program


def _commands() -> list[str]:
    actions = parser.build(program.client(THE_THREE))._actions
    (found,) = [it for it in actions if isinstance(it, argparse._SubParsersAction)]
    return list(found.choices)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a cluster of their own."""
    monkeypatch.delenv("KV_NODES", raising=False)


def test_options_may_stand_before_or_after_the_command(
    cluster: FakeCluster, client: Program
) -> None:
    """Nobody remembers which, so both work."""
    node = cluster.addresses[0]
    assert client("--node", node, "--timeout", "4", "put", "a", "1").code == 0
    assert client("get", "a", "--node", node, "--timeout", "4").out == "1"
    assert client("--node", node, "get", "a", "--timeout", "4").out == "1"


@pytest.mark.parametrize("value", ["-7", "--node", "-h", "--", "-x y"])
def test_a_value_may_begin_with_a_dash_after_two_dashes(
    cluster: FakeCluster, client: Program, value: str
) -> None:
    """The convention of every command line."""
    assert client("put", "--node", cluster.addresses[0], "--", "-key", value).code == 0
    assert cluster.store == {"-key": value}


def test_a_value_is_read_from_standard_input_byte_by_byte(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line ends of any kind, and no newline added or lost."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("ạ\r\nb\n".encode())))
    assert client("put", "note", "-", "--cluster", cluster.members).code == 0
    assert cluster.store == {"note": "ạ\r\nb\n"}


def test_standard_input_that_is_no_text_is_stored_as_bytes(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was refused: people store pictures first."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"abc\xff")))
    assert client("put", "a", "-", "--cluster", cluster.members).code == 0
    assert cluster.store == {"a": "data:;base64,YWJj/w=="}


def test_a_value_that_the_node_takes_is_not_refused_on_the_way(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How large it may be is a setting of the nodes: over 16 MiB was "refused" by one not asked."""
    value = "ạ" * (6 * MIB)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(value.encode())))
    command = ("--node", cluster.addresses[0], "--timeout", "30")
    assert client("put", "note", "-", *command).code == 0
    assert client("get", "note", *command).out == value


def test_a_value_that_no_node_takes_is_not_read_to_its_end(
    client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have none; and the node is not blamed that was never asked."""
    monkeypatch.setattr("kvcluster.commands.put.VALUE_CEILING_BYTES", 4)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"12345")))
    ended = client("put", "a", "-")
    assert ended.code == 2
    assert "no node takes more than 4 bytes" in ended.err


def test_standard_input_that_is_closed_is_refused(
    client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some supervisors start programs without one."""
    monkeypatch.setattr("sys.stdin", None)
    assert client("put", "a", "-").code == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["bogus"], 'There is no command "bogus"; help shows all commands.'),
        (["stauts"], 'There is no command "stauts"; did you mean "status"?'),
        (["GETSET", "a"], "done only if nobody came between"),
        (["put", "a"], "VALUE"),
        (["get"], "KEY"),
        (["locate", "a", "b"], '"b" is one word too many; a text with spaces stands in quotes'),
        (["get", "a", "--nod", "localhost:1"], "--nod"),
        (["get", "a", "--node", "local host"], "not an address"),
        (["put", "-k", "v"], 'there is no option "-k"; what begins with a dash comes behind "--"'),
        (["put", "a", "b", "--file", "c"], "the value or --file"),
        (["put", "a", "--file", "no-such-file"], "no-such-file cannot be read: No such file"),
        (["put", "a", "--file", "."], "it is a folder"),
        (["get", "a", "b", "--binary"], "of one key"),
        (["scan", "a", "--prefix", "b"], '"a" or --prefix b?'),
        (["delete", "a", "b", "--prefix"], "one of the two"),
        (["up", "--nodes", "0"], "from 1 to 9"),
        (["up", "--port", "65535"], "too many"),
        (["up", "--nodes", "2", "--replicas", "3"], "more than there are nodes (2)"),
        (["get", "a", "--node", "localhost:1,localhost:2"], "not an address"),
        (["--cluster", "localhost:1,localhost:1"], "twice"),
        (["--cluster", ","], "empty"),
        (["--cluster", "localhost:99999"], "65535"),
        (["get", "a", "--timeout", "0"], "above 0"),
        (["get", "a", "--timeout", "nan"], "above 0"),
        (["get", "a", "--timeout", "inf"], "above 0"),
        (["get", "a", "--timeout", "soon"], "'soon'"),
        (["get", "a", "--node", "h:1", "--cluster", "h:1"], "one of the two"),
        (["--node", "h:1"], "name them with --cluster, not --node"),
        (["demo", "--node", "h:1"], "name them with --cluster, not --node"),
        (["status", "--node", "h:1"], "name them with --cluster, not --node"),
        (["locate"], "KEY"),
        (["status", "a"], "a"),
        (["status", "--interval", "1"], "--watch"),
        (["demo", "--output", "json"], "for people"),
        (["get", "a", "--output", "xml"], "xml"),
        (["delete"], "--prefix"),
        (["delete", "a", "--prefix", "b"], "one of the two"),
        (["delete", "--prefix", "", "--yes"], "every key"),
        (["delete", "--prefix", "a"], "--yes"),
        (["scan", "a", "b"], "b"),
        (["scan", "--limit", "0"], "'0'"),
        (["scan", "--limit", "9" * 5000], "whole number"),
        (["scan", "--limit", "-1"], "--limit"),
        (["import"], "FILE"),
        (["import", ""], "empty"),
        (["import", "a", "--format", "xml"], "xml"),
        (["export"], "FILE"),
        (["bench", "--reads", "101"], "from 0 to 100"),
        (["bench", "--clients", "0"], "from 1 to 10,000"),
        (["bench", "--duration", "-5"], "--duration"),
        (["top", "--output", "json"], "for people"),
        (["top", "a"], "a"),
        (["shell", "a"], "a"),
        (["shell", "--node", "h:1", "--cluster", "h:1"], "one of the two"),
        (["completion"], "shell"),
        (["completion", "tcsh"], "tcsh"),
        (["help", "bogus"], "bogus"),
        (["put", "\udcff", "x"], "not valid UTF-8"),
        (["put", "a", "\udcff"], "not valid UTF-8"),
    ],
)
def test_bad_usage_exits_with_2_and_names_what_is_wrong(
    client: Program, arguments: list[str], complaint: str
) -> None:
    """Before any node is asked."""
    ended = client(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert complaint in ended.err


def test_help_names_the_nodes_and_the_exit_codes(client: Program) -> None:
    """Whoever scripts it looks there."""
    ended = client("--help")
    assert ended.code == 0
    assert "exit codes:" in ended.out
    assert THE_THREE in "".join(ended.out.split())


def test_the_page_by_hand_leaves_out_no_command_and_no_common_option(client: Program) -> None:
    """Nobody made it from the parser, so it could fall behind."""
    page = client("--help").out
    main = parser.build(program.client(THE_THREE))
    for name in _commands():
        assert re.search(rf"^  {name}\b", page, re.M), name
    for action in main._actions:
        for option in action.option_strings:
            assert option in page, option


@pytest.mark.parametrize("name", ["", *_commands()])
def test_help_fits_a_terminal_of_80_columns(
    client: Program, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The width of a terminal that nobody has made larger."""
    monkeypatch.setenv("COLUMNS", "80")
    out = client(*([name] if name else []), "--help").out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("name", _commands())
def test_the_help_of_a_command_has_an_example_and_its_exit_codes(
    client: Program, name: str
) -> None:
    """An example is what one looks for first; a script needs the codes."""
    ended = client(name, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert re.search(rf"^  .*client\.py {name}|^  client\.py$", ended.out, re.M)
    assert name in ("completion", "help") or "exit codes:" in ended.out
    assert client("help", name).out == ended.out


def test_the_version_is_told(client: Program) -> None:
    """Whoever reports a fault is asked for it."""
    assert client("--version").out.startswith("kvcluster ")


def test_the_environment_names_the_nodes(
    cluster: FakeCluster, client: Program, monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    """Below --node and --cluster, above those that are built in."""
    monkeypatch.setenv("KV_NODES", cluster.members)
    assert client("put", "a", "1").code == 0
    assert client("get", "a", "--node", nobody).code == 3
    assert client("get", "a", "--cluster", nobody).code == 3
    monkeypatch.setenv("KV_NODES", nobody)
    assert client("get", "a", "--node", cluster.addresses[0]).out == "1"


def test_a_wrong_environment_is_named(client: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sees it on the command line."""
    monkeypatch.setenv("KV_NODES", "localhost:1,local host")
    ended = client("get", "a")
    assert ended.code == 2
    assert "KV_NODES: not an address: 'local host'" in ended.err


def test_an_empty_environment_is_none(client: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """`KV_NODES= client.py ...` is how a shell takes it away."""
    monkeypatch.setenv("KV_NODES", "")
    assert client("get", "a", "--timeout", "nan").code == 2
    assert "KV_NODES" not in client("status", "--node", "h:1").err


def test_the_server_takes_its_options_behind_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """With one in front, the demo was played against the letters of the default cluster."""
    assert command_line.run(["--timeout", "2", "server", "50051"], kvcluster_program()) == 2
    assert (
        capsys.readouterr().err == "kvcluster: server stands in front, and its options behind it.\n"
    )
