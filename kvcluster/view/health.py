"""Many nodes asked at once how they are, each with a timeout of its own.

One silent node delays nobody: every question is on its way before the first answer is awaited, on
a connection of its own, and the time of each answer is taken when it arrives, not when we look.

There are two questions. `ask_health` is the short one, that every node of any age answers.
`ask_cluster` asks for all that a node knows, its opinion of every other member included, and goes
on to the members that only the answers name: whoever asks one node hears from the whole cluster.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kvcluster.client.background import background
from kvcluster.client.failure import CallFailed, FailureKind
from kvcluster.client.link import ask_once
from kvcluster.model.members import is_address

from demo_pb2 import (
    SERVING,
    STARTING,
    SYNCING,
    HealthCheckRequest,
    HealthCheckResponse,
    PeerState,
    StatusRequest,
    StatusResponse,
)

_POLL_INTERVAL_S = 0.1
NODES_LIMIT = 64
"""What answers name is not trusted to be short."""

Said = TypeVar("Said", HealthCheckResponse, StatusResponse)


@dataclass(frozen=True)
class NodeAnswer(Generic[Said]):
    """What came of asking one address: what the node said, or the reason why it did not."""

    address: str
    elapsed_s: float
    outcome: Said | CallFailed

    @property
    def said(self) -> Said | None:
        """What the node said, if it said anything."""
        return None if isinstance(self.outcome, CallFailed) else self.outcome

    @property
    def serving(self) -> bool:
        """Whether the node takes reads and writes now."""
        return self.said is not None and self.said.status == SERVING

    @property
    def on_its_way(self) -> bool:
        """Whether the node answers and will be serving without anybody's help."""
        return self.said is not None and self.said.status in (STARTING, SYNCING)

    @property
    def nobody_there(self) -> bool:
        """Whether nothing runs at the address, as far as can be seen from here."""
        return isinstance(self.outcome, CallFailed) and self.outcome.kind is FailureKind.UNREACHABLE


Health = NodeAnswer[HealthCheckResponse]
View = NodeAnswer[StatusResponse]


def ask_health(addresses: Sequence[str], timeout_s: float) -> list[Health]:
    """Ask every address for its health; the answers come in the order of the addresses."""
    return _ask_all(addresses, HealthCheckRequest(), timeout_s)


def ask_cluster(addresses: Sequence[str], timeout_s: float) -> list[View]:
    """Ask every address for all it knows, and then the members that only the answers name."""
    answers: list[View] = _ask_all(addresses, StatusRequest(), timeout_s)
    views = [answer.said for answer in answers if answer.said is not None]
    unasked = strangers(views, {*addresses, *(view.node for view in views)})
    return answers + _ask_all(unasked, StatusRequest(), timeout_s)


def strangers(views: Iterable[StatusResponse], known: Collection[str]) -> list[str]:
    """Members that answers name and that are not known yet, as far as they are addresses."""
    named = {member for view in views for member in view.configuration.members}
    new = [name for name in sorted(named.difference(known)) if is_address(name)]
    return new[: max(0, NODES_LIMIT - len(known))]


def _ask_all(addresses: Sequence[str], request: Any, timeout_s: float) -> list[NodeAnswer[Any]]:
    async def ask_all() -> list[NodeAnswer[Any]]:
        return await asyncio.gather(*[_ask(each, request, timeout_s) for each in addresses])

    return background().run(ask_all(), timeout_s)


async def _ask(address: str, request: Any, timeout_s: float) -> NodeAnswer[Any]:
    started_s = time.perf_counter()
    try:
        outcome = await ask_once(address, request, timeout_s)
    except CallFailed as failure:
        outcome = failure
    return NodeAnswer(address, time.perf_counter() - started_s, outcome)


def settled(answers: Sequence[Health]) -> bool:
    """Whether waiting would change nothing: no node is on its way, and those that serve agree.

    They agree when each counts every other as alive and up to date. A node that has just returned
    serves before its peers have noticed, and writes in that moment are acknowledged without it.
    Gateways do not listen to each other.
    """
    if any(answer.on_its_way for answer in answers):
        return False
    nodes = [answer.said for answer in answers if answer.said is not None and answer.serving]
    names = {node.node for node in nodes}
    return all(
        peer.state == PeerState.ALIVE and not peer.lagging
        for node in nodes
        for peer in node.peers
        if peer.node in names and not node.engine
    )


def ask_until(
    addresses: Sequence[str],
    good: Callable[[Sequence[Health]], bool],
    *,
    timeout_s: float,
    patience_s: float,
) -> list[Health]:
    """Ask for health until the answers are good or patience ends; return the last ones."""
    deadline = time.monotonic() + patience_s
    while True:
        answers = ask_health(addresses, timeout_s)
        if good(answers) or time.monotonic() >= deadline:
            return answers
        time.sleep(_POLL_INTERVAL_S)
