"""A peer that answers rubbish: the node stays up, serves its clients, and says calmly what it got.

Each answer that a node can get from a peer is replaced by bytes that are no message, by a message
of another kind, by clocks and versions that cannot be, by pages without end.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from kvcluster.config import MIB
from tests.edges.among_fakes import AmongFakes
from tests.edges.fake_peer import METHODS, clock, in_turn
from tests.edges.using import behind, many_differ, use
from tests.processes.harness import eventually

from demo_pb2 import (
    SERVING,
    BatchResponse,
    ForwardResponse,
    GetResponse,
    PeerState,
    PullResponse,
    PutResponse,
    Result,
    ScanRequest,
    StatusResponse,
)

Code = grpc.StatusCode

NEVER = (1 << 64) - 1
"""A clock that no machine has."""
NOISE = random.Random(1).randbytes
RUBBISH: list[Message | bytes] = [
    NOISE(1_000),
    b"\xff" * 20,
    b"",
    StatusResponse(node="somebody", size_bytes=1 << 63, primary_slots=7),
    PullResponse(clock=NEVER),
    b"\x0d" + bytes(4),
]


@pytest.mark.parametrize("method", METHODS)
def test_rubbish_in_answer_to_any_call_stops_nothing(among_fakes: AmongFakes, method: str) -> None:
    """Bytes that are no message, and messages of another kind: the node works all the while."""
    lone = among_fakes
    if method in ("Pull", "ConfirmPull"):
        lone.script.answers["CheckHealth"] = behind(lone)
    if method == "PullDifferences":
        lone.script.answers["Compare"] = many_differ
    lone.script.answers[method] = in_turn(*RUBBISH)
    for _ in RUBBISH:
        use(lone)
        if method == "ScanPart":
            list(lone.server.stub.Scan(ScanRequest(), timeout=1))
        lone.forgive()
    lone.wait_asked(method, len(RUBBISH))
    use(lone)


def test_empty_answer_to_a_write_is_no_copy(among_fakes: AmongFakes) -> None:
    """It says neither that the write was superseded, nor that it was stored."""
    lone = among_fakes
    lone.script.answers["Replicate"] = in_turn(b"")
    assert lone.server.put(lone.key(held=True, led=True), "v").acknowledged == 1


@pytest.mark.parametrize("method", ["Pull", "ConfirmPull", "Compare", "PullDifferences"])
def test_empty_answer_ends_no_catching_up(among_fakes: AmongFakes, method: str) -> None:
    """What it does not say, a further page or a difference, may be there all the same."""
    lone, start = among_fakes, len(among_fakes.server.log())
    if method in ("Pull", "ConfirmPull"):
        lone.script.answers["CheckHealth"] = behind(lone)
    if method == "PullDifferences":
        lone.script.answers["Compare"] = many_differ
    lone.script.answers[method] = in_turn(b"")
    why = "its answer is none of a node"
    eventually(lambda: why in lone.server.log(start), f"it says so of {method}")
    if method in ("Pull", "ConfirmPull"):
        assert lone.server.status().status != SERVING


@pytest.mark.parametrize(
    "answer",
    [
        ForwardResponse(clock=clock()),
        ForwardResponse(clock=clock(), get=GetResponse(found=True, value="v")),
        ForwardResponse(clock=NEVER, put=PutResponse(acknowledged=2)),
        b"\xff",
    ],
    ids=["nothing", "another answer", "an absurd clock", "no message"],
)
def test_rubbish_for_a_forwarded_write_leaves_its_outcome_unknown(
    among_fakes: AmongFakes, answer: Any
) -> None:
    """It is neither acknowledged, nor called not done, nor sent to another replica as well."""
    among_fakes.script.answers["Forward"] = in_turn(answer)
    with pytest.raises(grpc.RpcError) as caught:
        among_fakes.server.put(among_fakes.key(held=False), "v")
    assert caught.value.code() is Code.INTERNAL
    assert "nothing was written" not in (caught.value.details() or "")
    assert among_fakes.script.asked["Forward"] == 1


def test_rubbish_for_a_forwarded_read_is_asked_of_the_other_replica(
    among_fakes: AmongFakes,
) -> None:
    """A read may be asked of everybody, so one replica that talks rubbish costs nothing."""
    mad, sane = among_fakes.peers

    def answer(name: str, request: bytes) -> Any:
        if name == mad:
            return NOISE(50)
        read = Result(get=GetResponse(found=True, value="v", served_by=sane))
        return ForwardResponse(clock=clock(), batch=BatchResponse(results=[read]))

    among_fakes.script.answers["Forward"] = answer
    for _ in range(5):
        assert among_fakes.server.get(among_fakes.key(held=False)).served_by == sane


@pytest.mark.parametrize(
    ("odd", "complaint"),
    [
        (lambda: {"node": "localhost:1"}, "calls itself localhost:1"),
        (lambda: {"node": "\n" * 3 * MIB}, "calls itself"),
        (lambda: {"clock": clock() + (172_800_500 << 16)}, "is 172800 s ahead"),
    ],
    ids=["another name", "a name of 3 MiB", "an absurd clock"],
)
def test_rubbish_in_a_heartbeat_is_told_once_in_one_line(
    among_fakes: AmongFakes, odd: Callable[[], dict[str, Any]], complaint: str
) -> None:
    """The log says what is wrong, once, and the node goes on with everybody else."""
    lone, start = among_fakes, len(among_fakes.server.log())
    mad, _ = lone.peers  # with two of three clocks against it a node would not serve
    lone.script.answers["CheckHealth"] = lambda name, request: lone.script.health(
        name, **(odd() if name == mad else {})
    )
    lone.wait_asked("CheckHealth", 10)
    use(lone)
    lone.wait_asked("CheckHealth", 20)
    said = [line for line in lone.server.log(start).splitlines() if complaint in line]
    assert 1 <= len(said) <= 2, said


def test_numbers_in_a_heartbeat_that_mean_nothing_are_passed_over(
    among_fakes: AmongFakes,
) -> None:
    """A status that is none, a new life at each beat, a note from no version: all goes on."""
    lone, lives = among_fakes, itertools.count()
    lone.script.answers["CheckHealth"] = lambda name, request: lone.script.health(
        name, status=77, incarnation=next(lives), missed_since=b"x"
    )
    lone.wait_asked("CheckHealth", 10)
    use(lone)


def test_huge_answer_to_a_heartbeat_does_not_make_the_status_huge(
    among_fakes: AmongFakes,
) -> None:
    """What a peer says of itself is cut before it is kept, or nobody could read the status."""
    lone = among_fakes

    def boast(name: str, request: bytes) -> Any:
        health = lone.script.health(name)
        health.reason = "x" * 4 * MIB
        health.peers.extend([PeerState(node="y" * 1_000)] * 1_000)
        return health

    lone.script.answers["CheckHealth"] = boast
    lone.wait_asked("CheckHealth", 6)
    assert lone.server.status().ByteSize() < 50_000
    lone.script.answers.clear()


def test_server_that_starts_among_rubbish_serves_all_the_same(among_fakes: AmongFakes) -> None:
    """Peers that talk nothing but rubbish count as silent; a node alone serves."""
    lone = among_fakes
    for method in METHODS:
        lone.script.answers[method] = in_turn(NOISE(100))
    lone.server.interrupt()
    lone.server.start("--set", "suspect_after_s=0.5", "--set", "dead_after_s=1")
    lone.server.wait_serving()
    assert lone.server.put(lone.key(held=True), "v").acknowledged == 1
    lone.server.interrupt()
    lone.server.start()
