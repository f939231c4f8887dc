"""Many nodes asked at once how they are, each with a timeout of its own.

One silent node delays nobody: every question is on its way before the first answer is awaited, on
a connection of its own, and the time of each answer is taken when it arrives, not when we look.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from kvcluster.client.failure import CallFailed, Kind
from kvcluster.client.link import failure_of, open_channel

from demo_pb2 import SERVING, STARTING, SYNCING, HealthCheckRequest, HealthCheckResponse, PeerState
from demo_pb2_grpc import KeyValueStub

_POLL_INTERVAL_S = 0.1


@dataclass(frozen=True)
class Answer:
    """What came of asking one address: its health, or the reason why there is none."""

    address: str
    elapsed_s: float
    outcome: HealthCheckResponse | CallFailed

    @property
    def health(self) -> HealthCheckResponse | None:
        """What the node said, if it said anything."""
        return None if isinstance(self.outcome, CallFailed) else self.outcome

    @property
    def serving(self) -> bool:
        """Whether the node takes reads and writes now."""
        return self.health is not None and self.health.status == SERVING

    @property
    def on_its_way(self) -> bool:
        """Whether the node answers and will be serving without anybody's help."""
        return self.health is not None and self.health.status in (STARTING, SYNCING)

    @property
    def nobody_there(self) -> bool:
        """Whether nothing runs at the address, as far as can be seen from here."""
        return isinstance(self.outcome, CallFailed) and self.outcome.kind is Kind.UNREACHABLE


def ask_all(addresses: Sequence[str], timeout_s: float) -> list[Answer]:
    """Ask every address at once; the answers come in the order of the addresses."""
    with contextlib.ExitStack() as channels:
        questions = [
            _Question(address, channels.enter_context(open_channel(address)), timeout_s)
            for address in addresses
        ]
        return [question.answer() for question in questions]


class _Question:
    """A CheckHealth on its way to one address."""

    def __init__(self, address: str, channel: grpc.Channel, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._done = threading.Event()
        self._started = self._ended = time.perf_counter()
        stub: Any = KeyValueStub(channel)
        self._call = stub.CheckHealth.future(HealthCheckRequest(), timeout=timeout_s)
        self._call.add_done_callback(self._end)

    def _end(self, _: object) -> None:
        self._ended = time.perf_counter()
        self._done.set()

    def answer(self) -> Answer:
        """Wait for the answer, or for the timeout."""
        self._done.wait()
        outcome: HealthCheckResponse | CallFailed
        try:
            outcome = self._call.result()
        except grpc.RpcError as error:
            outcome = failure_of(error, self._timeout_s)
        return Answer(self._address, self._ended - self._started, outcome)


def settled(answers: Sequence[Answer]) -> bool:
    """Whether waiting would change nothing: no node is on its way, and those that serve agree.

    They agree when each counts every other as alive. A node that has just returned serves before
    its peers have noticed, and writes in that moment are acknowledged without it.
    """
    if any(answer.on_its_way for answer in answers):
        return False
    nodes = [answer.health for answer in answers if answer.health is not None and answer.serving]
    names = {node.node for node in nodes}
    return all(
        peer.state == PeerState.ALIVE for node in nodes for peer in node.peers if peer.node in names
    )


def ask_until(
    addresses: Sequence[str],
    good: Callable[[Sequence[Answer]], bool],
    *,
    timeout_s: float,
    patience_s: float,
) -> list[Answer]:
    """Ask again and again until the answers are good or patience ends; return the last ones."""
    deadline = time.monotonic() + patience_s
    while True:
        answers = ask_all(addresses, timeout_s)
        if good(answers) or time.monotonic() >= deadline:
            return answers
        time.sleep(_POLL_INTERVAL_S)
