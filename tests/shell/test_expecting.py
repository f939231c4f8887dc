"""What Tab offers: at each place what may stand there, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import grpc
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from kvcluster.client.raw import RawClient
from kvcluster.shell.completer import LineCompleter, keys_beginning
from kvcluster.shell.grammar import Grammar
from tests.client.fake_node import FakeCluster

KEYS = ("city", "my key", "it's", "-dash")


def _at(node: str) -> RawClient:
    return RawClient([node], timeout_s=5, only=True)


def _keys(prefix: str) -> Iterable[str]:
    return [key for key in KEYS if key.startswith(prefix)]


def _offered(grammar: Grammar, text: str) -> list[str]:
    """The lines that Tab can make of this one."""
    completer = LineCompleter(grammar, _keys, lambda: ("localhost:1", "other:1"))
    found = completer.get_completions(Document(text), CompleteEvent())
    return [text[: len(text) + it.start_position] + it.text for it in found]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("sta", ["status"]),
        ("ex", ["export", "exit"]),
        ("get ci", ["get city"]),
        ("get city my", ["get city 'my key'"]),
        ("get 'my", ["get 'my key'"]),
        ("get it", ["""get 'it'"'"'s'"""]),
        ("get -- ", ["get -- city", "get -- 'my key'", """get -- 'it'"'"'s'""", "get -- -dash"]),
        ("get -- -d", ["get -- -dash"]),
        ("put ci", ["put city"]),
        ("put city ", []),
        ("locate city ", []),
        ("delete --prefix ci", ["delete --prefix city"]),
        ("scan --start-after ci", ["scan --start-after city"]),
        ("scan --key", ["scan --keys-only"]),
        ("scan --limit ", []),
        ("get -o ", ["get -o text", "get -o json"]),
        ("get -o json ci", ["get -o json city"]),
        ("-o j", ["-o json"]),
        ("-o json sca", ["-o json scan"]),
        ("get --node o", ["get --node other:1"]),
        ("demo --no", []),
        ("import --format js", ["import --format json", "import --format jsonl"]),
        ("help lo", ["help locate"]),
        ("bogus ", []),
        ("exit ", []),
        ("put p 1\nget ci", ["put p 1\nget city"]),
    ],
)
def test_what_may_stand_at_the_cursor_is_offered(
    grammar: Grammar, text: str, lines: list[str]
) -> None:
    """A key with spaces comes in quotes, and one that looks like an option only behind --."""
    assert _offered(grammar, text) == lines


def test_without_a_word_all_keys_are_offered(grammar: Grammar) -> None:
    """But the one that would be taken for an option."""
    assert len(_offered(grammar, "get ")) == len(KEYS) - 1


def test_files_are_offered_where_a_file_is_named(
    grammar: Grammar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In quotes if they have spaces."""
    monkeypatch.chdir(tmp_path)
    for name in ("pairs.jsonl", "old pairs.json"):
        (tmp_path / name).touch()
    assert _offered(grammar, "import pa") == ["import pairs.jsonl"]
    assert _offered(grammar, "export --force ol") == ["export --force 'old pairs.json'"]
    long_name = f"{tmp_path}{os.sep}pa"
    assert _offered(grammar, f"import {long_name}") == [f"import {long_name}irs.jsonl"]


def test_keys_are_asked_from_the_cluster(cluster: FakeCluster) -> None:
    """Those that begin so, without their values, and no key that a line cannot show."""
    cluster.store.update({"a/1": "x", "a/2": "y", "a/\x1b[2J": "z", "b": "1"})
    with _at(cluster.addresses[0]) as store:
        assert keys_beginning(store, "a/") == ["a/1", "a/2"]
        assert keys_beginning(store, "\udce1") == []


def test_no_more_than_some_keys_are_asked_for(cluster: FakeCluster) -> None:
    """A million of them would fill the screen and the half second."""
    cluster.store.update((f"{number:04}", "") for number in range(500))
    with _at(cluster.addresses[0]) as store:
        assert len(keys_beginning(store, "")) == 50


def test_a_cluster_in_trouble_offers_nothing(
    cluster: FakeCluster, nobody: str, frozen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says nothing: the person types."""
    cluster.store["a"] = "1"
    cluster.nodes[0].failures["Scan"] = (grpc.StatusCode.INTERNAL, "an internal error")
    cluster.nodes[1].hangs.add("Scan")
    for node in (*cluster.addresses[:2], nobody, frozen):
        with _at(node) as store:
            assert keys_beginning(store, "a") == []
    assert capsys.readouterr() == ("", "")
