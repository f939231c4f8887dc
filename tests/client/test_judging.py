"""What follows from the replies to a call, rule by rule."""

from __future__ import annotations

from kvcluster.client.failure import FailureKind, Refusal
from kvcluster.client.judging import Judgement, judge
from kvcluster.client.parcel import Reply
from kvcluster.client.pending import Pending
from kvcluster.errors import BadRequest, OutcomeUnknown, Unavailable
from tests.client.asked import Asked, lost, refused

from demo_pb2 import GetResponse, PutResponse

DONE = PutResponse(replicas=3, acknowledged=3)
NODE = "localhost:50051"


def _judge(*pairs: tuple[Pending, Reply]) -> Judgement:
    return judge([operation for operation, _ in pairs], [reply for _, reply in pairs], NODE)


def test_one_that_is_refused_fails_alone() -> None:
    """A wrong key must not spoil the others of its batch."""
    asked = Asked()
    good, bad = asked.put("a"), asked.put("b")
    wrong = Refusal(FailureKind.BAD_REQUEST, "the key is too long", nothing_written=True)
    judgement = _judge((good, DONE), (bad, wrong))
    assert judgement.concluded[0] == (good, DONE)
    operation, error = judgement.concluded[1]
    assert (operation, type(error)) == (bad, BadRequest)
    assert str(error) == "the key is too long; nothing was written"
    assert not judgement.again
    assert not judgement.elsewhere


def test_a_write_that_was_refused_for_certain_is_tried_again() -> None:
    """It costs the caller nothing, and another node may take it."""
    put = Asked().put("a")
    judgement = _judge((put, refused()))
    assert (judgement.again, judgement.elsewhere) == ([put], True)
    assert judgement.why_bad == "not now"


def test_a_write_that_may_have_happened_is_not_tried_again() -> None:
    """The second try could land over another client's newer put."""
    put = Asked().put("a")
    ((_, error),) = _judge((put, lost())).concluded
    assert isinstance(error, OutcomeUnknown)
    assert NODE in str(error)


def test_a_caller_may_allow_it() -> None:
    """Where nobody else writes the key, a retry is what one wants."""
    put = Asked().put("a", retry_unknown=True)
    assert _judge((put, lost())).again == [put]


def test_what_may_have_happened_stays_unknown() -> None:
    """A later refusal, however certain, says nothing of the first try."""
    put = Asked().put("a", retry_unknown=True)
    _judge((put, lost()))
    wrong = Refusal(FailureKind.BAD_REQUEST, "no", nothing_written=True)
    assert not _judge((put, wrong)).concluded
    assert isinstance(put.refused(""), OutcomeUnknown)
    assert isinstance(put.too_late({}), OutcomeUnknown)


def test_a_read_is_tried_again_whatever_happened() -> None:
    """A read cannot be done twice."""
    get = Asked().get("a")
    assert _judge((get, lost())).again == [get]


def test_a_write_is_not_tried_again_behind_a_later_one() -> None:
    """It would land over its successor, and the last put would not be the one that counts."""
    asked = Asked()
    first, second = asked.put("a"), asked.put("a")
    judgement = _judge((first, refused("NO_REPLICA")), (second, DONE))
    assert not judgement.again
    (_, error), _ = judgement.concluded
    assert isinstance(error, Unavailable)
    assert "a later write of its key" in str(error)


def test_two_writes_that_were_lost_are_tried_again_in_order() -> None:
    """The second of them is no reason to give the first up: it will land over it again."""
    asked = Asked()
    puts = [asked.put("a", retry_unknown=True), asked.put("a", retry_unknown=True)]
    assert _judge((puts[0], lost()), (puts[1], lost())).again == puts


def test_a_read_behind_a_write_that_is_tried_again_is_repeated() -> None:
    """It saw the time before a put that was begun earlier."""
    asked = Asked()
    put, get = asked.put("a"), asked.get("a")
    judgement = _judge((put, refused("NO_REPLICA")), (get, GetResponse(found=False)))
    assert judgement.again == [put, get]


def test_a_full_answer_is_asked_for_again_at_once() -> None:
    """The node did nothing wrong, and going elsewhere would be slower."""
    asked = Asked()
    one, two = asked.get("a"), asked.get("b")
    judgement = _judge((one, GetResponse(found=True)), (two, refused("ANSWER_FULL")))
    assert (judgement.again, judgement.elsewhere, judgement.why_bad) == ([two], False, "")


def test_an_answer_that_is_full_of_nothing_is_no_reason_to_stay() -> None:
    """A node that never gets further would be asked for ever."""
    get = Asked().get("a")
    assert _judge((get, refused("ANSWER_FULL"))).elsewhere


def test_a_missing_replica_says_nothing_about_the_node() -> None:
    """Other keys are fine there: it must not be given a rest for it."""
    judgement = _judge((Asked().put("a"), refused("NO_REPLICA")))
    assert judgement.elsewhere
    assert not judgement.why_bad
