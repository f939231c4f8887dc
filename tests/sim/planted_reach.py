"""Bugs planted into what a node makes of a peer that it cannot reach."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from kvcluster.cluster.heartbeat import Heartbeats
from kvcluster.cluster.redial import Redial
from kvcluster.errors import PeerBroke, PeerUnconnected, PeerUnreachable
from tests.sim.planting import planted, replace


@planted(found_by=129)
def excuse_a_debt_when_a_connection_breaks(stack: contextlib.ExitStack) -> None:
    """A heartbeat that met a reset is taken for one that was refused."""
    _take_for_nobody(stack, PeerBroke)


@planted(found_by=129)
def excuse_a_debt_when_no_connection_comes_about(stack: contextlib.ExitStack) -> None:
    """The same in the handshake only, where nothing was delivered."""
    _take_for_nobody(stack, PeerUnconnected)


def _take_for_nobody(stack: contextlib.ExitStack, kind: type[PeerBroke]) -> None:
    unanswered = Heartbeats._unanswered

    def unanswered_or_refused(self: Any, name: str, error: Exception) -> None:
        if isinstance(error, kind):
            self._refused(name, error, self._peers.now_s())
        else:
            unanswered(self, name, error)  # type: ignore[arg-type]

    replace(stack, Heartbeats, "_unanswered", unanswered_or_refused)


@planted(found_by=26)
def pass_by_a_peer_whose_connection_broke(stack: contextlib.ExitStack) -> None:
    """A copy of a write that met a reset is taken for one that was refused: nobody tells it."""

    async def ask(self: Any, name: str, call: Any, request: Any, timeout_s: float) -> Any:
        try:
            return await call(name, self._envelope.stamp(request), timeout_s)
        except PeerBroke as error:
            raise PeerUnreachable(str(error)) from None

    replace(stack, Redial, "ask", ask)


@planted(found_by=259)
def tell_a_peer_only_briefly_what_it_missed(stack: contextlib.ExitStack) -> None:
    """The write is acknowledged, and the peer behind a slow way has not heard of it yet."""
    tell = Heartbeats.tell

    async def tell_briefly(self: Any, name: str) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(tell(self, name), 0.3)

    replace(stack, Heartbeats, "tell", tell_briefly)
