"""What may be said of a node whose answer is late, lost, or was given by somebody else."""

from __future__ import annotations

import pytest

from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.dashboard.hearing import PATIENCE_S, Heard, strangers, views
from kvcluster.view.health import NODES_LIMIT
from tests.view.views import A, B, C, view

from demo_pb2 import Configuration, StatusResponse

LATE = CallFailed(FailureKind.TIMED_OUT, "no answer within 2 s", nothing_written=True)


def said(node: str) -> StatusResponse:
    """What a node that is well says."""
    answer = view(node).said
    assert answer is not None
    return answer


def test_nothing_is_said_of_a_node_that_may_still_answer() -> None:
    """A node would be called dead before its first answer could have come."""
    asked = Heard(A, A, 10.0).ask(10.0)
    assert asked.view(10.0 + PATIENCE_S / 2) is None


def test_an_open_question_becomes_silence() -> None:
    """A frozen node would be shown as serving until the deadline of its question."""
    heard = Heard(A, A, 10.0).ask(10.0).hear(said(A), 10.1).ask(12.1)
    now = heard.view(15.1)
    assert heard.view(12.2) is not None
    assert now is not None
    assert str(now.outcome) == "no answer for 5 s; it may be frozen or cut off"


def test_silence_is_counted_from_the_last_answer() -> None:
    """Every new question would begin the count anew."""
    heard = Heard(A, A, 0.0).ask(0.0).hear(said(A), 1.0).ask(3.0).hear(LATE, 5.0)
    view_now = heard.ask(7.0).view(7.5)
    assert view_now is not None
    assert "no answer for 6 s" in str(view_now.outcome)


def test_what_refuses_is_not_called_silent() -> None:
    """A stopped node would be told from a frozen one no more."""
    refused = CallFailed(FailureKind.UNREACHABLE, "connection refused", nothing_written=True)
    heard = Heard(A, A, 0.0).ask(0.0).hear(refused, 0.1)
    now = heard.view(0.2)
    assert now is not None
    assert now.outcome is refused
    assert not heard.silent(0.2)


def test_a_silent_node_is_not_asked_twice() -> None:
    """Questions would pile up at a node that cannot answer them."""
    with pytest.raises(AssertionError):
        Heard(A, A, 0.0).ask(0.0).ask(2.0)


def test_a_node_keeps_its_name_when_it_falls_silent() -> None:
    """Asked as 127.0.0.1 it would turn into a second node when it dies."""
    heard = Heard("127.0.0.1:50051", "127.0.0.1:50051", 0.0).ask(0.0).hear(said(A), 0.1)
    now = heard.ask(1.0).hear(LATE, 3.0).view(3.0)
    assert now is not None
    assert now.address == A


def test_members_that_answers_name_are_asked_as_well() -> None:
    """Whoever gives one node would see that node only."""
    known = [Heard(A, A, 0.0).ask(0.0).hear(said(A), 0.1)]
    assert strangers(known) == [B, C]
    assert strangers([*known, Heard(B, B, 0.0), Heard("127.0.0.1:50053", C, 0.0)]) == []


def test_what_is_named_is_not_trusted() -> None:
    """A broken node could have the dashboard call a million addresses, or none."""
    names = [f"node-{n}:1" for n in range(500)] + ["no address", ""]
    answer = StatusResponse(node=A, configuration=Configuration(members=names))
    new = strangers([Heard(A, A, 0.0).ask(0.0).hear(answer, 0.1)])
    assert len(new) == NODES_LIMIT - 1
    assert not {"no address", ""} & set(new)


def test_one_node_asked_by_two_addresses_is_there_once() -> None:
    """It would be counted twice, and once as dead when only one way to it is."""
    heard = Heard(A, A, 0.0).ask(0.0).hear(said(A), 0.1)
    alias = Heard("127.0.0.1:1", A, 0.0).ask(0.0).hear(LATE, 2.0)
    found = views([alias, heard], 2.0)
    assert [it.address for it in found] == [A]
    assert found[0].said is not None
