"""Words: what nodes are called by what they say, and by how they fail; the same in every program.

The wire speaks in numbers, people and programs read `SERVING`, `DEAD`, `UNREACHABLE`. A number that
a later version of demo.proto may add is shown as a number; it is never a reason to fail.
"""

from __future__ import annotations

from kvcluster.client.failure import FailureKind

from demo_pb2 import PeerState, Status

_FAILURES = {
    FailureKind.UNREACHABLE: "UNREACHABLE",
    FailureKind.TIMED_OUT: "TIMED OUT",
    FailureKind.WRONG_SERVICE: "WRONG SERVICE",
    FailureKind.BAD_REQUEST: "REFUSED",
    FailureKind.REFUSED: "REFUSED",
    FailureKind.BROKEN: "BROKEN",
}


def status_word(number: int) -> str:
    """What a node says of itself: "SERVING"."""
    return Status.Name(number) if number in Status.values() else f"STATUS {number}"


def failure_word(kind: FailureKind) -> str:
    """What a node is called that did not answer: "UNREACHABLE"."""
    return _FAILURES[kind]


def state_word(number: int) -> str:
    """What a node says of another: "ALIVE"."""
    known = number in PeerState.State.values()
    return PeerState.State.Name(number) if known else f"STATE {number}"
