"""Who has the port that a node wants: told from what they answer, or from their silence."""

from __future__ import annotations

import pytest

from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.errors import CannotStart
from kvcluster.model.members import Cluster, split_address
from kvcluster.server.listening import addresses_of
from kvcluster.server.occupant import described, how_to_find
from tests.client.conftest import frozen, web_server

from demo_pb2 import SYNCING, HealthCheckResponse, PeerState

__all__ = ["frozen", "web_server"]

THE_TWO = Cluster(("a:1", "b:1"), "a:1")


def node(name: str, *peers: str) -> HealthCheckResponse:
    """What a node says of itself that catches up."""
    told = [PeerState(node=peer) for peer in peers]
    return HealthCheckResponse(node=name, status=SYNCING, peers=told)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (node("a:1", "b:1"), "a:1 itself, which runs already and says SYNCING"),
        (node("b:1", "a:1"), "b:1, another node of this cluster"),
        (
            node("a:1", "c:1"),
            "a:1, a node of another cluster, whose members are a:1, c:1",
        ),
    ],
)
def test_a_node_says_whether_it_is_ours(answer: HealthCheckResponse, sentence: str) -> None:
    """The same command in a second terminal is no other program."""
    assert described(answer, THE_TWO) == sentence


def test_a_node_that_has_the_port_of_the_metrics_is_called_by_its_name() -> None:
    """Whose cluster it is does not matter there."""
    assert described(node("a:1", "b:1"), None) == "a:1, a kvcluster server"


def test_what_a_stranger_calls_itself_spoils_no_terminal() -> None:
    """Whatever has the port may answer anything."""
    assert "\x1b" not in described(node("\x1b[2J", "b:\x1b1"), THE_TWO)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FailureKind.WRONG_SERVICE, "no kvcluster server"),
        (FailureKind.TIMED_OUT, "does not answer"),
        (FailureKind.UNREACHABLE, "another program"),
        (FailureKind.BROKEN, "another program"),
    ],
)
def test_who_is_no_node_is_told_by_how_it_fails(kind: FailureKind, words: str) -> None:
    """A program that is frozen may be a node of ours; one that speaks HTTP is none."""
    assert words in described(CallFailed(kind, "why", nothing_written=True), THE_TWO)


@pytest.mark.parametrize(("platform", "program"), [("linux", "ss"), ("darwin", "lsof")])
def test_the_command_that_finds_it_is_of_this_system(platform: str, program: str) -> None:
    """There is no ss on a Mac."""
    assert how_to_find(7, platform).startswith(f"`{program} ")


def test_a_web_server_on_the_port_is_told_from_a_node(web_server: str) -> None:
    """It was called another program, as our own server was."""
    host, port = split_address(web_server)
    with pytest.raises(CannotStart, match=f"port {port} on {host} is in use by .* no kvcluster"):
        addresses_of(host, port, THE_TWO)


def test_a_program_that_is_silent_holds_up_no_refusal(frozen: str) -> None:
    """It is asked for a second, not for ever."""
    with pytest.raises(CannotStart, match="does not answer"):
        addresses_of(*split_address(frozen), THE_TWO)
