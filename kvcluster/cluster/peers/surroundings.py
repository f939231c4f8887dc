"""The surroundings: what a node takes from outside itself, its machine and the way to its peers.

The disk, the clocks, chance: a simulation replaces them all, and then the same node does the same
twice. The clock of the event loop stands still while the machine sleeps. So there is a steady one
besides, which does not (steady.py).

A message reaches a peer by a `Transport`. Messages are those of demo.proto on both sides; only the
way differs: `channels.py` sends them by gRPC, the tests' transport hands them over in memory, late,
twice or not at all. Which method takes which request is read from the descriptors, so a call that
is new between nodes needs a line in demo.proto and none here.

There are four ways to fail, because they call for different answers: nobody is there
(PeerUnreachable), the connection broke (PeerBroke), somebody is there and silent (PeerSilent),
somebody said no (PeerRejected). Only the first says that a peer cannot be asked again; whether a
call may have been carried out is another question (`nothing_delivered`).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from kvcluster.model.ballots import plain_incarnation
from kvcluster.model.pauses import Times
from kvcluster.steady import steady_clock
from kvcluster.storage.disk import Disk, OsDisk

import demo_pb2

METHODS: dict[type[Message], MethodDescriptor] = {
    getattr(demo_pb2, method.input_type.name): method
    for service in demo_pb2.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
"""The method that takes a request."""


class Transport(Protocol):
    """Carries requests to peers, who are called by their names."""

    def ask(self, peer: str, request: Message, timeout_s: float) -> Awaitable[Any]:
        """The answer to a request. Raises PeerUnavailable, of the fitting kind.

        A coroutine, or a future if that costs less than a task would.
        """

    async def close(self) -> None:
        """Let go of every connection."""


def wall_clock_ms() -> int:
    """Milliseconds since 1970, as this machine believes."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a node takes from its machine."""

    disk: Disk = field(default_factory=OsDisk)
    wall_ms: Callable[[], int] = wall_clock_ms
    steady_s: Callable[[], float] = field(default_factory=steady_clock)
    incarnation: int = field(
        default_factory=lambda: plain_incarnation(lambda: random.SystemRandom().getrandbits(32))
    )
    """Drawn at random for each start; chance inside the node is drawn from it."""

    def times(self) -> Times:
        """What all clocks say now; in the event loop, whose clock is one of them."""
        timers_s = asyncio.get_running_loop().time()
        return Times(timers_s, self.steady_s(), self.wall_ms() / 1000)
