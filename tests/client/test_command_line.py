"""The arguments: where options may stand, how odd values get in, and what is refused with 2."""

from __future__ import annotations

import io

import pytest

from tests.client.conftest import THE_THREE, Program
from tests.client.fake_node import FakeCluster


def test_options_may_stand_before_or_after_the_command(
    cluster: FakeCluster, client: Program
) -> None:
    """Nobody remembers which, so both work."""
    node = cluster.addresses[0]
    assert client("--node", node, "--timeout", "4", "put", "a", "1").code == 0
    assert client("get", "a", "--node", node, "--timeout", "4").out == "1\n"
    assert client("--node", node, "get", "a", "--timeout", "4").out == "1\n"


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


def test_standard_input_that_is_not_utf8_is_refused(
    client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store holds text; which byte is wrong is told."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"abc\xff")))
    ended = client("put", "a", "-")
    assert ended.code == 2
    assert "not valid UTF-8 (at byte 3)" in ended.err


def test_standard_input_that_is_closed_is_refused(
    client: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some supervisors start programs without one."""
    monkeypatch.setattr("sys.stdin", None)
    assert client("put", "a", "-").code == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["bogus"], "invalid choice"),
        (["put", "a"], "VALUE"),
        (["get"], "KEY"),
        (["get", "a", "b"], "b"),
        (["get", "a", "--nod", "localhost:1"], "--nod"),
        (["get", "a", "--node", "localhost"], "not an address"),
        (["get", "a", "--node", "localhost:1,localhost:2"], "not an address"),
        (["--cluster", "localhost:1,localhost:1"], "twice"),
        (["--cluster", ","], "empty"),
        (["--cluster", "localhost:99999"], "65535"),
        (["get", "a", "--timeout", "0"], "above 0"),
        (["get", "a", "--timeout", "nan"], "above 0"),
        (["get", "a", "--timeout", "inf"], "above 0"),
        (["get", "a", "--timeout", "soon"], "'soon'"),
        (["get", "a", "--node", "h:1", "--cluster", "h:1"], "one of the two"),
        (["--node", "h:1"], "demo and status take --cluster"),
        (["demo", "--node", "h:1"], "demo and status take --cluster"),
        (["status", "--node", "h:1"], "demo and status take --cluster"),
        (["locate"], "KEY"),
        (["status", "a"], "a"),
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
