"""The foot of the screen: the usage while one types, the cluster while one does not."""

from __future__ import annotations

import pytest

from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.client.raw import RawClient
from kvcluster.shell.foot import foot, health, hint
from kvcluster.shell.grammar import Grammar
from kvcluster.shell.whereabouts import Whereabouts
from kvcluster.view.health import Health

from demo_pb2 import SERVING, SYNCING, HealthCheckResponse

A, B, C = "localhost:50051", "localhost:50052", "localhost:50053"


def _at(*nodes: str, pinned: bool = False) -> Whereabouts:
    return Whereabouts(RawClient(nodes, timeout_s=1, only=pinned), pinned=pinned)


def _well(node: str) -> Health:
    return Health(node, 0.0, HealthCheckResponse(status=SERVING, node=node))


def _syncing(node: str) -> Health:
    return Health(node, 0.0, HealthCheckResponse(status=SYNCING, node=node))


def _gone(node: str) -> Health:
    reason = "connection refused, nothing listens there"
    return Health(node, 0.0, CallFailed(FailureKind.UNREACHABLE, reason, nothing_written=True))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ge", "Tab shows the commands, help explains them"),
        ("get", "get KEY... [--binary] [--linearizable] [-v]   Print the value of a key."),
        ("get ", "get KEY... [--binary] [--linearizable] [-v]"),
        ("get -v a", "get KEY... [--binary] [--linearizable] [-v]"),
        (
            "put a ",
            "put KEY VALUE [--file FILE] [--if-absent] [--if-version HEX] [--if-value OLD]"
            " [--ttl D] [--keep-ttl]",
        ),
        ("put a b --ttl ", "--ttl D   it expires so long from now: 30s, 5m, 12h, 7d"),
        ("touch ", "touch KEY [--ttl D]"),
        ("incr ", "incr KEY [N]"),
        (
            "scan ",
            "scan [PREFIX] [--prefix P] [--keys-only] [--count] [--limit N] [--start-after KEY]",
        ),
        ("scan --limit", "--limit N   end after so many"),
        ("scan --limit 1", "--limit N   end after so many"),
        ("delete ", "delete [KEY...] [--prefix P] [--yes] [--if-version HEX] [--if-value OLD]"),
        ("get -o ", "-o text|json   how results are printed (default: text)"),
        ("help ", "help [COMMAND]"),
        ("bogus a", ""),
    ],
)
def test_the_command_at_the_cursor_is_explained(grammar: Grammar, text: str, told: str) -> None:
    """Its usage, or what the option means that is being typed."""
    assert hint(grammar, text) == told


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([], A),
        ([_well(A), _well(B), _well(C)], f"{A}   3 of 3 nodes serve"),
        (
            [_gone(A), _well(B), _well(C)],
            f"{A} does not answer (connection refused); 2 of 3 nodes serve",
        ),
        ([_well(A), _syncing(B), _well(C)], f"{B} is SYNCING; 2 of 3 nodes serve"),
        ([_well(A), _syncing(B), _gone(C)], f"1 of 3 nodes serves; {B} and {C} do not"),
        (
            [_syncing(B), _gone(A), _gone(C)],
            f"{A} does not answer (connection refused); no node serves",
        ),
    ],
)
def test_an_empty_line_tells_how_the_cluster_is(answers: list[Health], told: str) -> None:
    """What is wrong is seen before the next command, and so is its end; within 80 columns."""
    assert health(_at(A, B, C), answers) == told
    assert len(told) <= 80


def test_a_pinned_shell_says_so() -> None:
    """It will not move, and the person shall know why."""
    place = _at(A, pinned=True)
    assert health(place, [_well(A)]) == f"{A} serves; no other is asked, because of --node"
    assert health(place, [_syncing(A)]).startswith(f"{A} is SYNCING; no other is asked")


def test_the_foot_fits_the_screen(grammar: Grammar) -> None:
    """Whatever its width, and whatever was pasted."""
    place = _at(A, B, C)
    for width in (0, 1, 5, 20, 80):
        for text in ("", "bench ", "get \x1b[2J\n", "scan --start-after "):
            line = foot(grammar, text, place, [_gone(A), _well(B)], width)
            assert len(line) <= max(1, width)
            assert line.isprintable()
    assert foot(grammar, "  ", place, [_well(A)], 80) == f"{A}   1 of 1 node serves"


def test_every_command_has_a_hint(grammar: Grammar) -> None:
    """Also those that will be added."""
    for name in grammar.commands:
        assert hint(grammar, name).startswith(name)
